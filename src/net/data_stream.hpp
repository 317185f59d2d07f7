#pragma once

#include "net/frame_stream.hpp"
#include "net/tls.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include <sys/uio.h>

namespace dfs::net {

/// A TCP connection that carries bulk, with or without TLS. No step blocks;
/// without TLS none copies, either: bytes go from and to where the caller says.
/// Belongs to one thread.
class data_stream {
public:
  /// @param context Null: plain.
  /// @pre The socket is connected.
  data_stream(boost::asio::ip::tcp::socket socket, const tls_context& context,
              frame_stream::side which);

  /// `progress`: complete; at once without TLS.
  [[nodiscard]] stream_step handshake();

  /// Fills the pieces in their order. `drained` is set when the socket has no
  /// more for now: asking again would be a wasted system call.
  struct read_outcome {
    std::size_t got = 0;
    bool drained = false;
  };
  [[nodiscard]] stream_step
  read(std::span<const iovec> into, read_outcome& outcome);

  /// @param more The next call follows at once: no small packet now.
  [[nodiscard]] stream_step
  write(std::span<const iovec> from, bool more, std::size_t& taken);

  /// From the page cache to the socket. @pre `plain()`.
  [[nodiscard]] stream_step send_file(int file, std::uint64_t offset,
                                      std::size_t length, std::size_t& taken);

  [[nodiscard]] bool plain() const {
    return !tls_;
  }

  [[nodiscard]] boost::asio::ip::tcp::socket& socket() {
    return tls_ ? tls_->socket() : *plain_;
  }

  /// Null without TLS.
  [[nodiscard]] SSL* native() {
    return tls_ ? tls_->native() : nullptr;
  }

  /// As in `frame_stream`.
  void readable();
  [[nodiscard]] bool wants_write() const;
  [[nodiscard]] bool refused() const;
  [[nodiscard]] const std::string& failure() const;
  void end_writing();

private:
  stream_step judge_errno();

  std::optional<boost::asio::ip::tcp::socket> plain_;
  std::optional<frame_stream> tls_;
  int descriptor_ = -1;
  std::string failure_;
};

} // namespace dfs::net
