#include "core/queues/order_watch.hpp"

#include <gtest/gtest.h>

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

constexpr instant start{};

struct OrderWatch : testing::Test {
  // One look a second; whether the last one says stuck.
  bool look_until(std::chrono::milliseconds end,
                  std::chrono::milliseconds changing = 0ms) {
    bool stuck = false;
    for (; at <= end; at += 1s)
      stuck = watch.look(changing, start + at);
    return stuck;
  }

  order_watch watch;
  std::chrono::milliseconds at{0};
};

// SPEC O3
TEST_F(OrderWatch, FindsThatNothingIsDelivered) {
  watch.deliver(start);
  watch.submit(1, start + 1s);
  EXPECT_FALSE(look_until(6s)); // The first look that finds it.
  EXPECT_EQ(watch.last(), (order_watch::ages{5s, 6s, 0ms}));
  EXPECT_TRUE(look_until(7s));
}

TEST_F(OrderWatch, HasNothingAgainstAGroupWithoutRequests) {
  watch.deliver(start);
  EXPECT_FALSE(look_until(600s));
  EXPECT_EQ(watch.last(), (order_watch::ages{0ms, 600s, 0ms}));
}

TEST_F(OrderWatch, HasNothingAgainstOneThatDeliversOthers) {
  watch.submit(1, start);
  for (auto now = 0s; now < 60s; now += 1s) {
    watch.deliver(start + now);
    EXPECT_FALSE(watch.look(0ms, start + now));
  }
}

TEST_F(OrderWatch, ForgetsWhatHasEnded) {
  watch.submit(1, start);
  watch.submit(2, start + 3s);
  watch.end(1);
  watch.end(7);
  EXPECT_FALSE(look_until(8s));
  EXPECT_EQ(watch.last().oldest, 5s);
  watch.clear();
  EXPECT_FALSE(look_until(60s));
  EXPECT_EQ(watch.last().oldest, 0ms);
}

TEST_F(OrderWatch, FindsAGroupThatChangesForEver) {
  watch.deliver(start);
  EXPECT_FALSE(look_until(10s, 4'999ms));
  EXPECT_FALSE(watch.look(5s, start + 11s));
  EXPECT_TRUE(watch.look(6s, start + 12s));
  EXPECT_FALSE(watch.look(0ms, start + 13s));
}

// After a pause of the process all is old, until the next look.
TEST_F(OrderWatch, TakesNoPauseOfItsOwnForTheGroup) {
  watch.deliver(start);
  watch.submit(1, start);
  EXPECT_FALSE(watch.look(0ms, start + 1s));
  EXPECT_FALSE(watch.look(0ms, start + 31s));
  watch.deliver(start + 31s);
  watch.end(1);
  EXPECT_FALSE(watch.look(0ms, start + 32s));
}

} // namespace
} // namespace dfs::core
