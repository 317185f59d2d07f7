#include "client/cluster_client.hpp"

#include "net/frame_connection.hpp"
#include "support/eventually.hpp"
#include "support/fake_door.hpp"
#include "support/raw_peer.hpp"
#include "support/refusal.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

// SPEC S10: one principal never fills what others need.

namespace dfs::client {
namespace {

using namespace std::chrono_literals;
using test::fake_door;
using test::raw_peer;
using test::refusal;

constexpr std::size_t MiB = 1024 * 1024;

struct DoorSharesTest : ::testing::Test {
  test::temporary_directory dir;
  test::test_pki pki{dir.path()};
  test::credential_files node = pki.server("node-1", "master");
  net::tls_context alice = test::tls_of(pki.client("alice", "writer"));
  net::tls_context mallory = test::tls_of(pki.client("mallory", "reader"));
  net::frame_limits limits;
  std::optional<fake_door> door_;
  std::unique_ptr<cluster_client> friend_;

  fake_door& open_door(fake_door::take take) {
    door_.emplace(node, std::move(take), limits);
    friend_ = client_of(alice);
    return *door_;
  }

  std::unique_ptr<cluster_client> client_of(const net::tls_context& who) {
    return std::make_unique<cluster_client>(
      who, connection_options{.contacts = {door_->server.contact()}});
  }

  std::string request(std::uint64_t id, const std::string& who,
                      const std::string& text = "text") {
    const auto token = wire::mint({.principal = who,
                                   .right = rights::reader,
                                   .operations = 1,
                                   .expiry = wire::unix_ms{door_->clock} + 60s},
                                  *door_->keys);
    std::string bytes;
    wire::append_request(
      bytes, {.method = msg::method<msg::echo>::number, .id = request_id{id}},
      {.token = token, .message = wire::encode(msg::echo{text})});
    return bytes;
  }

  raw_peer& enter(std::list<raw_peer>& crowd, const net::tls_context& who) {
    crowd.emplace_back(door_->server.address, who);
    EXPECT_TRUE(crowd.back().shake_hands());
    return crowd.back();
  }

  net::frame_counters counters() {
    return door_->server.server->counters();
  }

  net::principal_counters share_of(const std::string& name) {
    const auto all = door_->server.server->principals();
    const auto found = std::find_if(
      all.begin(), all.end(), [&](const auto& x) { return x.name == name; });
    return found == all.end() ? net::principal_counters{} : *found;
  }
};

TEST_F(DoorSharesTest,
       SlowReadersLoseTheirConnectionsAndOthersGetTheirAnswers) {
  const std::string page(500'000, 'x');
  open_door([&](const net::frame_request& x) {
    x.from->answer(x.id, wire::encode(msg::echo{page}));
  });
  ASSERT_TRUE(friend_->call(msg::echo{}));
  std::list<raw_peer> hog;
  for (int i = 0; i < 32; ++i)
    enter(hog, mallory);
  const auto accepted = counters().accepted;
  std::uint64_t most = 0;
  for (std::uint64_t round = 1; round <= 14; ++round) {
    for (auto& x : hog)
      x.send(request(round, "mallory")); // And never reads. May be closed.
    const auto answer = friend_->call(msg::echo{});
    ASSERT_TRUE(answer) << round << " " << answer.error().context;
    EXPECT_EQ(answer->text.size(), page.size());
    most = std::max(most, counters().unsent_bytes);
  }
  EXPECT_GT(most, 16 * MiB); // There was something to share.
  EXPECT_TRUE(test::eventually([&] { return counters().closed_slow > 0; }));
  EXPECT_TRUE(test::eventually(
    [&] { return counters().unsent_bytes <= limits.write_queues_bytes_max; }));
  EXPECT_EQ(share_of("mallory").closed_slow, counters().closed_slow);
  EXPECT_EQ(counters().accepted, accepted); // Nobody had to come back.
}

TEST_F(DoorSharesTest, RequestsInWorkOfOneLeaveRoomForAnother) {
  std::mutex mutex;
  std::vector<net::frame_request> held;
  open_door([&](const net::frame_request& x) {
    if (x.from->peer().name == "alice")
      return fake_door::echo(x);
    const std::lock_guard guard{mutex};
    held.push_back(x);
  });
  std::list<raw_peer> hog;
  for (int i = 0; i < 17; ++i) {
    auto& x = enter(hog, mallory);
    std::string all;
    for (std::uint64_t id = 1; id <= 256; ++id)
      all += request(id, "mallory");
    ASSERT_TRUE(x.send(all));
  }
  ASSERT_TRUE(
    test::eventually([&] { return counters().requests == 17u * 256; }));
  EXPECT_EQ(counters().outstanding, limits.outstanding_max / 2);
  EXPECT_EQ(share_of("mallory").requests, counters().outstanding);
  EXPECT_GE(share_of("mallory").refused_busy, 17u * 256 - 2048);
  for (int i = 0; i < 20; ++i)
    EXPECT_TRUE(friend_->call(msg::echo{"asks"})) << i;
  hog.clear(); // Who comes back has no more than before.
  EXPECT_TRUE(
    test::eventually([&] { return share_of("mallory").connections == 0; }));
  EXPECT_EQ(share_of("mallory").requests, limits.outstanding_max / 2);
  door_->server.run([&] { held.clear(); });
  EXPECT_EQ(counters().outstanding, 0u);
  EXPECT_EQ(share_of("mallory").requests, 0u);
}

TEST_F(DoorSharesTest, ANewcomerGetsThePlaceOfAnIdleConnection) {
  limits.connections_max = 40;
  limits.connections_per_principal_max = 20;
  open_door(fake_door::echo);
  const auto trudy = test::tls_of(pki.client("trudy", "reader"));
  std::list<raw_peer> crowd;
  for (int i = 0; i < 20; ++i)
    enter(crowd, mallory);
  for (int i = 0; i < 10; ++i)
    enter(crowd, trudy);
  ASSERT_TRUE(
    test::eventually([&] { return share_of("trudy").connections == 10; }));
  const auto answer = friend_->call(msg::echo{"may I?"});
  ASSERT_TRUE(answer) << answer.error().context;
  EXPECT_EQ(share_of("mallory").connections, 19u);
  EXPECT_EQ(share_of("mallory").closed_idle, 1u);
  EXPECT_EQ(share_of("trudy").closed_idle, 0u);
  const auto reason = crowd.front().read(); // Idle for longest.
  ASSERT_TRUE(reason);
  EXPECT_EQ(reason->first.id, request_id{});
  EXPECT_EQ(ec{reason->first.status}, ec::shutting_down);
  EXPECT_TRUE(crowd.front().is_closed());
}

TEST_F(DoorSharesTest, WhenAllAreInUseANewcomerIsTold) {
  limits.connections_max = 8;
  std::vector<net::frame_request> held;
  open_door([&](const net::frame_request& x) {
    if (x.from->peer().name != "mallory")
      return fake_door::echo(x);
    held.push_back(x);
  });
  std::list<raw_peer> crowd;
  for (int i = 0; i < 6; ++i)
    ASSERT_TRUE(enter(crowd, mallory).send(request(1, "mallory")));
  ASSERT_TRUE(test::eventually([&] { return counters().outstanding == 6; }));
  EXPECT_EQ(refusal(friend_->call(msg::echo{})), ec::busy);
  // Whoever mends it comes in.
  auto admin = client_of(test::tls_of(pki.client("root", "admin")));
  EXPECT_TRUE(admin->call(msg::echo{}));
  auto server = client_of(test::tls_of(pki.server("node-2", "chunkserver")));
  EXPECT_TRUE(server->call(msg::echo{}));
  EXPECT_EQ(share_of("mallory").connections, 6u);
}

// SPEC S11: what crossed the goodbye to an idle connection was not done, and
// is asked again.
TEST_F(DoorSharesTest, AChangeThatMeetsTheGoodbyeIsDoneOnce) {
  int done_here = 0;
  auto evicts = true;
  auto& door = open_door([&](const net::frame_request& x) {
    if (std::exchange(evicts, false))
      return static_cast<net::frame_connection&>(*x.from).evict();
    ++done_here;
    fake_door::echo(x);
  });
  const auto answer = friend_->call(test::poke{"once"});
  ASSERT_TRUE(answer) << answer.error().context;
  EXPECT_EQ(done_here, 1);
  EXPECT_EQ(door.requests, 2);
}

} // namespace
} // namespace dfs::client
