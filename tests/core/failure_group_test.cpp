#include "failure_network.hpp"

#include <gtest/gtest.h>

#include <algorithm>

// Small groups in a bad network, many seeds each: the promises of SPEC M2 to
// M5. Larger groups: tests/sim.

namespace dfs::core::test {
namespace {

constexpr network_options bad{
  .loss_percent = 10, .duplicate_percent = 5, .delay_max = 20ms};

std::uint8_t size_of(std::uint64_t seed, std::uint8_t least) {
  return static_cast<std::uint8_t>(least + seed % (9u - least));
}

// SPEC M2: one introducer, everybody gets the whole list, once (I7).
TEST(FailureGroup, JoinsWithinTwoSeconds) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    network net{seed, bad};
    net.start(1, first_node, 1);
    for (std::uint8_t i = 2; i <= 8; ++i)
      net.start(i, first_node);
    EXPECT_TRUE(net.run_until(2s, [&] { return net.agree(8); }));
    for (std::uint8_t i = 1; i <= 8; ++i)
      EXPECT_TRUE(
        net.run_until(2s, [&] { return net.machine(i).caught_up(); }));
    EXPECT_EQ(net.count_changes(msg::member_change::joined), 64u);
    EXPECT_EQ(net.count_changes(msg::member_change::failed), 0u);
  }
}

// SPEC M4: every list knows a newcomer within 2 s, in a group that runs.
TEST(FailureGroup, LetsALateComerIn) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    network net{seed, bad};
    net.start_group(7);
    net.run(3s);
    net.start(8, first_node);
    EXPECT_TRUE(net.run_until(2s, [&] { return net.agree(8); }));
  }
}

// SPEC M4: first list within 5 s, every list within 6 s; 2 to 8 members.
TEST(FailureGroup, DetectsACrashInTime) {
  for (std::uint64_t seed = 1; seed <= 140; ++seed) {
    SCOPED_TRACE(seed);
    const auto size = size_of(seed, 2);
    network net{seed, bad};
    net.start_group(size);
    net.run(std::chrono::milliseconds{3'000 + 37 * (seed % 20)});
    net.changes();
    const auto killed = net.now();
    net.crash(size);
    ASSERT_TRUE(net.run_until(6s, [&] { return net.agree(size - 1u); }));
    const auto changes = net.changes();
    ASSERT_EQ(changes.size(), size - 1u);
    EXPECT_LE(changes.front().when - killed, 4s);
    EXPECT_GE(changes.front().when - killed, 2s);
    EXPECT_LE(changes.back().when - killed, 4500ms);
    for (const auto& x : changes) {
      EXPECT_EQ(x.what.change, msg::member_change::failed);
      EXPECT_EQ(x.what.member, make_record(size));
      EXPECT_NE(x.what.cause.find("silent"), std::string::npos);
    }
  }
}

// SPEC M4: three at once, in groups where the survivors are few.
TEST(FailureGroup, DetectsThreeCrashesAtOnce) {
  for (std::uint64_t seed = 1; seed <= 120; ++seed) {
    SCOPED_TRACE(seed);
    const auto size = size_of(seed, 4);
    network net{seed, bad};
    net.start_group(size);
    net.run(3s);
    net.changes();
    const auto killed = net.now();
    for (std::uint8_t i = 1; i <= 3; ++i)
      net.crash(i);
    ASSERT_TRUE(net.run_until(6s, [&] { return net.agree(size - 3u); }));
    const auto changes = net.changes();
    ASSERT_EQ(changes.size(), 3u * (size - 3u));
    std::map<msg::member_id, instant> first;
    for (const auto& x : changes)
      first.emplace(x.what.member.id, x.when);
    for (const auto& [id, when] : first)
      EXPECT_LE(when - killed, 5s) << id.address();
  }
}

// SPEC M5: random loss kills nobody.
TEST(FailureGroup, DeclaresNobodyForLoss) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    const auto size = size_of(seed, 2);
    network net{seed, bad};
    net.start_group(size);
    net.changes();
    net.run(150s);
    EXPECT_TRUE(net.changes().empty());
    EXPECT_TRUE(net.agree(size));
  }
}

// SPEC M5: a stall of 2 s is no death, of whoever and at any moment.
TEST(FailureGroup, DeclaresNobodyForAStall) {
  for (std::uint64_t seed = 1; seed <= 14; ++seed) {
    SCOPED_TRACE(seed);
    const auto size = size_of(seed, 2);
    network net{seed, bad};
    net.start_group(size);
    net.changes();
    for (unsigned i = 0; i < 20; ++i) {
      net.run(std::chrono::milliseconds{2'000 + 97 * i});
      net.stall(static_cast<std::uint8_t>(1 + i % size), 2s);
      net.run(2s);
    }
    EXPECT_TRUE(net.changes().empty());
    EXPECT_TRUE(net.agree(size));
  }
}

// SPEC M5: the whole host stalls; everybody wakes and accuses nobody (I6).
TEST(FailureGroup, DeclaresNobodyWhenAllStall) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    network net{seed, bad};
    const auto size = size_of(seed, 2);
    net.start_group(size);
    net.changes();
    for (std::uint8_t i = 1; i <= size; ++i)
      net.stall(i, 10s + std::chrono::milliseconds{i * seed});
    net.run(30s);
    EXPECT_TRUE(net.changes().empty());
  }
}

// I6: what a monitor did not hear while it stalled means nothing, though it
// suspected somebody before.
TEST(FailureGroup, JudgesNobodyRightAfterItsOwnStall) {
  for (std::uint8_t size : {2, 5}) {
    network net{size, {}};
    net.start_group(size);
    net.run(2s);
    for (std::uint8_t i = 2; i <= size; ++i)
      net.crash(i);
    net.run(2s);
    net.stall(1, 40s);
    net.changes();
    net.run(40s + failure_config{}.verdict_pair - 10ms);
    EXPECT_TRUE(net.changes().empty());
    EXPECT_TRUE(net.run_until(40s, [&] { return net.agree(1); }));
  }
}

// SPEC M5: declared dead for a long stall, it finds out and comes back.
TEST(FailureGroup, TakesBackWhoWasAwayForLong) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    const auto size = size_of(seed, 2);
    network net{seed, bad};
    net.start_group(size);
    net.stall(size, 8s);
    net.run(7s);
    ASSERT_FALSE(net.lists(1, size));
    ASSERT_TRUE(net.run_until(
      4s, [&] { return !net.at(size).rejoins.empty() && net.agree(size); }));
    EXPECT_EQ(net.at(size).rejoins.size(), 1u);
    EXPECT_GT(net.machine(size).self().id.start_ms,
              make_record(size).id.start_ms);
    for (std::uint8_t i = 1; i < size; ++i)
      EXPECT_TRUE(net.at(i).rejoins.empty());
    net.run(5s);
    EXPECT_TRUE(net.agree(size));
  }
}

// SPEC M4: a goodbye is in every list within 2 s, and is no failure.
TEST(FailureGroup, HearsAGoodbye) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    const auto size = size_of(seed, 2);
    network net{seed, bad};
    net.start_group(size);
    net.run(1s);
    net.changes();
    net.leave(2);
    EXPECT_TRUE(net.run_until(1001ms, [&] { return net.at(2).goodbyes == 1; }));
    net.crash(2); // Its process ends.
    EXPECT_TRUE(net.run_until(2s, [&] { return net.agree(size - 1u); }));
    net.run(5s);
    const auto changes = net.changes();
    EXPECT_EQ(changes.size(), size);
    for (const auto& x : changes)
      EXPECT_EQ(x.what.change, msg::member_change::left);
  }
}

TEST(FailureGroup, LeavesAtOnceWhenAlone) {
  network net{1, {}};
  net.start_group(1);
  net.leave(1);
  EXPECT_EQ(net.at(1).goodbyes, 1u);
  EXPECT_FALSE(net.machine(1).next_deadline());
  EXPECT_EQ(net.machine(1).members().size(), 0u);
}

// SPEC M3: an idle member's load, and that it does not grow with the group.
TEST(FailureGroup, StaysWithinItsTraffic) {
  for (std::uint8_t size : {5, 20}) {
    network net{7, {}};
    net.start_group(size);
    net.run(10s); // News of the joins have died down.
    for (std::uint8_t i = 1; i <= size; ++i)
      net.at(i).packets = net.at(i).bytes = 0;
    net.run(100s);
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
    for (std::uint8_t i = 1; i <= size; ++i) {
      packets += net.at(i).packets;
      bytes += net.at(i).bytes;
    }
    // 28 of IP and UDP, 42 of the seal.
    const auto per_second = (bytes + 70 * packets) / (100u * size);
    EXPECT_LE(per_second, 1'900u) << int{size};
    EXPECT_GE(packets, 1'600u * size);
  }
}

} // namespace
} // namespace dfs::core::test
