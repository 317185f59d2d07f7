#pragma once

#include "core/queues/queue_limits.hpp"
#include "core/queues/queue_table.hpp"
#include "core/queues/session_table.hpp"
#include "messages/queue.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace dfs::core {

/// The replicated queues: applies messages in the order that the group gives
/// them (docs/protocols/queues.md). One per server; equal on all of them at
/// equal places. Pure: no clock but the ordered one, no order of hash tables.
/// A copy is a snapshot, and cheap: it shares the items.
///
///  I3  A number of a session is executed at most once, while the session is.
///  I4  Equal messages give equal answers and equal hashes.
///  I6  Nothing above the limits is kept.
class queue_machine {
public:
  explicit queue_machine(const queue_limits& limits = {})
    : limits_{limits},
      sessions_{limits} {
    // nop
  }

  /// Executes the requests of message `sequence`, one after another. Items and
  /// labels are moved out of them.
  /// @param scattered Of each request whether it makes a queue with a scattered
  ///                  id (`queue_format_scattered`); empty: of none.
  /// @pre `sequence` is above all before; `check_batch` found nothing.
  /// @returns an answer for each request, in their order.
  [[nodiscard]] std::vector<msg::queue_answer>
  apply(std::uint64_t sequence, std::span<msg::queue_request> requests,
        const std::vector<bool>& scattered = {});

  /// Message `sequence` is not for the queues, or no batch: it has no effect.
  void pass_over(std::uint64_t sequence);

  /// A read, executed here and now, outside the order: others may be ahead.
  /// The place is the last message applied. Changes: `invalid`.
  [[nodiscard]] msg::queue_answer look(const msg::queue_request& x) const;

  /// Of the last message; 0: none.
  [[nodiscard]] std::uint64_t sequence() const {
    return sequence_;
  }
  [[nodiscard]] queue_tick clock() const {
    return clock_;
  }
  [[nodiscard]] const queue_table& queues() const {
    return queues_;
  }
  [[nodiscard]] const session_table& sessions() const {
    return sessions_;
  }

  /// Equal states have equal ones. O(1).
  [[nodiscard]] std::uint64_t state_hash() const;

  /// Aborts if an invariant is broken. O(n), for tests and after a snapshot.
  void check() const;

private:
  friend class snapshot_loader;

  void advance(std::uint64_t sequence);
  msg::queue_answer execute(msg::queue_request& x, msg::queue_place place);
  void change(msg::queue_request& x, msg::queue_answer& answer);
  void execute_change(msg::queue_request& x, session_table::answer& told);
  void read(const msg::queue_request& x, msg::queue_answer& answer) const;
  void tick(std::uint64_t to, msg::queue_answer& answer);

  void create(const msg::queue_request& x, session_table::answer& told);
  void destroy(const msg::queue_request& x, session_table::answer& told);
  void push(msg::queue_request& x, session_table::answer& told);
  void pop(const msg::queue_request& x, session_table::answer& told);

  queue_limits limits_;
  queue_table queues_;
  session_table sessions_;
  std::uint64_t sequence_ = 0;
  bool scatters_ = false; ///< The request that is executed now.
  queue_tick clock_;
};

} // namespace dfs::core
