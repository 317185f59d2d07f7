#pragma once

#include "base/error.hpp"
#include "base/time.hpp"
#include "net/address_race.hpp"
#include "net/frame_stream.hpp"
#include "wire/frame.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The connecting side of the stream plane: one TLS connection to one server,
// and frames over it. Who may ask what, retries and deadlines of requests are
// the business of client/connection.

namespace dfs::net {

struct frame_client_handlers {
  /// The server is one of our cluster; frames may be sent.
  std::function<void(const identity& server)> opened;
  std::function<void(const wire::frame_header&, std::string_view)> frame;
  /// Once, and nothing after it. `ec::unauthenticated`: one side did not accept
  /// the other's certificate; otherwise `ec::unavailable`, `ec::malformed` or
  /// what the server gave as its reason.
  std::function<void(const error&)> closed;
  /// A machine took the TCP connection; may be empty.
  std::function<void()> reached;
};

/// Random: ids of requests are compared across clients in logs, and a client
/// that starts anew must not ask with the ids of its former life.
[[nodiscard]] request_id random_request_id();

/// One thread, the one that runs `io`. Handlers may call anything here.
class frame_client : public std::enable_shared_from_this<frame_client> {
public:
  frame_client(boost::asio::io_context& io, tls_context tls,
               frame_client_handlers handlers);

  /// Once. @param contact "host:port", "10.0.0.1:7403" or "[::1]:7403".
  /// @param patience For name, TCP and TLS together.
  void connect(const std::string& contact, std::chrono::milliseconds patience);

  /// Where frames are appended; call `flush` afterwards. Empty: all is written.
  [[nodiscard]] std::string& outbox() {
    return outbox_;
  }

  /// Writes now, or when the bytes that are being read have been dealt with:
  /// then several answers to answers share a write.
  void flush();

  /// When the server last gave a sign of life.
  [[nodiscard]] instant heard_at() const {
    return heard_at_;
  }

  /// Ends without calling `closed`.
  void close();

private:
  void resolve(const std::string& host, const std::string& port);
  /// Of all addresses of a name the first that answers.
  void connect_to(const std::string& name,
                  std::vector<boost::asio::ip::tcp::endpoint> where);
  void connected(boost::asio::ip::tcp::socket socket);
  void wait_readable();
  void on_readable();
  void shake_hands();
  void read_frames();
  void on_frame(const wire::frame_header& header, std::string_view payload);
  void write();
  void fail_with(error reason);
  [[nodiscard]] error stream_error(stream_step step);

  boost::asio::io_context& io_;
  tls_context tls_;
  frame_client_handlers handlers_;
  boost::asio::steady_timer patience_;
  boost::asio::ip::tcp::resolver resolver_;
  std::shared_ptr<address_race> race_;
  std::optional<frame_stream> stream_;
  wire::frame_decoder decoder_{wire::answer_payload_max};
  std::string outbox_;
  instant heard_at_;
  bool open_ = false;    ///< TLS stands.
  bool heard_ = false;   ///< A frame came: the server took us.
  bool reading_ = false; ///< `flush` waits for the end of the reading.
  bool blocked_ = false; ///< The socket takes no more for now.
  bool closed_ = false;
};

} // namespace dfs::net
