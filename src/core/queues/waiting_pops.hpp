#pragma once

#include "core/queues/queue_table.hpp"
#include "messages/queue.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace dfs::core {

/// Pops that wait for an item, at the server whose clients wait. Not part of
/// the replicated state (docs/protocols/queues.md, Pops that wait): it says
/// which of them to submit when, the state machine says who gets an item.
///
///  I11 A pop is answered once, with what is final.
///  I12 While a queue has items, as many of its pops are under way as there
///      are items, or all.
class waiting_pops {
public:
  using requests = std::vector<msg::queue_request>;

  /// A client's pop that waits, just submitted.
  /// @returns false: it is there already; another connection asks for it now.
  bool add(const msg::queue_request& pop);

  /// The client is gone: nobody is to be answered.
  void drop(const msg::queue_session& session, std::uint64_t number);

  /// Its time is over. @returns what to submit: the same without waiting.
  /// Nothing if it is not there. May be repeated.
  [[nodiscard]] std::optional<msg::queue_request>
  give_up(const msg::queue_session& session, std::uint64_t number);

  /// A message was applied: `requests`, what came of them, and the queues as
  /// they are now. Takes the pops that got a final answer off the list.
  /// @returns what to submit, those that came first first.
  [[nodiscard]] requests
  on_applied(std::span<const msg::queue_request> requests,
             std::span<const msg::queue_answer> answers,
             const queue_table& queues);

  /// Submits those again that have slept for `ticks`, so that their sessions
  /// do not expire. @param clock That of the state.
  [[nodiscard]] requests renew(queue_tick clock, std::uint64_t ticks);

  /// Submits all again: what was under way may be lost with a configuration.
  [[nodiscard]] requests submit_all();

  [[nodiscard]] std::size_t size() const {
    return pops_.size();
  }

private:
  struct waiter {
    msg::queue_request pop; ///< `wait` is off when its time is over.
    std::uint64_t arrival = 0;
    queue_tick submitted;
    bool under_way;
  };
  using key = std::pair<msg::queue_session, std::uint64_t>;
  struct line {
    std::map<std::uint64_t, key> sleeping; ///< By arrival.
    std::uint64_t under_way = 0;
  };

  void on_answer(const msg::queue_answer& answer);
  void wake(queue_id queue, std::uint64_t most, requests& to_submit);
  void put_aside(const key& which, waiter& x);
  void remove(std::map<key, waiter>::iterator which);

  std::map<key, waiter> pops_;
  std::map<queue_id, line> lines_;
  std::uint64_t arrivals_ = 0;
  queue_tick clock_;
};

} // namespace dfs::core
