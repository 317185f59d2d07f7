#pragma once

#include "base/rng.hpp"
#include "client/connection.hpp"
#include "core/sessions/leader_search.hpp"
#include "core/sessions/link_watch.hpp"
#include "core/sessions/retry_pause.hpp"

#include <chrono>
#include <concepts>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dfs::client {

/// Whether a request has one effect however often it is asked: it only reads,
/// or carries a number of its own.
template <class Request>
inline constexpr bool may_repeat
  = msg::method<Request>::kind == msg::effect::reads || requires(Request x) {
  { x.request } -> std::convertible_to<std::uint64_t>;
};

/// Is it judged before the number of a change is looked at? Such a refusal says
/// nothing of an earlier try under the number: rights may have been taken away
/// since, or the metadata of this master may be older than that try.
[[nodiscard]] bool is_of_this_try(ec code);

// The way to the master, wherever it is (docs/protocols/leader.md). Servers are
// raced for the word of who leads, and requests go over the connection to that
// one. When it is lost, or gives no sign of life while answers are due, it is
// looked for again, and what may be repeated is asked again, until its time is
// over: who asks does not notice that the master was restarted in between. A
// master that answers that it is not ready is asked again over the connection
// that stands. The decisions are those of core/sessions.
//
// I1  As of `connection`: each request is answered once, about a tick after its
//     deadline at the latest.
// I2  A change without a number is sent once; one with a number is the same
//     bytes each time, so that the master does it once.
// I3  `owed_` counts the requests that are open at `master_`.

/// One thread, the one that runs `io`. Callbacks may call anything here, are
/// never called from within `call` or `start`, and not after `close`.
class master_session : public std::enable_shared_from_this<master_session> {
public:
  /// @param options `contacts` are any servers of the cluster.
  master_session(boost::asio::io_context& io, net::tls_context tls,
                 connection_options options);

  /// Errors besides those of the request: `ec::unavailable`, `ec::timed_out`,
  /// `ec::busy` (it passed too slowly), `ec::unauthenticated`, and for changes
  /// `ec::outcome_unknown`: to be asked again with the same number.
  /// @param timeout 0: the connection's.
  template <class Request>
  void
  call(const Request& request, std::chrono::milliseconds timeout,
       std::function<void(result<typename msg::method<Request>::reply>)> then) {
    using known = msg::method<Request>;
    raw_call raw;
    raw.method = known::number;
    raw.name = known::name;
    raw.kind = known::kind;
    raw.message = wire::encode(request);
    raw.answered = [then = std::move(then)](result<std::string_view> bytes) {
      if (bytes)
        then(wire::decode<typename known::reply>(*bytes));
      else
        then(bytes.error());
    };
    start(std::move(raw), timeout, may_repeat<Request>);
  }

  /// The same for a request in bytes. No subscriptions.
  void start(raw_call call, std::chrono::milliseconds timeout, bool repeat);

  /// Drops every request without calling anybody.
  void close();

  /// Of the master, or of the last one; empty before the first answer.
  [[nodiscard]] const msg::logged_in& login() const {
    return login_;
  }

private:
  struct pending {
    raw_call call;
    instant deadline;
    bool repeat = false;
    bool maybe_done = false;  ///< A change was sent, and no answer came.
    std::uint64_t number = 0; ///< Of this session.
    core::retry_pause pause;
    std::shared_ptr<connection> link; ///< Of the try under way.
  };
  using pending_ptr = std::shared_ptr<pending>;

  void attempt(const pending_ptr& x);
  void wait_for_master(const pending_ptr& x);
  void answered(const pending_ptr& x, result<std::string_view> bytes);
  void note_answer(const connection& link, const error& reason);
  void try_later(const pending_ptr& x, const error& reason);
  void give_up(const pending_ptr& x, error reason);

  void perform(const core::search_effects& effects);
  void ask(const core::ask_server& x);
  void found(const core::leader_found& x);
  void pass_over(const core::pass_failed& x);
  void want();
  void lose_master(core::leader_search::loss how, const std::string& hint = {});
  void probe_master();
  void drop_silent_master();
  [[nodiscard]] std::shared_ptr<connection>
  connect(const std::string& server, std::chrono::milliseconds patience,
          std::uint64_t number);

  void arm();
  void tick();
  void expire_waiting(instant at);

  boost::asio::io_context& io_;
  net::tls_context tls_;
  connection_options options_;
  rng random_;
  core::leader_search search_;
  core::link_watch watch_;
  std::map<std::uint64_t, std::shared_ptr<connection>> asks_;
  /// Who answered last: asked again without another handshake.
  std::pair<std::string, std::shared_ptr<connection>> guide_;
  error last_failure_{ec::unavailable, "no server answered yet"};
  std::shared_ptr<connection> master_; ///< Null: not known.
  std::string master_address_;
  std::size_t owed_ = 0;
  std::uint64_t last_number_ = 0;
  std::map<std::uint64_t, pending_ptr> open_; ///< Sent, over any link.
  /// The master has answered nothing else since then.
  std::optional<instant> not_ready_since_;
  std::deque<pending_ptr> waiting_;     ///< For the master to be found.
  std::optional<instant> wanted_until_; ///< The first deadline of those.
  boost::asio::steady_timer timer_;
  std::optional<instant> armed_; ///< When `timer_` is due.
  msg::logged_in login_;
  bool closed_ = false;
};

} // namespace dfs::client
