#pragma once

#include "base/ids.hpp"
#include "base/rights.hpp"
#include "base/time.hpp"
#include "net/principals.hpp"
#include "net/tls.hpp"
#include "wire/key_ring.hpp"
#include "wire/token.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

// The listening side of the stream plane: TLS, frames, tokens and limits. What
// requests mean is the business of whoever takes them (actors/front_door).
// Protocol and limits: docs/protocols/front_door.md.

namespace dfs::net {

/// Every limit of the stream port. Reaching one never harms those already in.
struct frame_limits {
  std::size_t connections_max = 512;
  std::size_t connections_per_principal_max = 64;
  /// Before TLS has proved who it is. The oldest makes room for the newest.
  std::size_t unverified_max = 64;
  std::size_t outstanding_per_connection_max = 256; ///< Then `ec::busy`.
  std::size_t outstanding_max = 4096;               ///< Then `ec::busy`.
  /// See `may_take`.
  std::size_t outstanding_per_principal_max = 2048;
  std::size_t write_queue_bytes_max = 4 * 1024 * 1024; ///< Then it is closed.
  /// Of all together. Then the principal with most loses a connection.
  std::size_t write_queues_bytes_max = 32 * 1024 * 1024;
  std::chrono::milliseconds handshake_timeout{3'000};
  /// Without a byte from the peer.
  std::chrono::milliseconds idle_timeout{60'000};
  /// After this much silence a peer with open requests is asked for a sign.
  std::chrono::milliseconds ping_after{20'000};
  /// From the first byte of a frame to its last.
  std::chrono::milliseconds frame_timeout{10'000};
  /// A peer that takes less than `write_bytes_min` in this time although more
  /// is there for it.
  std::chrono::milliseconds write_timeout{10'000};
  std::size_t write_bytes_min = 64 * 1024;
  /// For requests that name no deadline, and the longest one may name.
  std::chrono::milliseconds deadline_default{10'000};
  std::chrono::milliseconds deadline_max{600'000};
};

/// Who is at the other end, as its certificate says.
struct frame_peer {
  std::string name; ///< CN: the principal.
  unit what;
  std::string address; ///< For logs.
};

/// One connection, as those who answer see it. Any thread, also after the
/// connection or the server are gone: then nothing happens.
class answer_port {
public:
  virtual ~answer_port() = default;

  /// Ends a request. A second answer to it has no effect.
  virtual void answer(request_id id, std::string_view reply) = 0;
  virtual void refuse(request_id id, const error& reason) = 0;

  /// News for a subscription, an open request. False: the request is over, or
  /// the peer takes its events too slowly; then end it with `ec::busy`.
  [[nodiscard]] virtual bool event(request_id id, std::string_view news) = 0;

  [[nodiscard]] virtual const frame_peer& peer() const = 0;

  /// Of this connection, in this process: no other one ever had it.
  [[nodiscard]] std::uint64_t number() const {
    return number_;
  }

private:
  [[nodiscard]] static std::uint64_t next_number();

  const std::uint64_t number_ = next_number();
};

struct frame_request {
  std::shared_ptr<answer_port> from;
  request_id id;
  std::uint16_t method = 0;
  instant deadline;
  /// A valid token of this very principal; null: none was sent.
  std::shared_ptr<const wire::token> proof;
  std::string message;
  /// Its place among the requests in work, for as long as anybody holds it: an
  /// answer ends the waiting, the work may go on.
  std::shared_ptr<const void> place;
};

/// Called in the server's thread. Must not block and must not throw.
struct frame_handlers {
  /// Each must be answered once, in any order and from any thread.
  std::function<void(std::vector<frame_request>)> requests;
  /// The client gave a request up. Answering it is harmless and not needed.
  std::function<void(std::shared_ptr<answer_port>, request_id)> cancelled;
  /// Nothing that is answered or told here reaches anybody any more.
  std::function<void(std::shared_ptr<answer_port>)> closed;
  /// The server drains: end what would not end by itself (subscriptions).
  std::function<void()> draining;
};

/// What happened so far; numbers only grow but for the first four.
struct frame_counters {
  std::uint64_t connections = 0;  ///< Now, the unverified ones included.
  std::uint64_t unverified = 0;   ///< Now.
  std::uint64_t outstanding = 0;  ///< Requests in work now.
  std::uint64_t unsent_bytes = 0; ///< Now, of answers and events.
  std::uint64_t accepted = 0;
  std::uint64_t refused_tls = 0;      ///< No or no proper certificate.
  std::uint64_t refused_tokens = 0;   ///< Forged, expired, another's.
  std::uint64_t refused_busy = 0;     ///< Connections and requests over a cap.
  std::uint64_t closed_malformed = 0; ///< Bytes that are no frames.
  std::uint64_t closed_timeouts = 0;  ///< Silent, slow or half-open peers.
  std::uint64_t closed_slow = 0;      ///< Write queue over its limit.
  std::uint64_t closed_idle = 0;      ///< Gave way to somebody.
  std::uint64_t requests = 0;
  std::uint64_t answers = 0;
};

struct frame_server_options {
  std::string cluster; ///< O of admitted certificates.
  frame_limits limits;
  /// Unix time now; for tests.
  std::function<wire::unix_ms()> clock;
};

/// Runs on one thread, which runs `io`; `counters` may be called from any.
class frame_server {
public:
  frame_server(boost::asio::io_context& io, std::shared_ptr<tls_source> tls,
               std::shared_ptr<const wire::key_ring> keys,
               frame_server_options options, frame_handlers handlers);

  /// Closes everything at once. In the server's thread, or when `io` has
  /// stopped; before `io` ends.
  ~frame_server();

  /// Begins to accept. @param port 0: the system chooses, see `address`.
  /// @returns `ec::in_use` or `ec::configuration`, naming the address.
  [[nodiscard]] result<nothing>
  listen(const boost::asio::ip::tcp::endpoint& where);

  [[nodiscard]] boost::asio::ip::tcp::endpoint address() const;

  /// For tokens that come from now on; those already seen are checked again.
  void replace_keys(std::shared_ptr<const wire::key_ring> keys);

  /// Accepts no more and refuses new requests (`ec::shutting_down`); calls
  /// `drained` when all is answered and sent, or after `patience`. Then every
  /// connection is closed.
  void drain(std::chrono::milliseconds patience, std::function<void()> drained);

  [[nodiscard]] frame_counters counters() const;

  /// What each principal holds. Any thread.
  [[nodiscard]] std::vector<principal_counters> principals() const;

private:
  class core;
  std::shared_ptr<core> core_;
};

} // namespace dfs::net
