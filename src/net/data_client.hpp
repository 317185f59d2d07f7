#pragma once

#include "base/endpoint.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "net/data_buffer.hpp"
#include "net/tls.hpp"
#include "wire/codec.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace dfs::net {

class data_loop;

struct data_client_options {
  endpoint server;
  /// Null: plain TCP, as `stream.tls = false` says.
  std::shared_ptr<tls_source> tls;
  std::string cluster;       ///< That the certificate must name; with TLS.
  std::string expected_name; ///< CN that must answer; empty: any server.
  /// An encoded `msg::data_hello`; asked for at each connect, and again each
  /// `renew_after`, so that its token is fresh.
  std::function<std::string()> hello;
  /// Judges the encoded `msg::data_welcome`; an error closes the connection and
  /// is what all calls get. Null: whoever answers is right.
  std::function<result<nothing>(std::string_view)> welcome;
  /// Called after a connection that was welcome has ended.
  std::function<void()> lost;
  /// For connect, TLS and hello together.
  std::chrono::milliseconds connect_timeout{3'000};
  std::chrono::milliseconds renew_after{240'000};
  /// Nothing heard for so long while calls are open: a ping is sent.
  std::chrono::milliseconds ping_after{250};
  /// Where answers' data goes; null: a pool of its own.
  std::shared_ptr<buffer_pool> buffers;
  /// Shared with other connections of the thread; null: one of its own.
  std::shared_ptr<data_loop> loop;
};

/// One connection to the data port of one server
/// (docs/protocols/chunk_data.md). Connects at the first call, and again at the
/// first call after a loss; calls wait for that. Requests are pipelined in the
/// order of the calls; answers may come in another one.
///
/// All of it belongs to the one thread that runs `io`: functions are called in
/// it, and so are callbacks, never from inside `call`. Each call is answered
/// once.
class data_client {
public:
  /// @param data Empty in an error, and where the reply has none. The message
  ///   is valid during the call.
  using answered
    = std::function<void(result<std::string_view> message, data_buffer data)>;

  data_client(boost::asio::io_context& io, data_client_options options);
  data_client(const data_client&) = delete;
  data_client& operator=(const data_client&) = delete;

  /// As `close(ec::cancelled)`.
  ~data_client();

  /// Sends a message and its data, of at most 16 MiB.
  /// @param patience From now; then the call ends with `ec::timed_out`, and it
  ///   is not known whether the server did it.
  /// Also answered with `ec::unavailable` (no connection, or lost: `lost` says
  /// whether it had been welcome), what `welcome` returned, and whatever the
  /// server answers.
  void send(std::uint16_t method, std::string message, data_views data,
            std::chrono::milliseconds patience, answered done);

  /// No answer; lost without notice with the connection.
  void notify(std::uint16_t method, std::string message);

  /// `send` with a message that names its method and reply
  /// (messages/chunk_data.hpp): `done(result<Request::reply>, data_buffer)`.
  /// A reply that cannot be decoded is `ec::malformed`.
  template <class Request, class Done>
  void call(const Request& message, data_views data,
            std::chrono::milliseconds patience, Done done) {
    using reply = typename Request::reply;
    send(static_cast<std::uint16_t>(Request::method), wire::encode(message),
         std::move(data), patience,
         [done = std::move(done)](result<std::string_view> bytes,
                                  data_buffer bulk) mutable {
           if (!bytes)
             return done(result<reply>{bytes.error()}, data_buffer{});
           done(wire::decode<reply>(*bytes), std::move(bulk));
         });
  }

  template <class Request>
  void notify(const Request& message) {
    notify(static_cast<std::uint16_t>(Request::method), wire::encode(message));
  }

  /// Ends the connection; open calls are answered with that, later ones
  /// connect again.
  void close(const error& reason);

  /// Welcome, and not lost.
  [[nodiscard]] bool connected() const;
  /// Calls without an answer, and the bytes of data in them.
  [[nodiscard]] std::size_t open_calls() const;
  [[nodiscard]] std::size_t open_bytes() const;
  /// Not yet taken by the socket.
  [[nodiscard]] std::size_t unsent_bytes() const;
  /// When the server last gave a sign of life; pings are answered while its
  /// loop turns, whatever its disks do.
  [[nodiscard]] instant heard() const;

private:
  class core;
  std::shared_ptr<core> core_;
};

} // namespace dfs::net
