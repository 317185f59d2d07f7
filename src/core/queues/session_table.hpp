#pragma once

#include "core/queues/queue_limits.hpp"
#include "core/queues/queue_table.hpp"
#include "messages/queue.hpp"
#include "messages/queue_page.hpp"

#include <cstdint>
#include <map>

namespace dfs::core {

/// The sessions of the replicated state: what each client was told, so that
/// nothing is executed twice (docs/protocols/queues.md, Sessions). After Ongaro
/// 2014, 6.3, with births in place of a registration. A copy shares the items.
///
///  I3  A number is executed at most once, and never after its session expired.
///  I5  Counts, bytes and hash are those of the rows.
class session_table {
public:
  struct answer {
    msg::queue_verb verb{};
    msg::queue_status status{};
    std::int64_t value = -1;
    shared_item item; ///< Null: none.
    msg::queue_place place;
  };

  struct session {
    std::uint64_t first = 1; ///< Below it the client has all answers.
    queue_tick used;
    std::map<std::uint64_t, answer> answers; ///< From `first` on.
    std::uint64_t bytes = 0;                 ///< Of the answers.
  };

  /// May this be executed now?
  struct admission {
    /// `done`: yes. Else why not.
    msg::queue_status status{};
    /// Not null: it was executed, and this came of it. Valid until the next
    /// change.
    const answer* told = nullptr;
  };

  explicit session_table(const queue_limits& limits) : limits_{limits} {
    // nop
  }

  /// Makes the session if it may be made, notes what the client has read.
  /// @pre the request is a change, and right.
  [[nodiscard]] admission admit(const msg::queue_request& x, queue_tick clock);

  /// Of a request that needs no session: keeps the one that it has.
  void touch(const msg::queue_request& x, queue_tick clock);

  /// Whether the session may be told an item that costs so much.
  /// @pre it was admitted, here and below.
  [[nodiscard]] bool
  has_room(const msg::queue_session& session, std::uint64_t bytes) const;

  /// @pre the number has no answer.
  void
  keep(const msg::queue_session& session, std::uint64_t number, answer told);

  /// The client of this session has all answers, and nothing of it is under way
  /// any more: the session is as if it had never been. May be repeated.
  void end(const msg::queue_session& session);

  /// Ends the sessions that have not been used for too long. O(sessions).
  void expire(queue_tick clock);

  [[nodiscard]] const std::map<msg::queue_session, session>& all() const {
    return sessions_;
  }
  [[nodiscard]] std::uint64_t answers() const {
    return answers_;
  }
  [[nodiscard]] std::uint64_t bytes() const {
    return bytes_;
  }
  [[nodiscard]] std::uint64_t hash() const {
    return hash_;
  }

  // From a snapshot. False: such a row cannot be; then the table is of no use.
  [[nodiscard]] bool load(const msg::queue_session_row& row, queue_tick clock);
  [[nodiscard]] bool load(msg::queue_answer_row row);

  /// Aborts if I5 is broken, or a limit. O(n).
  void check() const;

private:
  using sessions = std::map<msg::queue_session, session>;

  void use(sessions::value_type& x, std::uint64_t first, queue_tick clock);
  sessions::iterator drop(sessions::iterator which);
  void forget(const msg::queue_session& of, session& x,
              std::map<std::uint64_t, answer>::iterator which);
  static std::uint64_t hash_of(const sessions::value_type& x);
  static std::uint64_t hash_of(const msg::queue_session& session,
                               std::uint64_t number, const answer& x);

  queue_limits limits_;
  sessions sessions_;
  std::uint64_t answers_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t hash_ = 0;
};

} // namespace dfs::core
