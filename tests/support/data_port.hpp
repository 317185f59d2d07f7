#pragma once

#include "net/data_server.hpp"
#include "support/data_caller.hpp"
#include "support/test_pki.hpp"
#include "wire/data_frame.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <sys/time.h>

namespace dfs::test {

/// A `data_server` on loopback with a thread of its own, which answers with
/// what `answer` does; by default the data comes back. Anybody whose hello is
/// "server" is a server; "nobody" is refused.
class data_port_server {
public:
  using take = std::function<void(net::data_request&)>;
  using greeter = std::function<result<net::data_greeting>(
    const net::data_stranger&, std::string_view)>;

  static void echo(net::data_request& x) {
    net::data_views views;
    if (!x.data.empty())
      views.push_back({x.data.view(), x.data.keep()});
    if (x.id != request_id{})
      x.from->answer(x.id, x.message, std::move(views));
  }

  explicit data_port_server(const net::data_limits& limits = {},
                            take answer = echo,
                            std::shared_ptr<net::tls_source> tls = {},
                            greeter welcome = {})
    : answer_{std::move(answer)},
      welcome_{std::move(welcome)},
      server{
        loop,
        {.cluster = test_pki::default_cluster,
         .limits = limits,
         .tls = std::move(tls),
         .clock = [this] { return wire::unix_ms{clock.load()}; }},
        {.hello = [this](const auto& who, auto x) { return greet(who, x); },
         .request =
           [this](net::data_request& x) {
             ++requests;
             answer_(x);
           },
         .closed = [this](const auto&) { ++closed; }}} {
    auto listening
      = server.listen({boost::asio::ip::make_address("127.0.0.1"), 0});
    DFS_ASSERT(listening);
    address = server.address();
    thread_ = std::thread{[this] { io.run(); }};
  }

  ~data_port_server() {
    run([this] { server.close(); });
    io.stop();
    thread_.join();
  }

  template <class Function>
  void run(Function function) {
    std::promise<void> ran;
    boost::asio::post(io, [&] {
      function();
      ran.set_value();
    });
    ran.get_future().wait();
  }

  [[nodiscard]] endpoint where() const {
    return *endpoint::parse("127.0.0.1:" + std::to_string(address.port()));
  }

  boost::asio::io_context io{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{
    io.get_executor()};
  std::shared_ptr<net::data_loop> loop = std::make_shared<net::data_loop>(
    io, std::make_shared<net::buffer_pool>());
  std::atomic<std::int64_t> clock{1'000'000};
  std::atomic<int> requests{0};
  std::atomic<int> closed{0};

private:
  result<net::data_greeting>
  greet(const net::data_stranger& who, std::string_view hello) {
    if (welcome_)
      return welcome_(who, hello);
    if (hello == "nobody")
      return fail(ec::unauthenticated, "who are you?");
    net::data_greeting greeting;
    greeting.peer.name = std::string{hello};
    greeting.peer.server = hello == "server";
    greeting.peer.expiry = wire::unix_ms{1'000'000 + 60'000};
    greeting.welcome = "welcome";
    return greeting;
  }

  take answer_;
  greeter welcome_;

public:
  net::data_server server;
  boost::asio::ip::tcp::endpoint address;

private:
  std::thread thread_;
};

/// A peer that blocks and keeps to no rules. Waits at most 10 s for anything.
class raw_data_peer {
public:
  using tcp = boost::asio::ip::tcp;

  explicit raw_data_peer(const tcp::endpoint& server) {
    socket.connect(server);
    const timeval patience{10, 0};
    ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience,
                 sizeof patience);
    ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_SNDTIMEO, &patience,
                 sizeof patience);
  }

  bool send(std::string_view bytes) {
    boost::system::error_code failed;
    boost::asio::write(socket, boost::asio::buffer(bytes), failed);
    return !failed;
  }

  static std::string frame(std::uint16_t method, std::uint64_t id,
                           std::string_view message, std::string_view data = {},
                           wire::data_kind kind = wire::data_kind::request) {
    std::string bytes;
    wire::append_data_head(
      bytes,
      {.kind = kind,
       .method = method,
       .data_size = static_cast<std::uint32_t>(data.size()),
       .id = request_id{id}},
      message);
    return bytes.append(data);
  }

  bool hello(std::string_view who) {
    return send(frame(1, 1, who));
  }

  struct answer {
    wire::data_header header;
    std::string message;
    std::string data;
  };

  /// Nothing: the connection has ended.
  std::optional<answer> read() {
    std::string head(wire::data_header_size, '\0');
    if (!fill(head))
      return std::nullopt;
    auto header = wire::parse_data_header(head);
    if (!header)
      return std::nullopt;
    answer x{*header, std::string(header->message_size, '\0'),
             std::string(header->data_size, '\0')};
    if (!fill(x.message) || !fill(x.data)
        || !wire::check_data_head(head + x.message))
      return std::nullopt;
    return x;
  }

  bool is_closed() {
    while (read()) {
      // What it says does not matter here.
    }
    return failure != boost::asio::error::would_block
           && failure != boost::asio::error::try_again;
  }

  boost::asio::io_context io;
  tcp::socket socket{io};
  boost::system::error_code failure;

private:
  bool fill(std::string& bytes) {
    std::size_t got = 0;
    while (got < bytes.size() && !failure)
      got += socket.read_some(
        boost::asio::buffer(bytes.data() + got, bytes.size() - got), failure);
    return !failure;
  }
};

} // namespace dfs::test
