#include "reference.hpp"

#include <boost/asio/read.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <memory>
#include <string>

namespace asio = boost::asio;
using asio::ip::tcp;

namespace dfs::bench {

namespace {

using clock = std::chrono::steady_clock;
using tls_stream = asio::ssl::stream<tcp::socket>;

struct session : std::enable_shared_from_this<session> {
  session(tcp::socket socket, net::tls_context context)
    : tls{std::move(context)},
      stream{std::move(socket), *tls} {
    stream.next_layer().set_option(tcp::no_delay{true});
  }

  void start() {
    stream.async_handshake(asio::ssl::stream_base::server,
                           [self = shared_from_this()](auto failed) {
                             if (!failed)
                               self->read();
                           });
  }

  void read() {
    stream.async_read_some(asio::buffer(bytes),
                           [self = shared_from_this()](auto failed, auto size) {
                             if (!failed)
                               self->write(size);
                           });
  }

  void write(std::size_t size) {
    asio::async_write(stream, asio::buffer(bytes.data(), size),
                      [self = shared_from_this()](auto failed, auto) {
                        if (!failed)
                          self->read();
                      });
  }

  net::tls_context tls;
  tls_stream stream;
  std::array<char, 64 * 1024> bytes;
};

/// One connection of a client.
struct caller {
  caller(asio::io_context& io, const net::tls_context& tls, std::uint16_t port)
    : stream{io, *tls} {
    stream.next_layer().connect({asio::ip::make_address("127.0.0.1"), port});
    stream.next_layer().set_option(tcp::no_delay{true});
    stream.handshake(asio::ssl::stream_base::client);
  }

  void
  round(const std::string& text, clock::time_point end, std::size_t& rounds) {
    if (clock::now() >= end)
      return;
    asio::async_write(stream, asio::buffer(text), [](auto, auto) {});
    bytes.resize(text.size());
    asio::async_read(stream, asio::buffer(bytes),
                     [this, &text, end, &rounds](auto failed, auto) {
                       if (failed)
                         return;
                       ++rounds;
                       round(text, end, rounds);
                     });
  }

  tls_stream stream;
  std::vector<char> bytes;
};

} // namespace

echo_server::echo_server(net::tls_context tls)
  : tls_{std::move(tls)},
    acceptor_{io_, {asio::ip::make_address("127.0.0.1"), 0}} {
  accept();
  thread_ = std::thread{[this] { io_.run(); }};
}

echo_server::~echo_server() {
  io_.stop();
  thread_.join();
}

std::uint16_t echo_server::port() const {
  return acceptor_.local_endpoint().port();
}

void echo_server::accept() {
  acceptor_.async_accept([this](auto failed, tcp::socket socket) {
    if (failed)
      return;
    std::make_shared<session>(std::move(socket), tls_)->start();
    accept();
  });
}

std::vector<std::chrono::nanoseconds>
echo_latency(const net::tls_context& tls, std::uint16_t port, std::size_t size,
             std::size_t count) {
  asio::io_context io{1};
  caller one{io, tls, port};
  const std::string text(size, 'x');
  std::vector<char> bytes(size);
  std::vector<std::chrono::nanoseconds> times;
  for (std::size_t i = 0; i < count; ++i) {
    const auto began = clock::now();
    asio::write(one.stream, asio::buffer(text));
    asio::read(one.stream, asio::buffer(bytes));
    times.push_back(clock::now() - began);
  }
  return times;
}

double echo_rate(const net::tls_context& tls, std::uint16_t port,
                 std::size_t size, std::size_t connections, std::size_t window,
                 std::chrono::milliseconds time) {
  asio::io_context io{1};
  std::vector<std::unique_ptr<caller>> callers;
  for (std::size_t i = 0; i < connections; ++i)
    callers.push_back(std::make_unique<caller>(io, tls, port));
  const std::string text(size * window, 'x');
  std::size_t rounds = 0;
  const auto began = clock::now();
  for (auto& x : callers)
    x->round(text, began + time, rounds);
  io.run();
  const std::chrono::duration<double> took = clock::now() - began;
  return static_cast<double>(rounds * window) / took.count();
}

} // namespace dfs::bench
