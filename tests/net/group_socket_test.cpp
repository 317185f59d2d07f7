#include "net/group_socket.hpp"

#include "support/eventually.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/udp.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace dfs::net {
namespace {

using boost::asio::ip::udp;

const wire::key_ring ring = *wire::key_ring::parse("1 " + std::string(64, 'a'));

endpoint at(const std::string& ip, std::uint16_t port = 0) {
  return {*ip_address::parse(ip), port};
}

// "\1" and the class: enough of a protocol to tell kinds of bodies apart.
std::string body_of(std::uint8_t of, const std::string& text) {
  return std::string{'\1', static_cast<char>(of)} + text
         + " and some bytes more";
}

std::uint8_t classify(std::string_view body) {
  return body.size() < 2 ? traffic_class::other
                         : static_cast<std::uint8_t>(body[1]);
}

struct arrival {
  socket_kind via;
  endpoint from;
  std::string body;
  bool operator==(const arrival&) const = default;
};

/// What a node has heard, for another thread to look at.
class inbox {
public:
  void add(arrival x) {
    const std::lock_guard guard{mutex_};
    arrivals_.push_back(std::move(x));
  }

  [[nodiscard]] std::vector<arrival> all() const {
    const std::lock_guard guard{mutex_};
    return arrivals_;
  }

  [[nodiscard]] bool gets(const arrival& x) const {
    return test::eventually([&] {
      const auto now = all();
      return std::find(now.begin(), now.end(), x) != now.end();
    });
  }

private:
  mutable std::mutex mutex_;
  std::vector<arrival> arrivals_;
};

struct GroupSocket : ::testing::Test {
  struct node {
    std::shared_ptr<group_socket> socket;
    // Shared: a stopped socket may still be telling it something.
    std::shared_ptr<inbox> heard = std::make_shared<inbox>();

    [[nodiscard]] endpoint ping() const {
      return socket->bound(socket_kind::ping);
    }
    [[nodiscard]] endpoint group() const {
      return socket->bound(socket_kind::group);
    }
    ~node() {
      if (socket)
        socket->stop();
    }
  };

  boost::asio::io_context io;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{
    io.get_executor()};
  std::thread thread{[this] { io.run(); }};

  ~GroupSocket() override {
    work.reset();
    io.stop();
    thread.join();
  }

  void open(node& x, const std::string& ip, std::uint16_t group_port = 0) {
    auto opened = group_socket::open(
      io, {at(ip), at(ip, group_port), at(ip, group_port), ring, classify});
    ASSERT_TRUE(opened) << opened.error().context;
    x.socket = *opened;
    x.socket->start([heard = x.heard](socket_kind via, const endpoint& from,
                                      std::string body) {
      heard->add({via, from, std::move(body)});
    });
  }

  void exchange(const std::string& ip) {
    node alice;
    node bob;
    open(alice, ip);
    open(bob, ip);
    const auto ping = body_of(1, "ping");
    const auto news = body_of(2, "news");
    alice.socket->send(socket_kind::ping, bob.ping(), ping, 1);
    alice.socket->send(socket_kind::group, bob.group(), news, 2);
    EXPECT_TRUE(bob.heard->gets({socket_kind::ping, alice.ping(), ping}));
    EXPECT_TRUE(bob.heard->gets({socket_kind::group, alice.group(), news}));
    bob.socket->send(socket_kind::group, alice.group(), news, 2);
    EXPECT_TRUE(alice.heard->gets({socket_kind::group, bob.group(), news}));
  }
};

TEST_F(GroupSocket, CarriesBodiesBothWaysFromTheFirstOn) { // SPEC M8
  exchange("127.0.0.1");
}

TEST_F(GroupSocket, CarriesThemOverIpv6) { // SPEC S4
  boost::system::error_code failed;
  udp::socket probe{io};
  probe.open(udp::v6(), failed);
  probe.bind({boost::asio::ip::address_v6::loopback(), 0}, failed);
  if (failed)
    GTEST_SKIP() << "this machine has no IPv6: " << failed.message();
  exchange("::1");
}

TEST_F(GroupSocket, ServesIpv4OnADualStackSocket) { // SPEC S4
  boost::system::error_code failed;
  udp::socket probe{io};
  probe.open(udp::v6(), failed);
  if (failed)
    GTEST_SKIP() << "this machine has no IPv6: " << failed.message();
  node alice;
  node bob;
  open(alice, "127.0.0.1");
  open(bob, "::");
  const auto ping = body_of(1, "ping");
  const auto bob_at = at("127.0.0.1", bob.ping().port);
  alice.socket->send(socket_kind::ping, bob_at, ping, 1);
  EXPECT_TRUE(bob.heard->gets({socket_kind::ping, alice.ping(), ping}));
  bob.socket->send(socket_kind::ping, alice.ping(), ping, 1);
  EXPECT_TRUE(alice.heard->gets({socket_kind::ping, bob_at, ping}));
  EXPECT_EQ(bob.socket->traffic_so_far().in[traffic_class::answer].wire_bytes,
            wire::seal_bytes + wire::answer_prefix_bytes + ping.size() + 28);
}

TEST_F(GroupSocket, DrainsABurstThatCameInOneWakeUp) {
  node alice;
  node bob;
  open(alice, "127.0.0.1");
  open(bob, "127.0.0.1");
  alice.socket->send(socket_kind::group, bob.group(), body_of(1, "first"), 1);
  ASSERT_TRUE(test::eventually([&] { return bob.heard->all().size() == 1; }));
  for (int i = 0; i < 150; ++i)
    alice.socket->send(socket_kind::group, bob.group(),
                       body_of(1, std::to_string(i)), 1);
  EXPECT_TRUE(test::eventually([&] { return bob.heard->all().size() == 151; }));
}

TEST_F(GroupSocket, SaysWhichPortIsInUseAndHowToMend) { // SPEC S4
  node alice;
  open(alice, "127.0.0.1");
  const auto second = group_socket::open(
    io, {at("127.0.0.1"), alice.group(), alice.group(), ring, classify});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ec::in_use);
  const auto& context = second.error().context;
  EXPECT_NE(context.find(to_string(alice.group())), std::string::npos);
  EXPECT_NE(context.find("group.port"), std::string::npos) << context;
  const auto ping = group_socket::open(
    io, {alice.ping(), at("127.0.0.1"), alice.group(), ring, classify});
  ASSERT_FALSE(ping);
  EXPECT_NE(ping.error().context.find("group.ping_port"), std::string::npos);
}

TEST_F(GroupSocket, SaysThatAnAddressIsNotOurs) { // SPEC S4
  const auto opened = group_socket::open(
    io, {at("192.0.2.1"), at("192.0.2.1"), at("192.0.2.1"), ring, classify});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ec::configuration);
  EXPECT_NE(opened.error().context.find("192.0.2.1"), std::string::npos);
  EXPECT_NE(opened.error().context.find("node.bind"), std::string::npos);
}

/// Without any key, with the bytes of others.
struct stranger {
  udp::socket socket;

  explicit stranger(boost::asio::io_context& io)
    : socket{io, {boost::asio::ip::address_v4::loopback(), 0}} {
    socket.non_blocking(true);
  }

  void send(const endpoint& to, std::string_view bytes) {
    socket.send_to(boost::asio::buffer(bytes.data(), bytes.size()),
                   {boost::asio::ip::address_v4::loopback(), to.port});
  }

  /// Nothing if nothing is there yet.
  std::string receive() {
    std::string bytes(2'000, '\0');
    udp::endpoint from;
    boost::system::error_code failed;
    bytes.resize(
      socket.receive_from(boost::asio::buffer(bytes), from, 0, failed));
    return bytes;
  }
};

TEST_F(GroupSocket, CountsByClassWithHeadersAndFromZeroOnDemand) { // SPEC M6
  node alice;
  node bob;
  open(alice, "127.0.0.1");
  open(bob, "127.0.0.1");
  const auto body = body_of(3, "ping");
  const auto sealed = body.size() + wire::seal_bytes;
  alice.socket->send(socket_kind::ping, bob.ping(), body, 3);
  ASSERT_TRUE(bob.heard->gets({socket_kind::ping, alice.ping(), body}));
  alice.socket->send(socket_kind::ping, bob.ping(), body, 3);
  ASSERT_TRUE(test::eventually([&] { return bob.heard->all().size() == 2; }));
  const auto of_alice = alice.socket->traffic_so_far();
  const auto of_bob = bob.socket->traffic_so_far();
  EXPECT_EQ(of_alice.out[3], (traffic_total{2, 2 * sealed, 2 * sealed + 56}));
  EXPECT_EQ(of_bob.in[3], (traffic_total{1, sealed, sealed + 28}));
  // The first was dropped, and heard as the answer to a challenge.
  EXPECT_EQ(of_bob.in[traffic_class::dropped],
            (traffic_total{1, sealed, sealed + 28}));
  EXPECT_EQ(of_bob.out[traffic_class::challenge],
            of_alice.in[traffic_class::challenge]);
  EXPECT_EQ(of_bob.out[traffic_class::challenge].packets, 1u);
  EXPECT_EQ(of_alice.out[traffic_class::answer],
            of_bob.in[traffic_class::answer]);
  EXPECT_EQ(of_alice.out[traffic_class::answer].packets, 1u);

  stranger mallory{io};
  mallory.send(bob.group(), std::string(100, 'x'));
  mallory.send(bob.ping(), std::string(2'000, 'x'));
  EXPECT_TRUE(test::eventually([&] {
    return bob.socket->traffic_so_far().in[traffic_class::dropped].packets == 3;
  }));
  EXPECT_EQ(bob.socket->reset_traffic().in[traffic_class::dropped].wire_bytes,
            sealed + 28 + 128 + 2'028);
  const auto fresh = bob.socket->traffic_so_far();
  EXPECT_EQ(fresh.in, decltype(fresh.in){});
  EXPECT_EQ(fresh.out, decltype(fresh.out){});
  EXPECT_LE(fresh.since_reset, of_bob.since_reset + std::chrono::seconds{60});
}

// A recording played to the node, and to the one after it on the same port.
TEST_F(GroupSocket, HearsNoRecordingAlsoAfterARestart) { // SPEC M8
  stranger wiretap{io};
  node alice;
  open(alice, "127.0.0.1");
  const auto port = [&] {
    node bob;
    open(bob, "127.0.0.1");
    const auto body = body_of(1, "real");
    alice.socket->send(socket_kind::group, bob.group(), body, 1);
    EXPECT_TRUE(bob.heard->gets({socket_kind::group, alice.group(), body}));
    return bob.group().port;
  }();
  // What Alice says to the wiretap is as good as what it overhears.
  alice.socket->send(socket_kind::group,
                     at("127.0.0.1", wiretap.socket.local_endpoint().port()),
                     body_of(1, "recorded"), 1);
  std::string recording;
  ASSERT_TRUE(test::eventually([&] {
    recording = wiretap.receive();
    return !recording.empty();
  }));
  alice.socket->stop();
  node bob;
  ASSERT_TRUE(test::eventually([&] {
    auto opened
      = group_socket::open(io, {at("127.0.0.1"), at("127.0.0.1", port),
                                at("127.0.0.1", port), ring, classify});
    if (opened)
      bob.socket = *opened;
    return static_cast<bool>(opened);
  }));
  bob.socket->start([heard = bob.heard](socket_kind via, const endpoint& from,
                                        std::string body) {
    heard->add({via, from, std::move(body)});
  });
  wiretap.send(bob.group(), recording);
  wiretap.send(bob.group(), recording.substr(0, recording.size() - 1));
  ASSERT_TRUE(test::eventually([&] {
    return bob.socket->traffic_so_far().in[traffic_class::dropped].packets == 2;
  }));
  EXPECT_TRUE(bob.heard->all().empty());
  // One challenge came back, which the wiretap cannot answer.
  std::string asked;
  EXPECT_TRUE(test::eventually([&] {
    asked = wiretap.receive();
    return !asked.empty();
  }));
  EXPECT_LE(asked.size(), recording.size());
}

TEST_F(GroupSocket, IsSilentOnceStopped) {
  node alice;
  node bob;
  open(alice, "127.0.0.1");
  open(bob, "127.0.0.1");
  const auto body = body_of(1, "before");
  alice.socket->send(socket_kind::ping, bob.ping(), body, 1);
  ASSERT_TRUE(bob.heard->gets({socket_kind::ping, alice.ping(), body}));
  bob.socket->stop();
  bob.socket->stop();
  const auto sent = bob.socket->traffic_so_far().out;
  bob.socket->send(socket_kind::ping, alice.ping(), body, 1);
  EXPECT_EQ(bob.socket->traffic_so_far().out, sent);
  // The ports are free again.
  EXPECT_TRUE(test::eventually([&] {
    return static_cast<bool>(group_socket::open(
      io, {bob.ping(), bob.group(), bob.group(), ring, classify}));
  }));
}

} // namespace
} // namespace dfs::net
