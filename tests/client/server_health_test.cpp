#include "client/server_health.hpp"

#include <gtest/gtest.h>

#include <set>

namespace dfs::client {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t small = 4096;
constexpr std::uint32_t large = 1024 * 1024;

struct ServerHealthTest : ::testing::Test {
  server_health health;
  instant now{1h};
  const store_id a{1};
  const store_id b{2};
  const store_id c{3};
  std::vector<msg::chunk_replica> replicas{{a, {}}, {b, {}}, {c, {}}};

  store_id first(std::uint64_t spread, std::uint32_t bytes = small) {
    return health.order(replicas, bytes, spread, now).front().store;
  }

  store_id last(std::uint64_t spread) {
    return health.order(replicas, small, spread, now).back().store;
  }

  void reads(store_id who, std::uint32_t bytes, std::chrono::nanoseconds took,
             int count = 16) {
    for (int i = 0; i < count; ++i)
      health.answered(who, bytes, took);
  }
};

TEST_F(ServerHealthTest, SpreadsStretchesOverEquals) {
  std::set<store_id> asked;
  for (std::uint64_t spread = 1; spread <= 3; ++spread)
    asked.insert(first(spread));
  EXPECT_EQ(asked, (std::set{a, b, c}));
  EXPECT_EQ(first(7), first(7)); // And always in the same way.
}

TEST_F(ServerHealthTest, AsksASlowServerSeldom) {
  reads(a, small, 100us);
  reads(b, small, 150us);
  reads(c, small, 2ms);
  int slow = 0;
  for (std::uint64_t spread = 0; spread < 48; ++spread)
    slow += first(spread) == c ? 1 : 0;
  EXPECT_EQ(slow, 1); // To learn when it has recovered.
  // What small reads take says nothing of large ones.
  EXPECT_EQ(first(1, large), health.order(replicas, large, 1, now)[0].store);
  reads(c, small, 100us, 64);
  slow = 0;
  for (std::uint64_t spread = 0; spread < 48; ++spread)
    slow += first(spread) == c ? 1 : 0;
  EXPECT_EQ(slow, 16);
}

TEST_F(ServerHealthTest, AsksWhoFailedLastAndTriesItAgain) {
  health.failed(b, now);
  for (std::uint64_t spread = 0; spread < 9; ++spread)
    EXPECT_EQ(last(spread), b);
  now += 1s;
  // One read finds out, the others do not wait for it.
  int tried = 0;
  for (std::uint64_t spread = 0; spread < 9; ++spread)
    tried += last(spread) != b ? 1 : 0;
  EXPECT_EQ(tried, 1);
  health.answered(b, small, 100us);
  std::set<store_id> asked;
  for (std::uint64_t spread = 0; spread < 9; ++spread)
    asked.insert(first(spread));
  EXPECT_EQ(asked.size(), 3u);
}

TEST_F(ServerHealthTest, HedgesAfterWhatIsUsualThere) {
  EXPECT_EQ(health.hedge_after(a, small), 50ms);
  reads(a, small, 1ms, 15);
  EXPECT_EQ(health.hedge_after(a, small), 50ms); // Too little is known.
  reads(a, small, 1ms, 1);
  EXPECT_EQ(health.hedge_after(a, small), 5ms);
  reads(a, large, 30ms);
  EXPECT_EQ(health.hedge_after(a, large), 30ms);
  reads(a, large, 3s, 128);
  EXPECT_EQ(health.hedge_after(a, large), 200ms);
}

TEST_F(ServerHealthTest, RationsHedges) {
  int all = 0;
  while (health.may_hedge())
    ++all;
  EXPECT_EQ(all, 10); // At once,
  reads(a, small, 1ms, 100);
  for (all = 0; health.may_hedge();)
    ++all;
  EXPECT_EQ(all, 10); // and a tenth of all reads.
}

} // namespace
} // namespace dfs::client
