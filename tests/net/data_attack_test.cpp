#include "base/rng.hpp"
#include "support/data_port.hpp"
#include "support/eventually.hpp"
#include "support/resident_memory.hpp"
#include "support/stream_server.hpp"

#include <gtest/gtest.h>

#include <list>

// SPEC O4: who attacks the data port is cut in time, memory is bounded, and
// those who may come in are served meanwhile.

namespace dfs::net {
namespace {

using namespace std::chrono_literals;
using test::data_port_server;
using test::raw_data_peer;

constexpr std::size_t growth_max = 64 * 1024 * 1024;

struct DataAttack : ::testing::Test {
  data_limits limits{
    .connections_max = 40,
    .connections_per_principal_max = 4,
    .unverified_max = 8,
    .handshake_timeout = 300ms,
    .idle_timeout = 60s,
    .frame_timeout = 200ms,
    .write_timeout = 300ms,
  };
  std::optional<data_port_server> server_;
  std::optional<raw_data_peer> friend_;
  std::uint64_t asked_ = 1;
  std::size_t memory_ = 0;

  data_port_server& open() {
    server_.emplace(limits);
    friend_.emplace(server_->address);
    EXPECT_TRUE(friend_->hello("friend"));
    EXPECT_TRUE(friend_->read());
    memory_ = test::resident_memory();
    return *server_;
  }

  /// What every attack must leave as it was.
  void expect_unharmed() {
    ASSERT_TRUE(
      friend_->send(raw_data_peer::frame(5, ++asked_, "after", "bytes")));
    const auto answer = friend_->read();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->data, "bytes");
    EXPECT_LT(test::grown_since(memory_), growth_max);
  }

  data_server_counters counters() {
    return server_->server.counters();
  }
};

TEST_F(DataAttack, NothingIsAnsweredBeforeHello) {
  auto& server = open();
  for (const auto& bytes :
       {raw_data_peer::frame(5, 1, "read"),
        raw_data_peer::frame(2, 1, "write", "bytes"),
        raw_data_peer::frame(1, 1, "alice", "bytes"),
        raw_data_peer::frame(1, 0, "alice"),
        raw_data_peer::frame(1, 1, std::string(600, 'a')),
        raw_data_peer::frame(0, 0, {}, {}, wire::data_kind::ping),
        raw_data_peer::frame(8, 0, {}, {}, wire::data_kind::notice)}) {
    raw_data_peer peer{server.address};
    ASSERT_TRUE(peer.send(bytes));
    EXPECT_FALSE(peer.read());
    EXPECT_TRUE(peer.is_closed());
  }
  EXPECT_EQ(server.requests, 0);
  expect_unharmed();
}

TEST_F(DataAttack, WhoIsRefusedLearnsWhy) {
  auto& server = open();
  raw_data_peer peer{server.address};
  ASSERT_TRUE(peer.hello("nobody"));
  const auto answer = peer.read();
  ASSERT_TRUE(answer);
  EXPECT_EQ(ec{answer->header.status}, ec::unauthenticated);
  EXPECT_EQ(answer->header.id, request_id{});
  EXPECT_TRUE(peer.is_closed());
  EXPECT_TRUE(test::eventually([&] { return counters().refused_hello == 1; }));
  expect_unharmed();
}

TEST_F(DataAttack, Garbage) {
  auto& server = open();
  rng random{1};
  for (int i = 0; i < 100; ++i) {
    std::string noise(1 + random.below(500), '\0');
    for (auto& byte : noise)
      byte = static_cast<char>(random.below(256));
    raw_data_peer peer{server.address};
    if (i % 2 == 0) {
      ASSERT_TRUE(peer.hello("mallory"));
      ASSERT_TRUE(peer.read());
    }
    peer.send(noise);
    ASSERT_TRUE(peer.is_closed()) << i;
  }
  expect_unharmed();
}

TEST_F(DataAttack, EveryFlippedByteOfAHeadIsFound) {
  auto& server = open();
  const auto good = raw_data_peer::frame(5, 9, "message", "data");
  const auto head = good.size() - 4;
  for (std::size_t i = 0; i < head; ++i) {
    auto bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x10);
    raw_data_peer peer{server.address};
    ASSERT_TRUE(peer.hello("mallory"));
    ASSERT_TRUE(peer.read());
    peer.send(bad);
    // A longer size leaves it waiting for the rest, until the frame's time.
    EXPECT_FALSE(peer.read()) << i;
    EXPECT_TRUE(peer.is_closed()) << i;
  }
  EXPECT_EQ(server.requests, 0);
  expect_unharmed();
}

TEST_F(DataAttack, AnnouncedGiantsTakeNoMemory) {
  auto& server = open();
  auto giant = raw_data_peer::frame(5, 9, {});
  for (const std::size_t at : {8u, 12u}) { // Sizes of message and data.
    auto bad = giant;
    bad.replace(at, 4, "\xff\xff\xff\x7f");
    raw_data_peer peer{server.address};
    ASSERT_TRUE(peer.hello("mallory"));
    ASSERT_TRUE(peer.read());
    ASSERT_TRUE(peer.send(bad));
    EXPECT_TRUE(peer.is_closed());
  }
  EXPECT_TRUE(
    test::eventually([&] { return counters().closed_malformed == 2; }));
  expect_unharmed();
}

TEST_F(DataAttack, StrangersWhoAreSilentOrSlowAreCut) {
  auto& server = open();
  raw_data_peer silent{server.address};
  raw_data_peer half{server.address};
  ASSERT_TRUE(half.send(raw_data_peer::frame(1, 1, "alice").substr(0, 20)));
  EXPECT_TRUE(silent.is_closed());
  EXPECT_TRUE(half.is_closed());
  EXPECT_TRUE(
    test::eventually([&] { return counters().closed_timeouts == 2; }));
}

TEST_F(DataAttack, WhoIsSilentForLongIsCut) {
  limits.idle_timeout = 300ms;
  auto& server = open();
  raw_data_peer peer{server.address};
  ASSERT_TRUE(peer.hello("mallory"));
  EXPECT_TRUE(peer.is_closed());
}

TEST_F(DataAttack, HalfFramesAreCut) {
  auto& server = open();
  const auto frame
    = raw_data_peer::frame(5, 9, "message", std::string(200'000, 'x'));
  for (const std::size_t cut : {10u, 35u, 50u, 100'000u}) {
    raw_data_peer peer{server.address};
    ASSERT_TRUE(peer.hello("mallory"));
    ASSERT_TRUE(peer.read());
    ASSERT_TRUE(peer.send(frame.substr(0, cut)));
    EXPECT_TRUE(peer.is_closed()) << cut;
  }
  EXPECT_EQ(server.requests, 0);
  EXPECT_TRUE(test::eventually([&] { return counters().client_bytes == 0; }));
}

TEST_F(DataAttack, ACrowdOfStrangersMakesRoomForTheNewest) {
  auto& server = open();
  std::list<raw_data_peer> crowd;
  for (int i = 0; i < 30; ++i)
    crowd.emplace_back(server.address);
  raw_data_peer late{server.address};
  ASSERT_TRUE(late.hello("alice"));
  EXPECT_TRUE(late.read());
  EXPECT_LE(counters().unverified, 8u);
  expect_unharmed();
}

TEST_F(DataAttack, OnePrincipalHasSoManyConnections) {
  auto& server = open();
  std::list<raw_data_peer> mine;
  for (int i = 0; i < 4; ++i) {
    mine.emplace_back(server.address);
    ASSERT_TRUE(mine.back().hello("mallory"));
    ASSERT_TRUE(mine.back().read());
  }
  raw_data_peer more{server.address};
  ASSERT_TRUE(more.hello("mallory"));
  const auto answer = more.read();
  ASSERT_TRUE(answer);
  EXPECT_EQ(ec{answer->header.status}, ec::busy);
  mine.pop_front();
  EXPECT_TRUE(test::eventually([&] {
    raw_data_peer again{server.address};
    return again.hello("mallory") && again.read()->header.status == 0;
  }));
  expect_unharmed();
}

TEST_F(DataAttack, AnIdInUseEndsTheConnection) {
  server_.emplace(limits, [](data_request&) {});
  raw_data_peer peer{server_->address};
  ASSERT_TRUE(peer.hello("mallory"));
  ASSERT_TRUE(peer.read());
  ASSERT_TRUE(
    peer.send(raw_data_peer::frame(5, 7, {}) + raw_data_peer::frame(5, 7, {})));
  EXPECT_TRUE(peer.is_closed());
  EXPECT_TRUE(test::eventually([&] { return counters().open == 0; }));
}

TEST_F(DataAttack, WhoTakesNothingIsCut) {
  server_.emplace(limits, [](data_request& x) {
    auto big = std::make_shared<std::string>(1u << 20, 'y');
    x.from->answer(x.id, {}, {{*big, big}});
  });
  raw_data_peer peer{server_->address};
  ASSERT_TRUE(peer.hello("mallory"));
  ASSERT_TRUE(peer.read());
  std::string asks;
  for (std::uint64_t i = 2; i < 200; ++i)
    asks += raw_data_peer::frame(5, i, {});
  ASSERT_TRUE(peer.send(asks));
  EXPECT_TRUE(test::eventually([&] { return counters().connections == 0; }));
  EXPECT_TRUE(
    test::eventually([&] { return counters().closed_timeouts == 1; }));
}

TEST_F(DataAttack, AnExpiredTokenIsRefusedUntilItIsRenewed) {
  auto& server = open();
  server.clock += 66'000;
  ASSERT_TRUE(friend_->send(raw_data_peer::frame(5, 50, {}, "bytes")));
  const auto answer = friend_->read();
  ASSERT_TRUE(answer);
  EXPECT_EQ(ec{answer->header.status}, ec::token_expired);
  EXPECT_EQ(server.requests, 0);
  server.clock -= 66'000;
  // Nobody becomes somebody else on the way.
  ASSERT_TRUE(friend_->send(raw_data_peer::frame(1, 51, "server")));
  EXPECT_EQ(ec{friend_->read()->header.status}, ec::unauthenticated);
  ASSERT_TRUE(friend_->send(raw_data_peer::frame(1, 52, "friend")));
  EXPECT_EQ(friend_->read()->header.status, 0);
  expect_unharmed();
}

} // namespace
} // namespace dfs::net
