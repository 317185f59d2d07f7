#include "net/fair_share.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <map>
#include <numeric>
#include <vector>

// SPEC S10: limits hold for each principal.

namespace dfs::net {
namespace {

using namespace std::chrono_literals;

const instant start{};

/// How many each of `principals` gets that all take what they can.
std::vector<std::size_t>
filled(const share_limits& limits, std::size_t principals) {
  std::vector<std::size_t> held(principals);
  std::size_t all = 0;
  for (auto more = true; std::exchange(more, false);)
    for (auto& mine : held)
      if (may_take(limits, mine, all)) {
        ++mine;
        ++all;
        more = true;
      }
  return held;
}

std::size_t sum(const std::vector<std::size_t>& x) {
  return std::accumulate(x.begin(), x.end(), std::size_t{0});
}

TEST(FairShareTest, OnePrincipalLeavesHalf) {
  const share_limits limits{4096, 4096};
  EXPECT_EQ(filled(limits, 1), std::vector<std::size_t>{2048});
}

TEST(FairShareTest, WhateverManyTakeANewcomerFindsAsMuchAsEachOfThem) {
  const share_limits limits{4096, 4096};
  for (const std::size_t greedy : {2, 3, 10, 100}) {
    const auto held = filled(limits, greedy);
    const auto free = 4096 - sum(held);
    EXPECT_GE(free, 4096 / (greedy + 1) - 1) << greedy;
    EXPECT_TRUE(may_take(limits, 0, sum(held))) << greedy;
  }
}

TEST(FairShareTest, ItsOwnLimitAndTheSumHold) {
  EXPECT_EQ(filled({4096, 100}, 3), (std::vector<std::size_t>{100, 100, 100}));
  EXPECT_FALSE(may_take({4096, 100}, 0, 4096));
  EXPECT_TRUE(may_take({4096, 100}, 99, 99));
}

TEST(FairShareTest, FewAreTakenWhileAnyIsFree) {
  EXPECT_EQ(filled({3, 2048}, 1), std::vector<std::size_t>{3});
  EXPECT_TRUE(may_take({1000, 1000}, share_floor - 1, 999));
  EXPECT_FALSE(may_take({1000, 1000}, share_floor, 999));
}

TEST(FairShareTest, TheLongestIdleOfTheLargestPrincipalGivesWay) {
  const std::vector<seat> seats{
    {.connections = 2, .kept = false, .idle_since = start},
    {.connections = 3, .kept = false, .idle_since = start + 5s},
    {.connections = 3, .kept = false, .idle_since = start + 3s},
    {.connections = 3, .kept = false, .idle_since = std::nullopt},
    {.connections = 9, .kept = true, .idle_since = start},
  };
  EXPECT_EQ(choose_to_evict(seats, 0), 2u);
  EXPECT_EQ(choose_to_evict(seats, 2), 2u);
  EXPECT_EQ(choose_to_evict(seats, 3), std::nullopt);
}

TEST(FairShareTest, NobodyInUseAndNobodyWithFewerGivesWay) {
  EXPECT_EQ(choose_to_evict({}, 0), std::nullopt);
  EXPECT_EQ(choose_to_evict({{.connections = 7}}, 0), std::nullopt);
  EXPECT_EQ(choose_to_evict({{.connections = 1, .idle_since = start}}, 1),
            std::nullopt);
  // The largest uses all of its own: then the next one.
  EXPECT_EQ(choose_to_evict(
              {{.connections = 7}, {.connections = 2, .idle_since = start}}, 1),
            1u);
}

TEST(FairShareTest, TheConnectionWithMostOfThePrincipalWithMostIsClosed) {
  // 2 has the largest connection, 1 has more in all.
  const std::vector<unsent_load> loads{{1, 30}, {1, 40}, {2, 50}, {3, 1}};
  EXPECT_EQ(choose_to_close(loads, 121), std::vector<std::size_t>{});
  EXPECT_EQ(choose_to_close(loads, 120), std::vector<std::size_t>{1});
  // Then 2 has most.
  EXPECT_EQ(choose_to_close(loads, 80), (std::vector<std::size_t>{1, 2}));
  EXPECT_EQ(choose_to_close(loads, 0), (std::vector<std::size_t>{1, 2, 0, 3}));
}

TEST(FairShareTest, AModestPrincipalIsNeverClosedForAGreedyOne) {
  std::vector<unsent_load> loads{{7, 1000}};
  for (int i = 0; i < 100; ++i)
    loads.push_back({8, 100});
  const auto closed = choose_to_close(loads, 2000);
  EXPECT_EQ(closed.size(), 90u);
  EXPECT_EQ(std::count(closed.begin(), closed.end(), std::size_t{0}), 0);
}

const drain_watch::pace pace{1000, 10s};

TEST(DrainWatchTest, AReaderOfALeastRateIsWaitedFor) {
  drain_watch watch;
  watch.begin(start, 0, 1'000'000);
  std::uint64_t taken = 0;
  for (auto at = start + 11s; at < start + 1h; at += 11s) {
    taken += 1000;
    ASSERT_TRUE(watch.due(at, pace));
    EXPECT_FALSE(watch.too_slow(at, pace, taken, 1'000'000 - taken));
  }
}

TEST(DrainWatchTest, AByteNowAndThenIsTooSlow) {
  drain_watch watch;
  watch.begin(start, 5000, 1'000'000);
  EXPECT_FALSE(watch.due(start + 10s, pace));
  EXPECT_TRUE(watch.due(start + 11s, pace));
  EXPECT_TRUE(watch.too_slow(start + 11s, pace, 5999, 1'000'000));
}

TEST(DrainWatchTest, APeriodOfPlentyDoesNotExcuseTheNext) {
  drain_watch watch;
  watch.begin(start, 0, 1'000'000);
  EXPECT_FALSE(watch.too_slow(start + 11s, pace, 900'000, 100'000));
  EXPECT_TRUE(watch.too_slow(start + 22s, pace, 900'999, 99'001));
}

TEST(DrainWatchTest, LittleThatIsTakenWholeIsEnough) {
  drain_watch watch;
  watch.begin(start, 0, 10);
  EXPECT_FALSE(watch.too_slow(start + 11s, pace, 10, 500));
  EXPECT_TRUE(watch.too_slow(start + 22s, pace, 11, 499));
}

TEST(DrainWatchTest, NothingThatWaitsIsNeverLate) {
  drain_watch watch;
  EXPECT_FALSE(watch.due(start + 1h, pace));
  watch.begin(start, 0, 10);
  watch.begin(start + 5s, 0, 10); // Known.
  EXPECT_TRUE(watch.due(start + 11s, pace));
  watch.end();
  EXPECT_FALSE(watch.due(start + 1h, pace));
}

} // namespace
} // namespace dfs::net
