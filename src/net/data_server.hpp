#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/rights.hpp"
#include "net/data_buffer.hpp"
#include "net/data_limits.hpp"
#include "net/data_link.hpp"
#include "net/tls.hpp"
#include "wire/token.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

// The listening side of the data port: connections, who they are, limits and
// back-pressure. What requests mean is the business of whoever takes them
// (chunkserver/). Protocol and limits: docs/protocols/chunk_data.md.

namespace dfs::net {

/// Who is at the other end.
struct data_peer {
  std::string name; ///< The principal.
  wire::operation_set operations = 0;
  bool server = false;  ///< Of the cluster; not held up by client limits.
  wire::unix_ms expiry; ///< Of its token; later requests are refused.
  std::string address;  ///< For logs.

  [[nodiscard]] bool may(wire::operation which) const {
    return (operations & static_cast<wire::operation_set>(which)) != 0;
  }
};

/// What is known of somebody who says hello.
struct data_stranger {
  bool proved = false;  ///< By a certificate of the cluster, with TLS.
  identity certificate; ///< If proved.
  bool server = false;  ///< The certificate says so.
  std::string address;
};

struct data_greeting {
  data_peer peer;
  std::string welcome; ///< Encoded.
};

/// One connection, as those who answer see it. The server's thread only, also
/// after the connection or the server are gone: then nothing happens.
class data_port {
public:
  virtual ~data_port() = default;

  /// Ends a request. A second answer to it has no effect.
  virtual void
  answer(request_id id, std::string_view message, data_views data = {})
    = 0;
  /// @pre `sends_files()`.
  virtual void
  answer_file(request_id id, std::string_view message, file_range range)
    = 0;
  virtual void refuse(request_id id, const error& reason) = 0;

  [[nodiscard]] virtual const data_peer& peer() const = 0;
  [[nodiscard]] virtual bool sends_files() const = 0;
};

struct data_request {
  std::shared_ptr<data_port> from;
  request_id id; ///< 0: a notice; there is no answer.
  std::uint16_t method = 0;
  std::string_view message; ///< During the call.
  data_buffer data;
};

/// Called in the server's thread. Must not block.
struct data_handlers {
  /// Judges a `msg::data_hello`. @returns why not, for the stranger to read.
  std::function<result<data_greeting>(const data_stranger&, std::string_view)>
    hello;
  /// Each but notices must be answered once, in any order.
  std::function<void(data_request&)> request;
  std::function<void(const std::shared_ptr<data_port>&)> closed;
};

/// What happened so far; numbers only grow but for the first four.
struct data_server_counters {
  std::uint64_t connections = 0; ///< Now, the unverified ones included.
  std::uint64_t unverified = 0;
  std::uint64_t open = 0;         ///< Requests without an answer.
  std::uint64_t client_bytes = 0; ///< Data in them.
  std::uint64_t accepted = 0;
  std::uint64_t requests = 0;
  std::uint64_t refused = 0;          ///< Requests answered with an error.
  std::uint64_t refused_hello = 0;    ///< No or no proper credential.
  std::uint64_t refused_busy = 0;     ///< Connections over a cap.
  std::uint64_t closed_malformed = 0; ///< Bytes that are no frames.
  std::uint64_t closed_timeouts = 0;  ///< Silent, slow or half-open peers.
  std::uint64_t pauses = 0;           ///< A window was full.
};

struct data_server_options {
  std::string cluster; ///< O of admitted certificates.
  data_limits limits;
  std::shared_ptr<tls_source> tls; ///< Null: plain.
  /// Unix time now; for tests.
  std::function<wire::unix_ms()> clock;
};

/// Runs on the one thread of its loop; `counters` may be called from any.
class data_server {
public:
  data_server(std::shared_ptr<data_loop> loop, data_server_options options,
              data_handlers handlers);
  data_server(const data_server&) = delete;
  data_server& operator=(const data_server&) = delete;

  /// As `close`.
  ~data_server();

  /// Closes everything at once. In the server's thread, or when it has ended.
  /// Repeatable; `counters` goes on.
  void close();

  /// Begins to accept. @param port 0: the system chooses, see `address`.
  /// @returns `ec::in_use` or `ec::configuration`, naming the address.
  [[nodiscard]] result<nothing>
  listen(const boost::asio::ip::tcp::endpoint& where);

  [[nodiscard]] boost::asio::ip::tcp::endpoint address() const;

  /// Accepts no more, refuses new requests (`ec::shutting_down`) and calls back
  /// when all is answered and sent, or after `patience`; then it has closed.
  void drain(std::chrono::milliseconds patience, std::function<void()> drained);

  [[nodiscard]] data_server_counters counters() const;

private:
  class core;
  std::shared_ptr<core> core_;
};

} // namespace dfs::net
