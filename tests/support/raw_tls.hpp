#pragma once

#include "net/address.hpp"
#include "net/tls.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace dfs::test {

/// A peer that says what it likes. Every call ends within its patience.
class raw_tls {
public:
  using tcp = boost::asio::ip::tcp;

  /// @param context Empty for plain TCP.
  explicit raw_tls(net::tls_context context = nullptr)
    : context_{std::move(context)} {
    if (context_)
      tls_ = std::make_unique<boost::asio::ssl::stream<tcp::socket&>>(
        socket_, *context_);
  }

  /// TCP, and TLS if there is a context.
  bool connect(const endpoint& to) {
    bool ok = false;
    socket_.async_connect(net::to_asio<tcp>(to),
                          [&](auto failed) { ok = !failed; });
    run();
    if (!ok || !tls_)
      return ok;
    ok = false;
    tls_->async_handshake(boost::asio::ssl::stream_base::client,
                          [&](auto failed) { ok = !failed; });
    run();
    return ok;
  }

  bool send(std::string_view bytes) {
    bool ok = false;
    const auto done = [&](auto failed, std::size_t) { ok = !failed; };
    const auto buffer = boost::asio::buffer(bytes);
    tls_ ? boost::asio::async_write(*tls_, buffer, done)
         : boost::asio::async_write(socket_, buffer, done);
    run();
    return ok;
  }

  /// What comes next; empty when the other side has closed.
  std::string receive() {
    std::string bytes(64 * 1024, '\0');
    std::size_t got = 0;
    const auto done
      = [&](auto failed, std::size_t count) { got = failed ? 0 : count; };
    const auto buffer = boost::asio::buffer(bytes);
    tls_ ? tls_->async_read_some(buffer, done)
         : socket_.async_read_some(buffer, done);
    run();
    bytes.resize(got);
    return bytes;
  }

  /// Whether the other side closes, whatever it says before that.
  bool is_closed() {
    while (!receive().empty()) {
      // nop
    }
    return !timed_out_;
  }

  std::chrono::milliseconds patience{10'000};

private:
  void run() {
    io_.restart();
    io_.run_for(patience);
    timed_out_ = !io_.stopped();
    if (timed_out_) {
      boost::system::error_code ignored;
      socket_.cancel(ignored);
      io_.run();
    }
  }

  net::tls_context context_;
  boost::asio::io_context io_{1};
  tcp::socket socket_{io_};
  std::unique_ptr<boost::asio::ssl::stream<tcp::socket&>> tls_;
  bool timed_out_ = false;
};

} // namespace dfs::test
