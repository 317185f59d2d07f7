#include "core/sessions/link_watch.hpp"
#include "core/sessions/retry_pause.hpp"

#include <gtest/gtest.h>

namespace dfs::core {
namespace {

using namespace std::chrono_literals;
using advice = link_watch::advice;

constexpr auto start = instant{} + 1h;

TEST(LinkWatch, LeavesASilentServerAfterTwoAndAHalfSeconds) { // I2
  link_watch watch;
  EXPECT_FALSE(watch.next_deadline());
  watch.expect(true, start);
  EXPECT_EQ(watch.next_deadline(), start + 500ms);
  EXPECT_EQ(watch.tick(start + 499ms), advice::wait);
  EXPECT_EQ(watch.tick(start + 500ms), advice::probe);
  EXPECT_EQ(watch.tick(start + 600ms), advice::wait); // Said once.
  EXPECT_EQ(watch.next_deadline(), start + 2'500ms);
  EXPECT_EQ(watch.tick(start + 2'500ms), advice::give_up);
}

TEST(LinkWatch, AnyWordCounts) { // I1
  link_watch watch;
  watch.expect(true, start);
  EXPECT_EQ(watch.tick(start + 500ms), advice::probe);
  watch.heard(start + 2'400ms);
  EXPECT_EQ(watch.tick(start + 2'500ms), advice::wait);
  EXPECT_EQ(watch.tick(start + 2'900ms), advice::probe);
  EXPECT_EQ(watch.tick(start + 4'899ms), advice::wait);
}

TEST(LinkWatch, SilenceIsNoneWhileNothingIsDue) {
  link_watch watch;
  watch.expect(true, start);
  watch.expect(false, start + 100ms);
  EXPECT_FALSE(watch.next_deadline());
  EXPECT_EQ(watch.tick(start + 1h), advice::wait);
  watch.expect(true, start + 1h);
  EXPECT_EQ(watch.tick(start + 1h + 499ms), advice::wait);
  EXPECT_EQ(watch.tick(start + 1h + 500ms), advice::probe);
}

TEST(LinkWatch, BlamesNobodyForItsOwnStall) {
  link_watch watch;
  watch.expect(true, start);
  EXPECT_EQ(watch.tick(start + 500ms), advice::probe);
  EXPECT_EQ(watch.tick(start + 10s), advice::wait); // Stopped itself.
  EXPECT_EQ(watch.tick(start + 11s), advice::wait);
  EXPECT_EQ(watch.tick(start + 12s), advice::give_up);
}

TEST(RetryPause, DoublesWithJitterUpToItsEnd) {
  rng random{7};
  retry_pause pause{20ms, 2s};
  std::chrono::milliseconds nominal = 20ms;
  for (int i = 0; i < 12; ++i) {
    const auto next = pause.next(random);
    EXPECT_GE(next, nominal / 2);
    EXPECT_LE(next, nominal * 3 / 2);
    nominal = std::min(nominal * 2, std::chrono::milliseconds{2s});
  }
}

TEST(RetryPause, WaitsAsTheServerSays) {
  rng random{7};
  retry_pause pause{20ms, 2s};
  for (int i = 0; i < 10; ++i) {
    const auto told = pause.next(random, 300ms);
    EXPECT_GE(told, 300ms);
    EXPECT_LE(told, 600ms);
  }
  EXPECT_LE(pause.next(random, 24h), 4s); // Nobody is sent away for a day.
}

} // namespace
} // namespace dfs::core
