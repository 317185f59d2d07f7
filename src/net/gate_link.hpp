#pragma once

#include "base/endpoint.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "net/tls.hpp"
#include "wire/basp_filter.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace dfs::net {

/// What a gate allows; docs/protocols/gate.md says why.
struct gate_limits {
  std::size_t links_max = 1024;
  std::size_t links_per_name_max = 4;
  std::size_t unverified_max = 32;
  std::chrono::milliseconds handshake{3'000};
  std::chrono::milliseconds idle{5'000};  ///< Longer than CAF's heartbeat.
  std::chrono::milliseconds write{5'000}; ///< Without progress.
  wire::basp_limits frames;
};

/// How a link ended. For metrics; the words beside it are for the log.
enum class link_end : std::uint8_t {
  handshake_failed, ///< No TLS, no certificate, or one of another CA.
  identity_refused, ///< A proper certificate that may not come in here.
  limit_reached,
  timed_out,
  fault,       ///< A frame that no peer of ours sends.
  lost,        ///< By the peer, or by the network.
  closed_here, ///< By CAF, by the gate, or on demand.
};

[[nodiscard]] std::string_view to_string(link_end x);

class gate_link;

/// What a link tells its gate, on the thread of the io_context.
class gate_link_owner {
public:
  /// The handshake is complete. Must call `open` or `close`.
  virtual void verified(gate_link& link) = 0;

  /// The peer has claimed a node id of CAF's. Nothing of it has reached CAF.
  /// @returns whether it may.
  virtual bool may_speak(const gate_link& link) = 0;

  /// Bytes have passed; frames may have been left out.
  virtual void
  moved(const gate_link& link, std::size_t bytes_in, std::size_t bytes_out)
    = 0;
  /// @param count Of frames; `what` is about the last one.
  virtual void
  dropped(const gate_link& link, std::uint64_t count, const std::string& what)
    = 0;

  /// Exactly once, and last.
  virtual void closed(gate_link& link, link_end how, std::string_view why) = 0;

protected:
  ~gate_link_owner() = default;
};

/// One TLS connection and one end of a socket pair, with a filter for each
/// direction between them. One thread: that of its io_context.
class gate_link : public std::enable_shared_from_this<gate_link> {
public:
  /// @param owner Must outlive the link, or close it.
  /// @param side  Who we are on this connection.
  gate_link(gate_link_owner& owner, const gate_limits& limits,
            boost::asio::ip::tcp::socket socket, tls_context context,
            wire::basp_side side);

  /// Connects, then does the handshake. @param within For both together.
  void connect(const endpoint& to, std::chrono::milliseconds within);

  /// TLS with whom has connected to us.
  void accept();

  /// Starts moving bytes. @returns the end of the socket pair that CAF will
  /// own, or `ec::busy` when the process has no descriptors left.
  [[nodiscard]] result<int> open();

  /// Says goodbye once CAF has closed its end, and ends within that time.
  void leave(std::chrono::milliseconds within);

  /// May be repeated.
  void close(link_end how, std::string_view why);

  /// Who the peer is; empty before `verified`.
  [[nodiscard]] const identity& peer() const {
    return peer_;
  }
  [[nodiscard]] const endpoint& address() const {
    return address_;
  }
  [[nodiscard]] bool accepted() const {
    return side_ == wire::basp_side::server;
  }
  [[nodiscard]] const wire::basp_filter& inbound() const {
    return inbound_;
  }
  [[nodiscard]] const wire::basp_filter& outbound() const {
    return outbound_;
  }

private:
  using failure = boost::system::error_code;

  void handshake();
  void expire_after(std::chrono::milliseconds within);
  void watch();
  void check_progress();
  void read_peer();
  void on_peer_bytes(std::size_t count);
  void read_caf();
  void on_caf_bytes(std::size_t count);
  void say_goodbye();
  void tell_drops(const wire::basp_filter& filter, std::uint64_t before);

  gate_link_owner& owner_;
  const gate_limits& limits_;
  wire::basp_side side_;
  tls_context context_; ///< Keeps the certificates of this link.
  boost::asio::ssl::stream<boost::asio::ip::tcp::socket> tls_;
  boost::asio::local::stream_protocol::socket pair_;
  boost::asio::steady_timer timer_;
  wire::basp_filter inbound_;
  wire::basp_filter outbound_;
  std::string peer_bytes_; ///< As read; empty before `open`.
  std::string to_caf_;     ///< As passed.
  std::string caf_bytes_;
  std::string to_peer_;
  identity peer_;
  endpoint address_;
  instant heard_;         ///< When bytes last came from the peer.
  instant write_started_; ///< Of the write to the peer that is under way.
  bool writing_ = false;
  bool spoken_ = false; ///< The owner has agreed to the peer's node id.
  bool leaving_ = false;
  bool closed_ = false;
};

} // namespace dfs::net
