#include "core/supervision/restart_policy.hpp"

#include "base/rng.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <vector>

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

constexpr restart_config config{.restarts_max = 4,
                                .window = 60s,
                                .backoff_first = 100ms,
                                .backoff_max = 500ms,
                                .status = 70};

TEST(RestartPolicy, WaitsLongerEachTimeThenGivesUp) { // I2
  restart_policy policy{config};
  auto now = instant{} + 1h;
  for (auto delay : {100ms, 200ms, 400ms, 500ms}) {
    EXPECT_EQ(policy.on_end(now), (restart_decision{restart_after{delay}}));
    now += 1s;
  }
  EXPECT_EQ(policy.on_end(now), restart_decision{give_up{70}});
}

TEST(RestartPolicy, ForgetsWhatIsOlderThanTheWindow) {
  restart_policy policy{config};
  auto now = instant{} + 1h;
  for (auto i = 0; i < 100; ++i) {
    EXPECT_EQ(policy.on_end(now), (restart_decision{restart_after{100ms}}))
      << i;
    now += 60s + 100ms; // The restart was 100 ms after the end.
  }
}

TEST(RestartPolicy, StaysGivenUp) { // I3
  restart_policy policy{{.restarts_max = 0, .status = 3}};
  EXPECT_EQ(policy.on_end(instant{}), restart_decision{give_up{3}});
  EXPECT_EQ(policy.on_end(instant{} + 24h), restart_decision{give_up{3}});
}

TEST(RestartPolicy, NeverGivesUpWhatIsNotEssential) { // I1, I4
  auto lesser = config;
  lesser.essential = false;
  restart_policy policy{lesser};
  std::vector<instant> restarts;
  auto now = instant{} + 1h;
  for (auto i = 0; i < 100; ++i) {
    const auto decision = policy.on_end(now);
    const auto* again = std::get_if<restart_after>(&decision);
    ASSERT_NE(again, nullptr);
    now += again->delay;
    restarts.push_back(now);
    if (restarts.size() > lesser.restarts_max)
      EXPECT_GE(now - restarts[restarts.size() - 1 - lesser.restarts_max],
                lesser.window);
    now += 1ms;
  }
}

// Goal: I1-I3 for any limits and any times. Method: hold each decision against
// the list of all restarts there have been.
TEST(RestartPolicy, HoldsItsInvariantsUnderRandomEnds) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed); // replays the failure
    rng random{seed};
    const auto first = std::chrono::milliseconds{1 + random.below(500)};
    const restart_config limits{
      .restarts_max = static_cast<std::uint32_t>(random.below(6)),
      .window = std::chrono::milliseconds{1 + random.below(20'000)},
      .backoff_first = first,
      .backoff_max = first * static_cast<int>(1 + random.below(40)),
      .status = static_cast<int>(1 + random.below(100))};
    restart_policy policy{limits};
    std::vector<instant> restarts;
    auto now = instant{} + 1h;
    auto over = false;
    for (auto step = 0; step < 200; ++step) {
      const auto recent = static_cast<std::uint32_t>(
        std::count_if(restarts.begin(), restarts.end(),
                      [&](instant x) { return x + limits.window > now; }));
      const auto decision = policy.on_end(now);
      if (const auto* again = std::get_if<restart_after>(&decision)) {
        ASSERT_FALSE(over);                     // I3
        ASSERT_LT(recent, limits.restarts_max); // I1
        ASSERT_EQ(
          again->delay, // I2
          std::min(limits.backoff_first * (1 << recent), limits.backoff_max));
        now += again->delay;
        restarts.push_back(now);
      } else {
        ASSERT_TRUE(over || recent >= limits.restarts_max);
        ASSERT_EQ(std::get<give_up>(decision).status, limits.status);
        over = true;
      }
      now += std::chrono::milliseconds{random.below(10'000)};
    }
  }
}

} // namespace
} // namespace dfs::core
