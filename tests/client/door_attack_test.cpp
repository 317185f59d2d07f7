#include "client/cluster_client.hpp"

#include "base/rng.hpp"
#include "support/eventually.hpp"
#include "support/fake_door.hpp"
#include "support/raw_peer.hpp"
#include "support/resident_memory.hpp"

#include <gtest/gtest.h>

#include <list>
#include <optional>

#include <sys/resource.h>

// SPEC O4: who attacks the stream port is refused or closed in time, memory is
// bounded, and those who may come in are served meanwhile.

namespace dfs::client {
namespace {

using namespace std::chrono_literals;
using test::fake_door;
using test::raw_peer;

constexpr std::size_t growth_max = 64 * 1024 * 1024;

std::string request_frame(std::uint64_t id, std::string_view token,
                          const std::string& text = "text") {
  std::string bytes;
  wire::append_request(
    bytes, {.method = msg::method<msg::echo>::number, .id = request_id{id}},
    {.token = token, .message = wire::encode(msg::echo{text})});
  return bytes;
}

struct DoorAttackTest : ::testing::Test {
  test::temporary_directory dir;
  test::test_pki pki{dir.path()};
  test::credential_files node = pki.server("node-1", "master");
  net::tls_context alice = test::tls_of(pki.client("alice", "writer"));
  net::tls_context mallory = test::tls_of(pki.client("mallory", "reader"));
  net::frame_limits limits{
    .handshake_timeout = 300ms,
    .idle_timeout = 300ms,
    .ping_after = 100ms,
    .frame_timeout = 200ms,
    .write_timeout = 300ms,
  };
  std::optional<fake_door> door_;
  std::optional<cluster_client> friend_;
  std::size_t memory = 0;

  fake_door& open_door(fake_door::take take = fake_door::echo) {
    door_.emplace(node, std::move(take), limits);
    friend_.emplace(alice,
                    connection_options{.contacts = {door_->server.contact()}});
    EXPECT_TRUE(friend_->call(msg::echo{"before"}));
    memory = test::resident_memory();
    return *door_;
  }

  /// What every attack must leave as it was.
  void expect_unharmed() {
    const auto answer = friend_->call(msg::echo{"after"});
    EXPECT_TRUE(answer) << answer.error().context;
    EXPECT_LT(test::grown_since(memory), growth_max);
  }

  net::frame_counters counters() {
    return door_->server.server->counters();
  }

  std::string
  token_for(const std::string& principal, const wire::key_ring& keys) {
    return wire::mint({.principal = principal,
                       .right = rights::admin,
                       .operations = 7,
                       .expiry = wire::unix_ms{door_->clock} + 60s},
                      keys);
  }
};

TEST_F(DoorAttackTest, NoCertificate) {
  auto& door = open_door();
  auto bare = std::make_shared<boost::asio::ssl::context>(
    boost::asio::ssl::context::tls);
  raw_peer stranger{door.server.address, bare};
  if (stranger.shake_hands()) // TLS 1.3: the client learns of it afterwards.
    stranger.send(request_frame(1, ""));
  EXPECT_TRUE(stranger.is_closed());
  EXPECT_EQ(door.requests, 1); // The friend's.
  EXPECT_TRUE(test::eventually([&] { return counters().refused_tls == 1; }));
  expect_unharmed();
}

TEST_F(DoorAttackTest, TokensThatAreNotItsOwn) {
  auto& door = open_door();
  const auto other = test::make_keys(test::key_line(1, 'b'));
  auto good = token_for("mallory", *door.keys);
  auto cut = good.substr(0, good.size() - 1);
  raw_peer peer{door.server.address, mallory};
  ASSERT_TRUE(peer.shake_hands());
  std::uint64_t id = 0;
  for (const auto& token :
       {token_for("mallory", *other), token_for("alice", *door.keys), cut}) {
    ASSERT_TRUE(peer.send(request_frame(++id, token)));
    const auto answer = peer.read();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->first.id, request_id{id});
    EXPECT_EQ(ec{answer->first.status}, ec::unauthenticated);
  }
  ASSERT_TRUE(peer.send(request_frame(++id, good)));
  EXPECT_EQ(peer.read()->first.status, 0);
  door.clock += 66'000; // The same bytes, after their end.
  ASSERT_TRUE(peer.send(request_frame(++id, good)));
  EXPECT_EQ(ec{peer.read()->first.status}, ec::token_expired);
  EXPECT_EQ(counters().refused_tokens, 4u);
  EXPECT_EQ(door.requests, 2);
  door.clock -= 66'000;
  expect_unharmed();
}

TEST_F(DoorAttackTest, ATokenOfAKeyThatWasTakenAway) {
  auto& door = open_door();
  const auto token = token_for("mallory", *door.keys);
  raw_peer peer{door.server.address, mallory};
  ASSERT_TRUE(peer.shake_hands());
  ASSERT_TRUE(peer.send(request_frame(1, token)));
  EXPECT_EQ(peer.read()->first.status, 0);
  door.server.run([&] {
    door.server.server->replace_keys(test::make_keys(test::key_line(2, 'b')));
  });
  ASSERT_TRUE(peer.send(request_frame(2, token)));
  EXPECT_EQ(ec{peer.read()->first.status}, ec::unauthenticated);
}

TEST_F(DoorAttackTest, RandomBytesInsteadOfTls) {
  auto& door = open_door();
  rng random{1};
  for (int i = 0; i < 100; ++i) {
    std::string noise(1 + random.below(500), '\0');
    for (auto& byte : noise)
      byte = static_cast<char>(random.below(256));
    raw_peer peer{door.server.address, mallory};
    peer.send_plain(noise);
    ASSERT_TRUE(peer.is_closed_plain()) << i;
  }
  EXPECT_TRUE(test::eventually([&] { return counters().connections <= 1; }));
  expect_unharmed();
}

TEST_F(DoorAttackTest, RandomBytesAndHugeLengthsInsideTls) {
  auto& door = open_door();
  rng random{2};
  for (int i = 0; i < 40; ++i) {
    raw_peer peer{door.server.address, mallory};
    ASSERT_TRUE(peer.shake_hands());
    auto bytes = request_frame(1, "");
    if (i % 2 == 0)
      for (int at = 8; at < 12; ++at) // The length.
        bytes[static_cast<std::size_t>(at)] = static_cast<char>(0xff);
    else
      for (auto& byte : bytes)
        byte = static_cast<char>(random.below(256));
    peer.send(bytes);
    const auto reason = peer.read();
    ASSERT_TRUE(reason) << i;
    EXPECT_EQ(reason->first.id, request_id{});
    EXPECT_EQ(ec{reason->first.status}, ec::malformed);
    ASSERT_TRUE(peer.is_closed()) << i;
  }
  EXPECT_EQ(counters().closed_malformed, 40u);
  expect_unharmed();
}

TEST_F(DoorAttackTest, RequestIdsInUseAndFramesOfServers) {
  auto& door = open_door([](const net::frame_request& x) {
    if (x.from->peer().name == "alice")
      fake_door::echo(x);
  });
  const auto token = token_for("mallory", *door.keys);
  std::string answer;
  wire::append_frame(answer, {.kind = wire::frame_kind::answer}, "x");
  for (const auto& bytes : {request_frame(5, token) + request_frame(5, token),
                            request_frame(0, token), answer}) {
    raw_peer peer{door.server.address, mallory};
    ASSERT_TRUE(peer.shake_hands());
    peer.send(bytes);
    EXPECT_TRUE(peer.is_closed());
  }
  EXPECT_EQ(counters().closed_malformed, 3u);
  EXPECT_TRUE(test::eventually([&] { return counters().outstanding == 0; }));
}

TEST_F(DoorAttackTest, OneByteAtATime) {
  auto& door = open_door();
  raw_peer silent{door.server.address, mallory};
  silent.send_plain("\x16"); // The beginning of TLS, and nothing more.
  raw_peer slow{door.server.address, mallory};
  ASSERT_TRUE(slow.shake_hands());
  const auto frame = request_frame(1, "", std::string(10'000, 'x'));
  std::size_t sent = 0;
  // Each byte is a sign of life, and still the frame must end in time.
  EXPECT_TRUE(test::eventually([&] {
    return sent == frame.size() || !slow.send(frame.substr(sent++, 1));
  }));
  EXPECT_LT(sent, frame.size());
  EXPECT_TRUE(silent.is_closed_plain());
  EXPECT_GE(counters().closed_timeouts, 2u);
  expect_unharmed();
}

TEST_F(DoorAttackTest, FiveHundredIdleConnections) {
  limits.handshake_timeout = 2s;
  limits.idle_timeout = 60s; // The friend's one connection stays.
  auto& door = open_door();
  const auto before = counters().accepted;
  std::list<raw_peer> crowd;
  std::uint64_t most = 0;
  for (int i = 0; i < 500; ++i) {
    crowd.emplace_back(door.server.address, mallory);
    most = std::max(most, counters().unverified);
    if (i % 100 == 0)
      ASSERT_TRUE(friend_->call(msg::echo{"meanwhile"})) << i;
  }
  EXPECT_LE(most, limits.unverified_max);
  EXPECT_TRUE(
    test::eventually([&] { return counters().accepted == before + 500; }))
    << before << " " << counters().accepted;
  EXPECT_LE(counters().connections, limits.unverified_max + 1);
  expect_unharmed();
  EXPECT_TRUE(test::eventually([&] { return counters().connections <= 1; }));
}

TEST_F(DoorAttackTest, FiveHundredIdleConnectionsOfOneCredential) {
  limits.idle_timeout = 60s;
  auto& door = open_door();
  std::list<raw_peer> crowd;
  for (int i = 0; i < 500; ++i) {
    crowd.emplace_back(door.server.address, mallory);
    ASSERT_TRUE(crowd.back().shake_hands());
  }
  const auto refused = [&] {
    return counters().refused_busy
           == 500 - limits.connections_per_principal_max;
  };
  EXPECT_TRUE(test::eventually(refused));
  const auto reason = crowd.back().read();
  ASSERT_TRUE(reason);
  EXPECT_EQ(ec{reason->first.status}, ec::busy);
  crowd.pop_front(); // Its place is free again.
  EXPECT_TRUE(test::eventually([&] {
    crowd.emplace_back(door.server.address, mallory);
    crowd.back().shake_hands();
    crowd.back().send(request_frame(1, ""));
    return crowd.back().read()->first.id == request_id{1};
  }));
  expect_unharmed();
}

TEST_F(DoorAttackTest, AClientThatNeverReads) {
  auto& door = open_door();
  const auto token = token_for("mallory", *door.keys);
  std::list<raw_peer> crowd;
  for (int i = 0; i < 10; ++i) {
    crowd.emplace_back(door.server.address, mallory);
    ASSERT_TRUE(crowd.back().shake_hands());
  }
  const std::string text(60'000, 'x');
  for (std::uint64_t id = 1; id <= 200; ++id)
    for (auto& x : crowd)
      if (!x.send(request_frame(id, token, text)))
        id = 200; // The server reads no more, or has closed.
  EXPECT_TRUE(test::eventually([&] { return counters().connections <= 1; }));
  expect_unharmed();
}

} // namespace
} // namespace dfs::client
