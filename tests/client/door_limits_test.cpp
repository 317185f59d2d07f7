#include "client/cluster_client.hpp"

#include "support/eventually.hpp"
#include "support/fake_door.hpp"
#include "support/raw_peer.hpp"
#include "support/refusal.hpp"

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <array>
#include <functional>
#include <future>
#include <list>
#include <memory>
#include <mutex>

#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace dfs::client {
namespace {

using namespace std::chrono_literals;
using test::fake_door;
using test::raw_peer;
using test::refusal;

struct DoorLimitsTest : ::testing::Test {
  test::temporary_directory dir;
  test::test_pki pki{dir.path()};
  test::credential_files node = pki.server("node-1", "master");
  net::tls_context alice = test::tls_of(pki.client("alice", "writer"));
  net::tls_context mallory = test::tls_of(pki.client("mallory", "reader"));

  std::unique_ptr<cluster_client> client(fake_door& door) {
    return std::make_unique<cluster_client>(
      alice,
      connection_options{.contacts = {door.server.contact()}, .window = 1'000});
  }
};

TEST_F(DoorLimitsTest, SaysBusyWhenTooMuchIsInWork) {
  std::vector<net::frame_request> held;
  fake_door door{node,
                 [&](const net::frame_request& x) { held.push_back(x); },
                 {.outstanding_per_connection_max = 10}};
  auto caller = client(door);
  int busy = 0;
  int answered = 0;
  for (int i = 0; i < 15; ++i)
    caller->connection().call<msg::echo>(msg::echo{}, {}, [&](auto x) {
      ++answered;
      busy += refusal(x) == ec::busy;
    });
  caller->run_until([&] { return answered == 5; });
  EXPECT_EQ(busy, 5);
  door.server.run([&] {
    std::for_each(held.begin(), held.end(), door.echo);
    held.clear();
  });
  caller->run_until([&] { return answered == 15; });
  EXPECT_EQ(busy, 5);
  EXPECT_EQ(door.server.server->counters().outstanding, 0u);
}

TEST_F(DoorLimitsTest, CountsOutstandingOfTheWholeNode) {
  std::vector<net::frame_request> held;
  fake_door door{node,
                 [&](const net::frame_request& x) { held.push_back(x); },
                 {.outstanding_max = 3}};
  const auto outstanding
    = [&] { return door.server.server->counters().outstanding; };
  auto one = client(door);
  auto other = client(door);
  for (int i = 0; i < 3; ++i)
    one->connection().call<msg::echo>(msg::echo{}, {}, [](auto) {});
  one->run_until([&] { return door.requests == 3; });
  EXPECT_EQ(refusal(other->call(msg::echo{})), ec::busy);
  one.reset(); // Its requests are in work as before.
  EXPECT_EQ(refusal(other->call(msg::echo{})), ec::busy);
  door.server.run([&] { held.clear(); });
  EXPECT_EQ(outstanding(), 0u);
}

// Else whoever names short deadlines has as much done as they like.
TEST_F(DoorLimitsTest, AnAnswerAtTheDeadlineFreesNoPlace) { // SPEC S10
  std::vector<net::frame_request> held;
  fake_door door{node,
                 [&](const net::frame_request& x) {
                   held.push_back(x);
                   x.from->refuse(x.id, fail(ec::timed_out));
                 },
                 {.outstanding_per_connection_max = 3}};
  auto caller = client(door);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(refusal(caller->call(msg::echo{})), ec::timed_out);
  EXPECT_EQ(refusal(caller->call(msg::echo{})), ec::busy);
  door.server.run([&] { held.clear(); });
  EXPECT_EQ(refusal(caller->call(msg::echo{})), ec::timed_out);
  door.server.run([&] { held.clear(); });
}

TEST_F(DoorLimitsTest, KeepsAListeningSubscriberAndClosesADeafOne) {
  std::mutex mutex;
  std::vector<net::frame_request> open;
  fake_door door{node,
                 [&](const net::frame_request& x) {
                   const std::lock_guard guard{mutex};
                   open.push_back(x);
                   static_cast<void>(x.from->event(x.id, x.message));
                 },
                 {.idle_timeout = 300ms, .ping_after = 50ms}};
  auto caller = client(door);
  auto opened = false;
  std::string heard;
  caller->connection().subscribe<test::follow>(
    {}, {}, [&](auto) { opened = true; }, [&](auto x) { heard = x.text; },
    [](auto) {});
  caller->run_until([&] { return opened; });
  // It came later, so when it has been silent for too long, so would the other
  // one have been without the answers to pings.
  raw_peer deaf{door.server.address, mallory};
  ASSERT_TRUE(deaf.shake_hands());
  boost::asio::steady_timer look{caller->io()};
  caller->run_until([&] {
    look.expires_after(10ms);
    look.async_wait([](auto) {});
    return door.server.server->counters().closed_timeouts == 1;
  });
  EXPECT_TRUE(deaf.is_closed());
  EXPECT_TRUE(
    open[0].from->event(open[0].id, wire::encode(msg::echo{"still there"})));
  caller->run_until([&] { return !heard.empty(); });
  EXPECT_EQ(heard, "still there");
}

TEST_F(DoorLimitsTest, TellsWhoIsTooSlowForItsEvents) {
  std::shared_ptr<net::answer_port> port;
  request_id id;
  fake_door door{node, [&](const net::frame_request& x) {
                   port = x.from;
                   id = x.id;
                 }};
  raw_peer deaf{door.server.address, mallory};
  ASSERT_TRUE(deaf.shake_hands());
  const auto token = wire::mint(
    {.principal = "mallory", .expiry = wire::unix_ms{door.clock} + 60s},
    *door.keys);
  std::string bytes;
  wire::append_request(bytes, {.method = 2, .id = request_id{1}},
                       {.token = token, .message = "x"});
  ASSERT_TRUE(deaf.send(bytes));
  ASSERT_TRUE(test::eventually([&] { return door.requests == 1; }));
  const std::string news(30'000, 'x');
  EXPECT_TRUE(test::eventually([&] {
    for (int i = 0; i < 100; ++i)
      if (!port->event(id, news))
        return true;
    return false;
  }));
  port->refuse(id, fail(ec::busy, "too slow"));
  EXPECT_FALSE(port->event(id, news)); // It is over.
}

TEST_F(DoorLimitsTest, FinishesWhatIsInWorkBeforeItEnds) { // SPEC S6
  std::vector<net::frame_request> held;
  fake_door door{node, [&](const net::frame_request& x) { held.push_back(x); }};
  auto caller = client(door);
  std::optional<result<msg::echo>> first;
  caller->connection().call<msg::echo>(msg::echo{"first"}, {},
                                       [&](auto x) { first = std::move(x); });
  caller->run_until([&] { return door.requests == 1; });
  std::atomic<bool> drained{false};
  door.server.run(
    [&] { door.server.server->drain(10s, [&] { drained = true; }); });
  EXPECT_THROW((raw_peer{door.server.address, mallory}),
               boost::system::system_error);
  EXPECT_FALSE(drained);
  door.server.run([&] { door.echo(held[0]); });
  caller->run_until([&] { return first.has_value(); });
  EXPECT_TRUE(*first);
  EXPECT_TRUE(test::eventually([&] { return drained.load(); }));
}

TEST_F(DoorLimitsTest, EndsADrainAtItsDeadline) { // SPEC S6
  fake_door door{node, [](const net::frame_request&) {}};
  auto caller = client(door);
  caller->connection().call<msg::echo>(msg::echo{}, {}, [](auto) {});
  caller->run_until([&] { return door.requests == 1; });
  std::atomic<bool> drained{false};
  door.server.run(
    [&] { door.server.server->drain(50ms, [&] { drained = true; }); });
  EXPECT_TRUE(test::eventually([&] { return drained.load(); }));
  EXPECT_EQ(door.server.server->counters().connections, 0u);
}

TEST_F(DoorLimitsTest, UsesANewCertificateForNewConnections) { // SPEC O4
  fake_door door{node, fake_door::echo};
  auto before = client(door);
  ASSERT_TRUE(before->call(msg::echo{}));
  test::test_pki other{dir.path() / "other"};
  door.server.tls->replace(test::tls_of(other.server("node-1", "master")));
  EXPECT_EQ(refusal(client(door)->call(msg::echo{})), ec::unauthenticated);
  EXPECT_TRUE(before->call(msg::echo{})); // Stands as it was.
}

/// A limit of so many leaves those that are open, and lets nobody open more.
rlim_t lowest_free_descriptor() {
  const auto found = ::dup(0);
  ::close(found);
  return static_cast<rlim_t>(found);
}

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec)
         + static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec)
             / 1e6;
}

TEST_F(DoorLimitsTest, OutlivesALackOfDescriptorsWithoutSpinning) {
  fake_door door{node, fake_door::echo};
  auto caller = client(door);
  ASSERT_TRUE(caller->call(msg::echo{"before"}));
  raw_peer newcomer{door.server.address, mallory};
  ASSERT_TRUE(newcomer.shake_hands());
  boost::asio::io_context io;
  raw_peer::tcp::socket waiting{io, raw_peer::tcp::v4()};
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit tight = before;
  tight.rlim_cur = lowest_free_descriptor();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  waiting.connect(door.server.address); // Into the queue: nobody can accept it.
  const auto cpu = cpu_seconds();
  const auto until = std::chrono::steady_clock::now() + 400ms;
  EXPECT_TRUE(
    test::eventually([&] { return std::chrono::steady_clock::now() > until; }));
  EXPECT_LT(cpu_seconds() - cpu, 0.2);
  EXPECT_TRUE(caller->call(msg::echo{"meanwhile"}));
  EXPECT_EQ(door.server.server->counters().accepted, 2u);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(test::eventually(
    [&] { return door.server.server->counters().accepted == 3; }));
}

/// A client that has sealed beforehand what it sends, in records of a byte.
class flood {
public:
  flood(const raw_peer::tcp::endpoint& server, const net::tls_context& tls)
    : ssl_{SSL_new(tls->native_handle()), SSL_free} {
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl_.get());
    socket_.connect(server);
    std::array<char, 16 * 1024> bytes;
    while (SSL_do_handshake(ssl_.get()) != 1) {
      boost::asio::write(socket_, boost::asio::buffer(sealed()));
      const auto got = socket_.read_some(boost::asio::buffer(bytes));
      BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(got));
    }
    boost::asio::write(socket_, boost::asio::buffer(sealed()));
  }

  /// As much as the systems between take.
  void fill() {
    const std::string no_frame(64, '\xff');
    SSL_write(ssl_.get(), no_frame.data(), static_cast<int>(no_frame.size()));
    for (int i = 0; i < 100'000; ++i)
      SSL_write(ssl_.get(), "x", 1);
    socket_.non_blocking(true);
    boost::system::error_code full;
    boost::asio::write(socket_, boost::asio::buffer(sealed()), full);
  }

  /// Bytes that the server has not read, as far as they have come there.
  [[nodiscard]] int unread() {
    int left = 0;
    for (int each = 3; each < 1024; ++each) {
      sockaddr_in peer{};
      socklen_t size = sizeof peer;
      if (::getpeername(each, reinterpret_cast<sockaddr*>(&peer), &size) == 0
          && ntohs(peer.sin_port) == socket_.local_endpoint().port())
        ::ioctl(each, FIONREAD, &left);
    }
    return left;
  }

private:
  std::string sealed() {
    char* bytes = nullptr;
    const auto size = BIO_get_mem_data(SSL_get_wbio(ssl_.get()), &bytes);
    std::string all{bytes, static_cast<std::size_t>(size)};
    BIO_reset(SSL_get_wbio(ssl_.get()));
    return all;
  }

  boost::asio::io_context io_;
  raw_peer::tcp::socket socket_{io_};
  std::unique_ptr<SSL, void (*)(SSL*)> ssl_;
};

// SPEC S10: what comes after the goodbye is read for a second, so that it is
// read, too; and not without others having their turn.
TEST_F(DoorLimitsTest, AFloodAfterTheGoodbyeHoldsNobodyUp) {
  fake_door door{node, fake_door::echo};
  flood flooder{door.server.address, mallory};
  const auto counters = [&] { return door.server.server->counters(); };
  std::promise<void> sent;
  std::promise<int> over;
  int turns = 0;
  std::function<void()> look = [&] {
    const auto goodbye = counters().closed_malformed == 1;
    turns += goodbye ? 1 : 0;
    if (goodbye && flooder.unread() == 0)
      return over.set_value(turns);
    boost::asio::post(door.server.io, look);
  };
  boost::asio::post(door.server.io, [&] {
    sent.get_future().wait();
    look();
  });
  flooder.fill();
  ASSERT_GT(flooder.unread(), 10'000);
  sent.set_value();
  EXPECT_GT(over.get_future().get(), 20);
  EXPECT_TRUE(test::eventually([&] { return counters().connections == 0; }));
}

} // namespace
} // namespace dfs::client
