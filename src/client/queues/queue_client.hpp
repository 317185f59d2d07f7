#pragma once

#include "client/queues/queue_port.hpp"
#include "core/queues/queue_caller.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dfs::client {

struct queue_client_options {
  /// Any servers of the cluster, "HOST:PORT"; the first is asked first.
  std::vector<std::string> contacts;
  std::chrono::milliseconds timeout{10'000}; ///< Of a request.
  core::queue_caller_options rules;
};

/// Replicated queues, as a program uses them: one session, in which many
/// requests may be under way. It finds the servers that have queues, repeats
/// each request until its outcome is known, and nothing is done twice
/// (docs/protocols/queues.md).
///
/// Requests that are under way at once have no order among them; who wants
/// order waits for the answer. The answer's `status` says whether it was done,
/// and if not, why: `empty`, `no_queue`, `full`, `unread` (too many large items
/// popped at once), `invalid`. Errors: `ec::outcome_unknown` (a change that may
/// have happened), `ec::not_primary` (no server that was reached takes
/// changes), `ec::unavailable`, `ec::timed_out`, `ec::busy`,
/// `ec::invalid_argument`, `ec::unsupported` (nobody has queues), `ec::denied`,
/// `ec::unauthenticated`: nothing was changed, and nothing will be.
///
/// One thread, the one that runs `io`. Callbacks may call anything here, are
/// never called from within another call, and not after `close`.
class queue_client : public std::enable_shared_from_this<queue_client> {
public:
  using milliseconds = std::chrono::milliseconds;
  using answer = std::function<void(result<msg::queue_answer>)>;

  /// @param port Shared by as many clients as like.
  queue_client(boost::asio::io_context& io, std::shared_ptr<queue_port> port,
               queue_client_options options);

  /// The value is the queue's id; that of the label, if it has one.
  void create(std::string label, answer then);
  /// The value is the id; `no_queue` if there is none.
  void find(std::string label, answer then);
  /// The value is how many items went with it.
  void destroy(queue_id queue, answer then);
  /// The value is how many items are in the queue.
  void push(queue_id queue, std::int64_t item, answer then);
  /// @param item At most 1 MiB.
  void push(queue_id queue, std::string item, answer then);
  /// The value is how many items are left.
  /// @param wait For an item; then `empty`. Comes on top of the time-out.
  void pop(queue_id queue, milliseconds wait, answer then);
  /// The value is how many items are in the queue.
  void top(queue_id queue, answer then);
  void size(queue_id queue, answer then);

  /// Any of these. @param what Without session and numbers. @param timeout 0:
  /// as configured.
  void call(msg::queue_request what, milliseconds wait, milliseconds timeout,
            answer then);

  /// Asks again for a change whose outcome is unknown, of any client, in its
  /// session (core::queue_caller::call_again). @param what With its number.
  void call_again(msg::queue_request what, milliseconds wait, answer then);

  /// Session and number of the last change whose outcome was told to be
  /// unknown; set before that is told.
  [[nodiscard]] const std::optional<msg::queue_request>& unknown() const {
    return unknown_;
  }

  /// Pops that wait end now: with an item that is theirs, or `empty`.
  void end_waits();

  /// Tells the servers that this session is not used any more, if nothing is
  /// open and all that was asked is answered: they need not keep it then. The
  /// next request begins another one. @param then When they know, or cannot be
  /// told soon: then the session ends by itself, after ten minutes.
  void end_session(std::function<void()> then);

  /// Drops every request without calling anybody.
  void close();

  /// How many requests are open.
  [[nodiscard]] std::size_t open() const {
    return answers_.size();
  }

  /// The server that is asked now.
  [[nodiscard]] const std::string& server() const {
    return caller_.server();
  }

  /// How often a server was left for another one.
  [[nodiscard]] std::uint64_t moves() const {
    return caller_.moves();
  }

private:
  void perform(core::queue_effects effects);
  void greet(const core::queue_greet& what);
  void send(const core::queue_send& what);
  void send(const core::queue_end& what, std::function<void()> then);
  void tell(core::queue_told& told);
  void set_timer();

  boost::asio::io_context& io_;
  std::shared_ptr<queue_port> port_;
  queue_client_options options_;
  core::queue_caller caller_;
  std::map<core::queue_call, answer> answers_;
  core::queue_call last_call_ = 0;
  std::optional<msg::queue_request> unknown_;
  boost::asio::steady_timer timer_;
  std::optional<instant> timer_at_; ///< What it is set to.
  bool closed_ = false;
};

} // namespace dfs::client
