#pragma once

#include "net/frame_server.hpp"
#include "support/test_pki.hpp"
#include "wire/key_ring.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

namespace dfs::test {

/// A token key file of one key.
inline std::string key_line(int generation, char digit) {
  return std::to_string(generation) + " " + std::string(64, digit) + "\n";
}

inline std::shared_ptr<const wire::key_ring>
make_keys(const std::string& text = key_line(1, 'a')) {
  return std::make_shared<const wire::key_ring>(*wire::key_ring::parse(text));
}

inline net::tls_context tls_of(const credential_files& x) {
  return *net::make_tls_context({x.ca, x.certificate, x.key});
}

/// A `frame_server` on loopback with a thread of its own.
class stream_server {
public:
  stream_server(net::tls_context context, net::frame_handlers handlers,
                const net::frame_limits& limits = {},
                std::shared_ptr<const wire::key_ring> keys = make_keys(),
                std::function<wire::unix_ms()> clock = {})
    : tls{std::make_shared<net::tls_source>(std::move(context))} {
    server.emplace(io, tls, std::move(keys),
                   net::frame_server_options{
                     .cluster = test_pki::default_cluster,
                     .limits = limits,
                     .clock = std::move(clock),
                   },
                   std::move(handlers));
    auto listening
      = server->listen({boost::asio::ip::make_address("127.0.0.1"), 0});
    DFS_ASSERT(listening);
    address = server->address();
    thread = std::thread{[this] { io.run(); }};
  }

  ~stream_server() {
    run([this] { server.reset(); });
    io.stop();
    thread.join();
  }

  /// In the server's thread; waits for it.
  template <class Function>
  void run(Function function) {
    std::promise<void> ran;
    boost::asio::post(io, [&] {
      function();
      ran.set_value();
    });
    ran.get_future().wait();
  }

  [[nodiscard]] std::string contact() const {
    return "127.0.0.1:" + std::to_string(address.port());
  }

  boost::asio::io_context io{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{
    io.get_executor()};
  std::shared_ptr<net::tls_source> tls;
  std::optional<net::frame_server> server;
  boost::asio::ip::tcp::endpoint address;
  std::thread thread;
};

} // namespace dfs::test
