#pragma once

#include "base/error.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "messages/methods.hpp"
#include "net/frame_client.hpp"
#include "net/tls.hpp"
#include "wire/codec.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

// A client's way into the cluster: finds a server that answers, logs in, keeps
// many requests in flight, and goes to the next server when this one ends.
//
// I1  Every callback of a request is called to its end: one answer, whatever
//     happens, at the latest a tick after the deadline.
// I2  A change is sent a second time only if it was certainly not executed.
// I3  At most `window` requests are with the server; the others wait here.
// I4  `in_flight_` counts those that are `sent`, which needs a link; also while
//     a callback runs.

namespace dfs::client {

struct connection_options {
  /// "HOST:PORT", IPv6 in brackets. Tried in this order, round and round.
  std::vector<std::string> contacts;
  std::chrono::milliseconds timeout{10'000};        ///< Of a request.
  std::chrono::milliseconds connect_timeout{2'000}; ///< Of one contact.
  std::size_t window = 200;         ///< Below the server's limit (256).
  std::size_t waiting_max = 10'000; ///< Then `ec::busy`.
  std::string program = "dfsnode";  ///< Name and version, for the server's log.
};

/// For those who choose the next server themselves: the end of the first link
/// ends all requests, which are not asked again at the next contact.
struct one_link {
  /// The contact's machine took the connection; may be empty.
  std::function<void()> reached;
};

struct call_options {
  std::chrono::milliseconds timeout{0}; ///< 0: the connection's.
  request_id id;                        ///< 0: chosen.
};

/// A request in bytes; `connection::call` and `subscribe` make these.
struct raw_call {
  std::uint16_t method = 0;
  std::string_view name;
  msg::effect kind = msg::effect::reads;
  bool subscription = false;
  std::string message;
  std::function<void(result<std::string_view>)> answered;
  /// The first one is the reply. Copied for each call: it keeps no state.
  std::function<void(std::string_view, bool first)> event;
};

/// One thread, the one that runs `io`. Callbacks may call anything here, are
/// never called from within `call` or `subscribe`, and not after `close`.
class connection : public std::enable_shared_from_this<connection> {
public:
  connection(boost::asio::io_context& io, net::tls_context tls,
             connection_options options, std::optional<one_link> only = {});

  /// Ends the link: a dropped owner leaves no socket behind.
  ~connection();

  /// Connects when it has to. Errors besides those of the request itself:
  /// `ec::unavailable` (nobody answers), `ec::unauthenticated`,
  /// `ec::timed_out`, `ec::busy`, and for changes `ec::outcome_unknown`.
  template <class Request>
  request_id
  call(const Request& request, const call_options& options,
       std::function<void(result<typename msg::method<Request>::reply>)> then) {
    using reply = typename msg::method<Request>::reply;
    auto raw = describe(request);
    raw.answered = [then = std::move(then)](result<std::string_view> bytes) {
      if (bytes)
        then(wire::decode<reply>(*bytes));
      else
        then(bytes.error());
    };
    return start(std::move(raw), options);
  }

  /// @param opened The reply; then come events, in order, then `ended`.
  template <class Request>
  request_id
  subscribe(const Request& request, const call_options& options,
            std::function<void(typename msg::method<Request>::reply)> opened,
            std::function<void(typename msg::method<Request>::event)> event,
            std::function<void(error)> ended) {
    using reply = typename msg::method<Request>::reply;
    using news = typename msg::method<Request>::event;
    auto raw = describe(request);
    raw.subscription = true;
    raw.answered = [ended](result<std::string_view> last) {
      ended(last ? fail(ec::unavailable, "the server ended the subscription")
                 : last.error());
    };
    raw.event = [opened = std::move(opened),
                 event = std::move(event)](std::string_view bytes, bool first) {
      if (first) {
        if (auto x = wire::decode<reply>(bytes))
          opened(*std::move(x));
      } else if (auto x = wire::decode<news>(bytes)) {
        event(*std::move(x));
      }
    };
    return start(std::move(raw), options);
  }

  /// The same for a request in bytes.
  request_id start(raw_call call, const call_options& options);

  /// Its callbacks are not called any more. Nothing happens to unknown ids.
  void cancel(request_id id);

  /// Drops every request without calling anybody.
  void close();

  /// While `answered` runs: the server itself said so, and the way to it
  /// stands. Else the request or its answer got lost, or was late.
  [[nodiscard]] bool told() const {
    return told_;
  }

  /// Logged in, and not lost since.
  [[nodiscard]] bool is_open() const {
    return phase_ == phase::ready && !leaving_;
  }

  /// When the present server last sent a byte; the epoch without one.
  [[nodiscard]] instant heard_at() const {
    return link_ ? link_->heard_at() : instant{};
  }

  /// Of the certificate of the server that was reached last; empty before.
  [[nodiscard]] const net::identity& server() const {
    return server_;
  }

  /// The reply to the last login; empty before the first.
  [[nodiscard]] const msg::logged_in& login() const {
    return login_;
  }

private:
  enum class phase { idle, connecting, logging_in, ready };

  struct pending {
    raw_call call;
    instant deadline;
    std::chrono::milliseconds timeout{0};
    bool sent = false; ///< To the present server, which has not answered.
    bool lost = false; ///< To the last one; its turn is about to come.
    bool opened = false;
    int tries = 0; ///< Times it was sent and came to nothing.
  };
  using calls = std::unordered_map<std::uint64_t, pending>;

  template <class Request>
  static raw_call describe(const Request& request) {
    using known = msg::method<Request>;
    raw_call raw;
    raw.method = known::number;
    raw.name = known::name;
    raw.kind = known::kind;
    raw.message = wire::encode(request);
    return raw;
  }

  void connect();
  void log_in();
  void logged_in(std::string_view bytes);
  void send_waiting();
  void send(request_id id, pending& x);
  void on_frame(const wire::frame_header& header, std::string_view payload);
  void on_refusal(calls::iterator found, error reason);
  void send_again(calls::iterator found);
  void on_closed(const error& reason);
  void leave_server();
  void contact_failed(const error& reason);
  void lose_link(const error& reason);
  void next_contact(const error& reason);
  void take_back(pending& x);
  void lose(calls::iterator found, const error& reason);
  void finish(calls::iterator found, result<std::string_view> outcome,
              bool told = false);
  void tick_later();
  void tick();
  [[nodiscard]] static error
  unknown_outcome(std::uint64_t id, const pending& x, const std::string& why);
  [[nodiscard]] error too_late(std::uint64_t id, const pending& x) const;

  boost::asio::io_context& io_;
  net::tls_context tls_;
  connection_options options_;
  boost::asio::steady_timer ticker_;
  std::shared_ptr<net::frame_client> link_;
  phase phase_ = phase::idle;
  net::identity server_;
  std::size_t contact_ = 0;  ///< Counts on; modulo the number of contacts.
  std::size_t failures_ = 0; ///< Contacts in a row that did not take us.
  error last_failure_{ec::unavailable, "not tried yet"};
  msg::logged_in login_;
  instant renew_at_;
  instant login_until_;
  request_id login_id_;
  request_id next_id_;
  calls calls_;
  std::deque<request_id> waiting_; ///< Not sent; may name calls that are over.
  std::size_t in_flight_ = 0;
  bool told_ = false;
  bool leaving_ = false; ///< This server is going: send it nothing more.
  std::optional<std::chrono::milliseconds> ticking_; ///< The interval.
  bool closed_ = false;
  std::optional<one_link> only_;
};

} // namespace dfs::client
