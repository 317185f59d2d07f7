#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "core/queues/server_round.hpp"
#include "core/queues/session_window.hpp"
#include "messages/queue.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace dfs::core {

using queue_call = std::uint64_t;    ///< What somebody asked for, from 1.
using queue_attempt = std::uint64_t; ///< One sending of it, from 1.

/// Ask that server for a greeting; `queue_caller::on_greeting` gets the answer.
struct queue_greet {
  std::string server; ///< HOST:PORT
  std::chrono::milliseconds timeout{0};
};

/// Send it; `queue_caller::on_answer` gets the answer, once, `timeout` later at
/// the latest.
struct queue_send {
  queue_attempt attempt = 0;
  std::string server;
  msg::queue_request request;
  std::chrono::milliseconds patience{0}; ///< Of a pop that waits.
  std::chrono::milliseconds timeout{0};
};

/// The session is not used any more: tell that server, once. No answer is
/// waited for.
struct queue_end {
  std::string server;
  msg::queue_request request;
};

/// What came of a call. Each gets one.
struct queue_told {
  queue_call call = 0;
  result<msg::queue_answer> answer;
  /// Whose outcome is unknown, if that is the error: session and number, by
  /// which anybody can ask again.
  std::optional<msg::queue_request> unknown;
};

using queue_effect
  = std::variant<queue_greet, queue_send, queue_end, queue_told>;
using queue_effects = std::vector<queue_effect>;

/// What a greeting brought.
struct queue_greeting_heard {
  queue_tick birth;
  bool primary = false;               ///< Of who answered.
  std::vector<std::string> primaries; ///< Addresses that are said to be.
  std::vector<std::string> others;
};

struct queue_caller_options {
  std::uint64_t window = 128;
  std::size_t calls_max = 10'000; ///< Then `ec::busy`.
  std::chrono::milliseconds greeting_max{2'000};
  /// Of a try that does not wait for items; the next server is asked then.
  std::chrono::milliseconds attempt_max{5'000};
  /// Of one try that does. Below what servers allow a request.
  std::chrono::milliseconds patience_max{300'000};
  std::chrono::milliseconds pause_min{20}; ///< After a round of all servers.
  std::chrono::milliseconds pause_max{500};
  /// After an outcome that is unknown: leave the session as it is, so that
  /// `call_again` can settle it, and go on in another one. Else the next
  /// request says that nobody wants to know, and what was not executed never
  /// will be.
  bool keep_unknown = false;
};

/// A client's side of the queues: a session, numbers, and the same request at
/// one server after another until there is an answer that is final
/// (docs/protocols/queues.md). Pure: the shell sends, and says what came.
///
///  C3  A call is answered once, at its deadline at the latest.
///  C4  Whatever is sent again for a call, while it may have been executed, has
///      the same session and number.
///  C5  An error other than `outcome_unknown` means that a change was not
///      executed, and will not be.
///  C6  A session is ended only if each request of it that may have been begun
///      was sent to one server, the same for all, once, and was answered.
class queue_caller {
public:
  /// Unpredictable bits for a session.
  using randomness = std::function<decltype(msg::queue_session::random)()>;

  /// @param contacts Any servers of the cluster, not none of them.
  queue_caller(std::vector<std::string> contacts, randomness bits,
               queue_caller_options options = {});

  /// @param what Without session, number and `first`. A pop with `wait` waits
  ///   for `wait`, and for its final answer up to `timeout` longer.
  queue_effects call(queue_call id, msg::queue_request what,
                     std::chrono::milliseconds timeout,
                     std::chrono::milliseconds wait, instant now);

  /// The same for what was asked before, by whomever, and has an unknown
  /// outcome.
  /// @param what With its session and number. Answers with `session_expired`
  ///   and `outside_window` say that nobody can tell any more; all errors, that
  ///   it may have been executed.
  queue_effects call_again(queue_call id, msg::queue_request what,
                           std::chrono::milliseconds timeout,
                           std::chrono::milliseconds wait, instant now);

  /// Pops that wait are not to wait any longer: each is answered soon, with an
  /// item or `empty`.
  queue_effects end_waits(instant now);

  /// Nothing will be asked for a while: ends the session if that is safe (C6).
  /// The next call begins another one.
  queue_effects end_session();

  /// @param heard Errors: `unsupported` (it has no queues; `others` is who
  ///   might), and whatever asking it says.
  queue_effects on_greeting(const result<queue_greeting_heard>& heard,
                            const std::vector<std::string>& others,
                            instant now);

  /// @param answer Errors: `not_primary`, `shutting_down`, `busy` and
  ///   `unavailable` say that the request was not begun; `outcome_unknown` and
  ///   `timed_out` that nobody knows.
  queue_effects on_answer(queue_attempt attempt,
                          const result<msg::queue_answer>& answer, instant now);

  /// Time has passed.
  queue_effects tick(instant now);

  /// When `tick` is wanted next; nothing: not before something else.
  [[nodiscard]] std::optional<instant> next_deadline() const;

  [[nodiscard]] std::size_t open() const {
    return calls_.size();
  }

  /// Where requests go now.
  [[nodiscard]] const std::string& server() const {
    return servers_.address(servers_.here());
  }

  /// How often a server was left for another one; for curious people.
  [[nodiscard]] std::uint64_t moves() const {
    return moves_;
  }

  /// Aborts if C1 to C3 are broken. O(n).
  void check() const;

private:
  enum class phase : std::uint8_t { ready, sent, pausing };
  using milliseconds = std::chrono::milliseconds;

  struct pending {
    msg::queue_request request; ///< Number 0: none yet.
    instant deadline;
    instant last_try;             ///< Of a change that all have refused.
    instant wait_until;           ///< Of a pop that waits.
    std::uint64_t generation = 0; ///< Of its number.
    phase now = phase::ready;
    instant wake; ///< When pausing.
    queue_attempt attempt = 0;
    std::size_t server = 0;
    bool maybe_done = false; ///< Sent, and nobody knows.
    bool again = false;      ///< Of an earlier session.
    std::size_t failures = 0;
    std::chrono::milliseconds pause{0};
    std::optional<error> reason;            ///< Of the last failure.
    std::optional<msg::queue_answer> stale; ///< Of a read: better than none.
    instant timer;                          ///< Its entry in `timers_`.
  };
  using calls = std::map<queue_call, pending>;

  calls::iterator add(queue_call id, msg::queue_request what,
                      milliseconds timeout, milliseconds wait, instant now);
  void advance(instant now, queue_effects& out);
  void send(calls::iterator x, instant now, queue_effects& out);
  void greet(instant now, queue_effects& out);
  void greeting_failed(const error& reason, instant now, queue_effects& out);
  void on_final(calls::iterator x, const msg::queue_answer& answer, instant now,
                queue_effects& out);
  void on_expired(calls::iterator x, instant now, queue_effects& out);
  void on_failure(calls::iterator x, const error& reason, instant now,
                  queue_effects& out);
  void try_again(calls::iterator x, bool wait, instant now, queue_effects& out);
  void ask_anew(calls::iterator x, bool wait, instant now);
  void pause(calls::iterator x, instant now);
  void give_up(calls::iterator x, queue_effects& out);
  void refuse_idle(const error& reason, queue_effects& out);
  void
  finish(calls::iterator x, result<msg::queue_answer> told, queue_effects& out);
  void drop_number(pending& x);
  void set_timer(calls::iterator x);
  void make_ready(calls::iterator x);
  void leave(std::size_t server);
  void note_answer(const pending& x);
  void note_loss(const pending& x);

  queue_caller_options options_;
  randomness bits_;
  server_round servers_;
  session_window window_;
  std::optional<std::size_t> host_; ///< Has answered all of this session.
  bool endable_ = true;             ///< Nothing of it can come late (C6).
  calls calls_;
  std::set<queue_call> unnumbered_; ///< Ready, but for a number.
  std::set<queue_call> sendable_;   ///< Ready; reads, and what has a number.
  std::map<queue_attempt, queue_call> attempts_;
  std::set<std::pair<instant, queue_call>> timers_;
  queue_attempt last_attempt_ = 0;
  bool found_ = false; ///< Somebody who serves queues has answered.
  std::optional<std::size_t> greeted_; ///< The server that is asked for one.
  std::size_t greeting_failures_ = 0;
  std::chrono::milliseconds greeting_pause_{0};
  std::optional<instant> greet_at_; ///< Not before.
  std::uint64_t moves_ = 0;
};

} // namespace dfs::core
