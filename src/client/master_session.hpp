#pragma once

#include "client/connection.hpp"

#include <chrono>
#include <concepts>
#include <cstddef>
#include <deque>
#include <functional>
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

// The way to the master, wherever it is: asks a contact for the members, and
// goes to the one with that role; over the same connection, if it is the
// contact. When the master cannot be reached it is looked for again, and what
// may be repeated is asked again, until its time is over: who asks does not
// notice that the master was restarted in between. A master that answers that
// it is not ready is asked again over the connection that stands.
//
// I1  As of `connection`: each request is answered once, about a tick after its
//     deadline at the latest.
// I2  A change without a number is sent once; one with a number is the same
//     bytes each time, so that the master does it once.

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
    bool maybe_done = false; ///< A change was sent, and no answer came.
    std::chrono::milliseconds pause{0};
    std::shared_ptr<connection> link; ///< Of the try under way.
  };
  using pending_ptr = std::shared_ptr<pending>;

  void attempt(const pending_ptr& x);
  void answered(const pending_ptr& x, result<std::string_view> bytes);
  [[nodiscard]] bool is_lost(const connection& link, ec code);
  void try_later(const pending_ptr& x, const error& reason);
  void give_up(const pending_ptr& x, error reason);
  void find();
  void ask_contact();
  void listed(const result<msg::member_list>& members);
  void contact_failed(const error& reason);
  void found(std::shared_ptr<connection> link);
  [[nodiscard]] std::shared_ptr<connection> connect(std::string contact);
  void learn(const msg::member_list& members);

  boost::asio::io_context& io_;
  net::tls_context tls_;
  connection_options options_;
  std::vector<std::string> contacts_; ///< Configured, then learned.
  std::size_t contact_ = 0;           ///< Counts on; modulo their number.
  std::size_t failures_ = 0;          ///< Contacts in a row that did not help.
  error last_failure_{ec::unavailable, "not tried yet"};
  std::shared_ptr<connection> asked_;  ///< A contact, while it is asked.
  std::shared_ptr<connection> master_; ///< Null: not known.
  /// The master has answered nothing else since then.
  std::optional<instant> not_ready_since_;
  std::deque<pending_ptr> waiting_; ///< For the master to be found.
  msg::logged_in login_;
  bool closed_ = false;
};

} // namespace dfs::client
