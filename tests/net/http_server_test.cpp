#include "net/http_server.hpp"

#include "base/rng.hpp"
#include "support/eventually.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <vector>

namespace dfs::net {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using tcp = asio::ip::tcp;

struct HttpServerTest : ::testing::Test {
  asio::io_context context;
  asio::io_context here;
  std::unique_ptr<http_server> server;
  std::thread thread;
  tcp::endpoint where;

  void start(http_options options = {}) {
    options.bind = *endpoint::parse("127.0.0.1:0");
    server = std::make_unique<http_server>(
      context, options,
      std::map<std::string, http_handler, std::less<>>{
        {"/hello",
         [](std::string_view query) {
           return http_answer{200, "text/plain", "hi " + std::string{query}};
         }},
        {"/ill", [](std::string_view) {
           return http_answer{503, "text/plain", "not ok\n"};
         }}});
    const auto opened = server->open();
    ASSERT_TRUE(opened) << opened.error().context;
    where = {asio::ip::make_address("127.0.0.1"), server->address().port};
    thread = std::thread{[this] { context.run(); }};
  }

  ~HttpServerTest() override {
    if (!thread.joinable())
      return;
    asio::post(context, [this] { server->close(); });
    thread.join(); // Ends by itself once nothing is open.
  }

  tcp::socket connect() {
    tcp::socket socket{here};
    socket.connect(where);
    return socket;
  }

  static std::string read_all(tcp::socket& socket) {
    std::string answer;
    boost::system::error_code ec;
    asio::read(socket, asio::dynamic_buffer(answer), ec);
    return answer;
  }

  std::string say(const std::string& bytes) {
    auto socket = connect();
    boost::system::error_code ec;
    asio::write(socket, asio::buffer(bytes), ec);
    return read_all(socket);
  }

  std::string get(const std::string& target) {
    return say("GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n");
  }

  http_traffic traffic() {
    std::promise<http_traffic> promise;
    asio::post(context, [&] { promise.set_value(server->traffic()); });
    return promise.get_future().get();
  }
};

// SPEC O3
TEST_F(HttpServerTest, AnswersItsPaths) {
  start();
  EXPECT_THAT(get("/hello"), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(get("/hello"), HasSubstr("\r\n\r\nhi "));
  EXPECT_THAT(get("/hello?verbose"), HasSubstr("hi verbose"));
  EXPECT_THAT(get("/ill"), StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(get("/"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(get("/hello/"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(get("/../etc/passwd"), StartsWith("HTTP/1.1 404 "));
}

TEST_F(HttpServerTest, TakesNoMethodButGetAndHead) {
  start();
  const auto refused = say("POST /hello HTTP/1.1\r\nHost: x\r\n"
                           "Content-Length: 4\r\n\r\nabcd");
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(refused, HasSubstr("Allow: GET, HEAD\r\n"));
  EXPECT_THAT(say("DELETE / HTTP/1.1\r\nHost: x\r\n\r\n"),
              StartsWith("HTTP/1.1 404 "));
  const auto head = say("HEAD /hello?abc HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(head, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(head, HasSubstr("Content-Length: 6\r\n"));
  EXPECT_THAT(head, Not(HasSubstr("hi")));
}

TEST_F(HttpServerTest, RefusesWhatIsNoRequest) {
  start();
  EXPECT_THAT(say("hello\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(get("/" + std::string(100'000, 'a')),
              StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(get("/hello"), StartsWith("HTTP/1.1 200 ")) << "still there";
  EXPECT_EQ(traffic().refused, 2u);
}

// Goal: whatever comes, the server answers the next one, and memory stays.
TEST_F(HttpServerTest, SurvivesRandomBytes) {
  start({.read_timeout = 200ms});
  const auto memory = [] {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss; // KiB
  };
  const auto before = memory();
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed); // replays the failure
    rng random{seed};
    std::string bytes = random.one_in(2) ? "GET /hello HTTP/1.1\r\n" : "";
    for (auto left = random.below(3'000); left > 0; --left)
      bytes += static_cast<char>(random.below(256));
    if (random.one_in(3))
      bytes += "\r\n\r\n";
    auto socket = connect();
    boost::system::error_code ec;
    asio::write(socket, asio::buffer(bytes), ec);
    socket.shutdown(tcp::socket::shutdown_send, ec);
    read_all(socket); // Ends: no hanging connection.
  }
  EXPECT_THAT(get("/hello"), StartsWith("HTTP/1.1 200 "));
  EXPECT_LT(memory() - before, 64 * 1'024);
}

TEST_F(HttpServerTest, CutsWhoIsTooSlow) {
  start({.read_timeout = 100ms});
  auto silent = connect();
  auto slow = connect();
  asio::write(slow, asio::buffer(std::string{"GET /hello HT"}));
  EXPECT_EQ(read_all(silent), "");
  EXPECT_EQ(read_all(slow), "");
  EXPECT_EQ(traffic().refused, 2u);
}

TEST_F(HttpServerTest, CutsWhoDripsBytes) {
  start({.read_timeout = 300ms});
  auto socket = connect();
  auto cut = false;
  for (auto i = 0; i < 100 && !cut; ++i) {
    boost::system::error_code ec;
    asio::write(socket, asio::buffer(std::string{"G"}), ec);
    cut = ec.failed();
    std::ignore = test::eventually([] { return false; }, 20ms); // The drip.
  }
  EXPECT_TRUE(cut) << "each byte bought it more time";
}

TEST_F(HttpServerTest, TurnsNewcomersAwayWhenItIsFull) {
  start({.connections_max = 4, .read_timeout = 2s});
  std::vector<tcp::socket> idle;
  for (auto i = 0; i < 50; ++i)
    idle.push_back(connect());
  EXPECT_TRUE(test::eventually([&] { return traffic().accepted == 50; }));
  EXPECT_EQ(traffic().open, 4u);
  EXPECT_EQ(traffic().turned_away, 46u);
  EXPECT_EQ(get("/hello"), "");
  idle.clear();
  EXPECT_TRUE(test::eventually([&] { return traffic().open == 0; }));
  EXPECT_THAT(get("/hello"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, SaysWhenAPortIsTaken) {
  start();
  http_options options;
  options.bind = server->address();
  http_server second{here, options, {}};
  const auto outcome = second.open();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ec::in_use);
  EXPECT_THAT(outcome.error().context, HasSubstr(to_string(options.bind)));
}

TEST_F(HttpServerTest, ListensOnIpv6) {
  http_options options;
  options.bind = *endpoint::parse("[::1]:0");
  http_server server6{here, options, {}};
  const auto outcome = server6.open();
  if (!outcome)
    GTEST_SKIP() << "no IPv6 here: " << outcome.error().context;
  EXPECT_EQ(server6.address().ip, options.bind.ip);
}

} // namespace
} // namespace dfs::net
