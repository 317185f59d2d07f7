#pragma once

#include "net/tls.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace dfs::net {

/// "10.0.0.1:7403" or "[::1]:7403".
[[nodiscard]] std::string to_text(const boost::asio::ip::tcp::endpoint& where);

/// What a step of a stream came to.
enum class stream_step {
  progress, ///< Something was done; try again.
  blocked,  ///< Nothing more now; wait for the socket (`wants_write`).
  closed,   ///< The peer said goodbye, in order or not.
  failed,   ///< See `failure()`.
};

/// A TLS connection over a TCP socket that never blocks: each step does what it
/// can at once, and the owner waits for the socket. Unlike Asio's own stream it
/// has no buffers while idle, copies nothing between them, and may be used from
/// several threads if they take turns (the owner's mutex).
class frame_stream {
public:
  enum class side { client, server };

  /// Takes the socket over and makes it non-blocking, without Nagle's delay.
  /// @pre The socket is connected.
  frame_stream(boost::asio::ip::tcp::socket socket, const tls_context& context,
               side which);

  /// `progress`: the handshake is complete.
  [[nodiscard]] stream_step handshake();

  /// Up to `size` bytes; `got` is set when there was `progress`.
  [[nodiscard]] stream_step
  read(char* into, std::size_t size, std::size_t& got);

  /// Takes the first `taken` bytes off the caller's hands. After `blocked` the
  /// next call begins with the same bytes.
  /// @param more The next call follows at once: these wait for it.
  [[nodiscard]] stream_step
  write(std::string_view bytes, std::size_t& taken, bool more = false);

  /// The socket may have become readable: the next read asks it again.
  void readable() {
    drained_ = false;
  }

  /// After `blocked`: waiting to read is not enough.
  [[nodiscard]] bool wants_write() const {
    return wants_write_;
  }

  /// Why it failed; for people.
  [[nodiscard]] const std::string& failure() const {
    return failure_;
  }

  /// The peer's TLS refused us, or ours refused it, in words of TLS.
  [[nodiscard]] bool refused() const {
    return refused_;
  }

  /// Says goodbye as far as the socket takes it; reading still works.
  void end_writing();

  [[nodiscard]] boost::asio::ip::tcp::socket& socket() {
    return socket_;
  }

  [[nodiscard]] SSL* native() {
    return ssl_.get();
  }

private:
  // The transport below OpenSSL. Its own would raise SIGPIPE, and would ask a
  // socket once more that has just run dry.
  friend struct stream_bio;

  stream_step judge(int outcome);

  /// @returns how many of the bytes the socket took; nothing: it failed.
  std::optional<std::size_t> send(const char* bytes, std::size_t size);

  struct free_ssl {
    void operator()(SSL* x) const {
      SSL_free(x);
    }
  };

  boost::asio::ip::tcp::socket socket_;
  std::unique_ptr<SSL, free_ssl> ssl_;
  int descriptor_;
  std::string gathered_; ///< Records that wait for others.
  bool more_ = false;    ///< As the last `write` said.
  int system_error_ = 0; ///< Of the last system call that failed.
  bool drained_ = false; ///< The socket has no more until it says so.
  bool ended_ = false;   ///< The peer sends nothing any more.
  bool wants_write_ = false;
  bool refused_ = false;
  std::string failure_;
};

} // namespace dfs::net
