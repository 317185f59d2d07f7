#pragma once

#include "net/tls.hpp"
#include "wire/frame.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include <sys/socket.h>
#include <sys/time.h>

namespace dfs::test {

/// A client that blocks and keeps to no rules. Waits at most 10 s for anything.
class raw_peer {
public:
  using tcp = boost::asio::ip::tcp;

  raw_peer(const tcp::endpoint& server, net::tls_context tls)
    : tls_{std::move(tls)},
      stream_{io_, *tls_} {
    stream_.next_layer().connect(server);
    stream_.next_layer().set_option(tcp::no_delay{true});
    const timeval patience{10, 0};
    ::setsockopt(stream_.next_layer().native_handle(), SOL_SOCKET, SO_RCVTIMEO,
                 &patience, sizeof patience);
    ::setsockopt(stream_.next_layer().native_handle(), SOL_SOCKET, SO_SNDTIMEO,
                 &patience, sizeof patience);
  }

  /// False: refused, as far as the client's side can tell.
  bool shake_hands() {
    stream_.handshake(boost::asio::ssl::stream_base::client, failure_);
    return !failure_;
  }

  /// Inside TLS. False: the connection has ended.
  bool send(std::string_view bytes) {
    boost::asio::write(stream_, boost::asio::buffer(bytes), failure_);
    return !failure_;
  }

  /// Outside TLS.
  bool send_plain(std::string_view bytes) {
    boost::asio::write(stream_.next_layer(), boost::asio::buffer(bytes),
                       failure_);
    return !failure_;
  }

  /// Nothing: the connection has ended.
  std::optional<std::pair<wire::frame_header, std::string>> read() {
    std::array<char, 16 * 1024> bytes;
    while (frames_.empty()) {
      const auto size = stream_.read_some(boost::asio::buffer(bytes), failure_);
      if (failure_)
        return std::nullopt;
      const auto taken = decoder_.take(
        {bytes.data(), size}, [this](const auto& header, auto payload) {
          frames_.emplace_back(header, payload);
        });
      if (!taken)
        return std::nullopt;
    }
    auto first = std::move(frames_.front());
    frames_.pop_front();
    return first;
  }

  /// Whether the server ends the connection, which may say why before.
  bool is_closed() {
    while (read()) {
      // What it says does not matter here.
    }
    return failure_ != boost::asio::error::would_block
           && failure_ != boost::asio::error::try_again;
  }

  /// The same without TLS.
  bool is_closed_plain() {
    std::array<char, 1024> bytes;
    while (!failure_)
      stream_.next_layer().read_some(boost::asio::buffer(bytes), failure_);
    return failure_ != boost::asio::error::would_block
           && failure_ != boost::asio::error::try_again;
  }

private:
  boost::asio::io_context io_;
  net::tls_context tls_;
  boost::asio::ssl::stream<tcp::socket> stream_;
  wire::frame_decoder decoder_{wire::answer_payload_max};
  std::deque<std::pair<wire::frame_header, std::string>> frames_;
  boost::system::error_code failure_;
};

} // namespace dfs::test
