#include "core/filetree/kept_clock.hpp"

#include "base/rng.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace dfs::core {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr auto ten_years = std::chrono::hours{87'600};

/// A master's clocks, and what it has written down.
struct KeptClock : ::testing::Test {
  unix_milliseconds wall{480'000h};
  boot_instant boot{1h};
  std::optional<clock_row> row;
  std::optional<kept_clock> clock{std::in_place, row, wall, boot};

  unix_milliseconds read() {
    return clock->read(wall, boot).kept;
  }

  void pass(milliseconds x) {
    wall += x;
    boot += x;
  }

  void restart(milliseconds down) {
    const auto last = clock->read(wall, boot);
    row = clock_row{last.kept.time_since_epoch().count(),
                    last.wall.time_since_epoch().count()};
    pass(down);
    clock.emplace(row, wall, boot);
  }
};

TEST_F(KeptClock, IsTheWallClockAtFirst) {
  EXPECT_EQ(read(), wall);
  pass(5h);
  EXPECT_EQ(read(), wall);
  EXPECT_EQ(clock->jumped(), 0ms);
}

TEST_F(KeptClock, FollowsNoJump) {
  for (const auto by : {milliseconds{ten_years}, milliseconds{-ten_years}}) {
    const auto before = read();
    wall += by;
    EXPECT_EQ(read(), before);
    EXPECT_EQ(clock->jumped(), by);
    pass(48h);
    EXPECT_GE(read() - before, 48h);
    EXPECT_LE(read() - before, 49h);
    EXPECT_EQ(clock->jumped(), by);
    wall -= by;
    EXPECT_GE(read() - before, 48h);
    EXPECT_EQ(clock->jumped(), 0ms);
  }
}

TEST_F(KeptClock, CallsNoCorrectionAJump) {
  wall += 60min;
  read();
  EXPECT_EQ(clock->jumped(), 0ms);
  wall += 1min;
  read();
  EXPECT_EQ(clock->jumped(), 61min);
}

TEST_F(KeptClock, StandsWhileTheMasterIsDownAndCatchesUp) {
  const auto before = read();
  restart(3h);
  EXPECT_EQ(read(), before);
  EXPECT_EQ(clock->behind(), 3h);
  EXPECT_EQ(clock->jumped(), 0ms) << "it was down";
  pass(24h);
  EXPECT_EQ(read() - before, 24h + 30min);
  pass(10 * 24h);
  EXPECT_EQ(read(), wall);
}

TEST_F(KeptClock, IsMovedByNoNumberOfRestarts) {
  const auto before = read();
  for (int i = 0; i < 1'000; ++i) {
    restart(0ms);
    wall += ten_years / 1'000;
    clock.emplace(row, wall, boot);
    read();
  }
  EXPECT_EQ(read(), before);
}

TEST_F(KeptClock, SeesAJumpBackWhileTheMasterWasDown) {
  const auto before = read();
  restart(0ms);
  wall -= ten_years;
  clock.emplace(row, wall, boot);
  EXPECT_EQ(read(), before);
  EXPECT_EQ(clock->jumped(), -ten_years);
  pass(72h);
  EXPECT_EQ(read() - before, 72h);
}

TEST_F(KeptClock, StandsWhenTheMachineGoesBack) {
  pass(1h);
  const auto before = read();
  boot -= 30min;
  EXPECT_EQ(read(), before);
  pass(1min);
  EXPECT_EQ(read(), before + 1min);
}

// I1, I2, with any jumps and rates of reading.
TEST(KeptClockTraffic, HasTheRateOfTheSteadyClock) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    rng random{seed};
    unix_milliseconds wall{480'000h};
    boot_instant boot{};
    kept_clock clock{{}, wall, boot};
    const auto began = clock.read(wall, boot).kept;
    auto last = began;
    for (int step = 0; step < 1'000; ++step) {
      const milliseconds passed{random.below(random.one_in(10) ? 600'000 : 20)};
      boot += passed;
      wall += passed;
      if (random.one_in(50))
        wall += milliseconds{random.below(1'000'000)} * 1'000 - 500'000s;
      const auto now = clock.read(wall, boot).kept;
      ASSERT_GE(now, last);
      last = now;
      const auto gone = boot - boot_instant{};
      ASSERT_GE(last - began + 1ms, gone);
      ASSERT_LE(last - began, gone + gone / kept_clock::gain);
    }
  }
}

TEST(KeptClockTrouble, IsAFinding) {
  EXPECT_TRUE(find_clock_trouble(0ms).empty());
  EXPECT_EQ(find_clock_trouble(ten_years).at(0).code, "CLOCK_JUMPED");
  EXPECT_NE(find_clock_trouble(-5h).at(0).text.find("5 h back"),
            std::string::npos);
}

} // namespace
} // namespace dfs::core
