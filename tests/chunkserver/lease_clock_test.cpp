#include "chunkserver/lease_clock.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace dfs::chunkserver {
namespace {

using namespace std::chrono_literals;

struct BothClocks : ::testing::Test {
  std::chrono::nanoseconds boot = 1h;
  std::chrono::nanoseconds wall = 100h;
  std::chrono::nanoseconds wait{0}; ///< At each reading of a clock.
  std::uint64_t sequence = 0;
  lease_clock clock{{[this] {
                       pass(wait);
                       return boot_instant{boot};
                     },
                     [this] {
                       pass(wait);
                       return wall;
                     }}};

  void pass(std::chrono::nanoseconds time) {
    boot += time;
    wall += time;
  }

  /// A heartbeat is sent and answered.
  void beat() {
    clock.note_heartbeat(++sequence, boot_instant{boot});
    clock.set_node_lease(boot_instant{boot} + 3s);
  }
};

TEST_F(BothClocks, LooksAtTheClockEachTime) { // C1
  EXPECT_FALSE(clock.serving());
  beat();
  EXPECT_TRUE(clock.serving());
  pass(3s - 1ns);
  EXPECT_TRUE(clock.serving());
  pass(1ns);
  EXPECT_FALSE(clock.serving());
}

TEST_F(BothClocks, NoticesASleepThatStoppedTheClocks) { // C2
  for (const auto jump : {21ms, -21ms}) {
    beat();
    ASSERT_TRUE(clock.serving());
    wall += jump;
    EXPECT_FALSE(clock.serving());
    // The keeper, which has not looked yet, sends another heartbeat.
    clock.note_heartbeat(++sequence, boot_instant{boot});
    EXPECT_FALSE(clock.serving());
    clock.forget_heartbeats();
  }
  beat();
  EXPECT_TRUE(clock.serving());
}

TEST_F(BothClocks, BearsAClockThatIsSetRightSlowly) { // C2
  beat();
  for (int i = 0; i < 1'000; ++i) {
    pass(100ms);
    wall += 3ms; // 3 %: every lease allows for more.
    EXPECT_TRUE(clock.serving()) << i;
    beat();
  }
}

TEST_F(BothClocks, DoesNotAddUpWhatIsSmall) { // C2
  beat();
  int noticed = 0;
  for (int i = 0; i < 100; ++i) { // A fifth of the time is missing.
    pass(20ms);
    wall += 4ms;
    noticed += clock.serving() ? 0 : 1;
    beat();
  }
  EXPECT_GT(noticed, 0);
}

TEST_F(BothClocks, IsNotMistakenWhenItHasToWait) { // C2
  beat();
  wait = 300ms; // Between any two readings.
  EXPECT_TRUE(clock.serving());
  beat();
  wait = {};
  EXPECT_TRUE(clock.serving());
}

TEST_F(BothClocks, ALeaseAfterAGapIsANewOne) {
  beat();
  const msg::chunk_grant grant{.heartbeat = 1, .lease_ms = 60'000};
  ASSERT_TRUE(clock.end_of(grant));
  const auto before = clock.now();
  pass(4s);
  beat();
  EXPECT_TRUE(clock.serving());
  EXPECT_GT(clock.unbroken_since(), before);
  EXPECT_FALSE(clock.end_of(grant));
}

} // namespace
} // namespace dfs::chunkserver
