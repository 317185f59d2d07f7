#pragma once

#include "net/tls.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

// What the machine can do: TLS echo with Asio's own stream, no frames, no
// checks, no actors.

namespace dfs::bench {

class echo_server {
public:
  explicit echo_server(net::tls_context tls);
  ~echo_server();
  echo_server(const echo_server&) = delete;
  echo_server& operator=(const echo_server&) = delete;

  [[nodiscard]] std::uint16_t port() const;

private:
  void accept();

  net::tls_context tls_;
  boost::asio::io_context io_{1};
  boost::asio::ip::tcp::acceptor acceptor_;
  std::thread thread_;
};

/// Round trips of `size` bytes, one after another.
std::vector<std::chrono::nanoseconds>
echo_latency(const net::tls_context& tls, std::uint16_t port, std::size_t size,
             std::size_t count);

/// Messages of `size` bytes per second over `connections`, `window` of them
/// written and read back at a time.
double echo_rate(const net::tls_context& tls, std::uint16_t port,
                 std::size_t size, std::size_t connections, std::size_t window,
                 std::chrono::milliseconds time);

} // namespace dfs::bench
