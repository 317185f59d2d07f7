#include "core/chunks/holder_lease.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace dfs::core {

namespace {

using namespace std::chrono_literals;

constexpr boot_id own{7};
constexpr master_term term{3};

// Two clocks that agree, unless a test makes them disagree.
clock_pair
at(std::chrono::nanoseconds boot, std::chrono::nanoseconds ahead = 0ns) {
  return {boot_instant{1h + boot}, 1'000'000h + boot + ahead};
}

msg::chunk_heartbeat_ack
answer(std::uint64_t sequence, boot_id boot = own, master_term from = term) {
  msg::chunk_heartbeat_ack x;
  x.term = from;
  x.boot = boot;
  x.sequence = sequence;
  x.node_lease_ms = 3'000;
  return x;
}

struct HolderLease : ::testing::Test {
  holder_lease lease{{}, own};

  HolderLease() {
    lease.enter(term);
  }

  void hear(std::uint64_t sequence, const clock_pair& now) {
    ASSERT_TRUE(lease.counts(answer(sequence)));
    lease.accept(sequence, 3'000, now);
    lease.check_invariants();
  }
};

} // namespace

TEST(UnansweredHeartbeats, AreRememberedUpToTheBound) {
  holder_config config;
  config.unanswered_max = 2;
  holder_lease lease{config, own};
  lease.enter(term);
  for (int i = 0; i < 3; ++i)
    (void) lease.send(at(i * 500ms));
  EXPECT_FALSE(lease.counts(answer(1)));
  EXPECT_TRUE(lease.counts(answer(2)));
  EXPECT_TRUE(lease.counts(answer(3)));
}

// docs/protocols/chunks.md: L·(1−ρ)/(1+ρ) − 100 ms, from when it was sent.
TEST_F(HolderLease, CountsFromTheSendingOfWhatIsEchoed) { // H1
  EXPECT_FALSE(lease.runs(at(0s).boot));
  const auto first = lease.send(at(0s));
  EXPECT_EQ(first.sequence, 1u);
  EXPECT_EQ(first.heard, 0u);
  EXPECT_FALSE(first.leased);
  EXPECT_FALSE(lease.send(at(500ms)).leased);
  hear(1, at(900ms));
  const auto end
    = at(0s).boot + std::chrono::nanoseconds{3s} * 95 / 105 - 100ms;
  EXPECT_LE(lease.until(), end);
  EXPECT_GT(lease.until(), end - 1ms);
  const auto third = lease.send(at(1s));
  EXPECT_EQ(third.heard, 1u);
  EXPECT_TRUE(third.leased);
  EXPECT_FALSE(lease.runs(at(2'615ms).boot));
}

TEST_F(HolderLease, IgnoresAnswersThatAreNotItsOwn) { // H1
  (void) lease.send(at(0s));
  EXPECT_FALSE(lease.counts(answer(1, boot_id{8})));
  EXPECT_FALSE(lease.counts(answer(1, own, master_term{2})));
  EXPECT_FALSE(lease.counts(answer(1, own, master_term{4})));
  EXPECT_FALSE(lease.counts(answer(2))); // Never sent.
  EXPECT_FALSE(lease.counts(answer(0)));
  hear(1, at(1ms));
  EXPECT_FALSE(lease.counts(answer(1))); // A second time.
}

TEST_F(HolderLease, LetsNoOldAnswerCountAfterAYoungerOne) {
  (void) lease.send(at(0s));
  (void) lease.send(at(500ms));
  hear(2, at(600ms));
  const auto until = lease.until();
  EXPECT_FALSE(lease.counts(answer(1)));
  lease.accept(1, 3'000, at(700ms));
  EXPECT_EQ(lease.until(), until);
}

TEST_F(HolderLease, TakesNoLeaseFromAnAnswerWithoutOne) {
  (void) lease.send(at(0s));
  lease.accept(1, 0, at(1ms));
  EXPECT_FALSE(lease.runs(at(1ms).boot));
  EXPECT_EQ(lease.send(at(2ms)).heard, 1u); // What it revoked was heard.
}

// A master that is new knows nothing of what its predecessor answered.
TEST_F(HolderLease, GoesOnOverATermWithoutBelievingOldAnswers) {
  (void) lease.send(at(0s));
  hear(1, at(1ms));
  (void) lease.send(at(500ms));
  lease.enter(master_term{4});
  EXPECT_FALSE(lease.counts(answer(2, own, master_term{4})));
  EXPECT_FALSE(lease.counts(answer(2)));
  const auto next = lease.send(at(1s));
  EXPECT_EQ(next.sequence, 3u); // H2
  EXPECT_TRUE(next.leased);
  EXPECT_EQ(next.heard, 0u);
}

TEST_F(HolderLease, KeepsWhatWasHeardWhenItRegistersAgainInOneTerm) {
  (void) lease.send(at(0s));
  hear(1, at(1ms));
  lease.enter(term);
  EXPECT_EQ(lease.send(at(500ms)).heard, 1u);
}

TEST_F(HolderLease, EndsWithAJumpOfTheWallClock) { // H3
  for (const auto jump : {25ms, -25ms, 1'000'000ms}) {
    holder_lease x{{}, own};
    x.enter(term);
    (void) x.send(at(0s));
    x.accept(1, 3'000, at(1ms));
    (void) x.send(at(500ms));
    EXPECT_FALSE(x.check(at(600ms)));
    EXPECT_TRUE(x.check(at(601ms, jump)));
    EXPECT_FALSE(x.runs(at(601ms).boot));
    // What was sent before counts for nothing, neither node nor chunk leases.
    EXPECT_FALSE(x.counts(answer(2)));
    EXPECT_FALSE(x.end_of(2, 60'000));
    // Afterwards all is well again.
    EXPECT_FALSE(x.check(at(700ms, jump)));
    EXPECT_EQ(x.send(at(700ms, jump)).sequence, 3u);
    EXPECT_TRUE(x.counts(answer(3)));
    x.accept(3, 3'000, at(701ms, jump));
    EXPECT_TRUE(x.runs(at(702ms).boot));
  }
}

TEST_F(HolderLease, NoticesAJumpBetweenSendingAndHearing) { // H3
  (void) lease.send(at(0s));
  lease.accept(1, 3'000, at(10ms, 1h));
  EXPECT_FALSE(lease.runs(at(10ms).boot));
}

TEST_F(HolderLease, BearsAWallClockThatIsSlewed) {
  auto now = 0ms;
  for (std::uint64_t i = 1; i <= 100; ++i) {
    const auto slewed = now / 2'000; // 500 ppm: what NTP does.
    (void) lease.send(at(now, slewed));
    hear(i, at(now + 1ms, slewed));
    now += 500ms;
    ASSERT_FALSE(lease.check(at(now, now / 2'000)));
  }
}

// 4 % of a lease at most, in however small pieces: less than the rate error.
TEST_F(HolderLease, LetsNoSmallJumpsAddUp) { // H3
  auto now = 0ms;
  auto ahead = 0ms;
  auto noticed = 0ms;
  for (std::uint64_t i = 1; i <= 2'000; ++i) {
    (void) lease.send(at(now, ahead));
    if (!lease.counts(answer(i)))
      continue;
    lease.accept(i, 3'000, at(now, ahead));
    now += 5ms; // A burst of heartbeats.
    ahead += 3ms;
    if (lease.check(at(now, ahead))) {
      noticed = ahead;
      break;
    }
  }
  EXPECT_GT(noticed, 0ms);
  EXPECT_LE(noticed, 30ms);
}

TEST_F(HolderLease, RemembersWhenHeartbeatsWereSentForChunkLeases) {
  // A burst, then slowly.
  for (int i = 0; i < 40; ++i)
    (void) lease.send(at(i * 1ms));
  for (int i = 1; i <= 300; ++i)
    (void) lease.send(at(i * 500ms));
  const auto use = std::chrono::nanoseconds{60s} * 95 / 105 - 100ms;
  // Of a burst: never later than it was, and not much earlier.
  const auto early = *lease.end_of(340, 60'000);
  EXPECT_NEAR(static_cast<double>((early - at(150s).boot).count()),
              static_cast<double>(use.count()), 1'000.0);
  EXPECT_FALSE(lease.end_of(10, 60'000)); // Too old: 120 s are kept.
  EXPECT_FALSE(lease.end_of(341, 60'000));
  const auto within = *lease.end_of(200, 60'000);
  EXPECT_LE(within, at(160 * 500ms).boot + use);
}

TEST_F(HolderLease, CountsFromTheFirstOfABurst) {
  for (int i = 0; i < 49; ++i)
    (void) lease.send(at(i * 1ms));
  const auto use = lease_use(60'000ms);
  EXPECT_EQ(*lease.end_of(1, 60'000), at(0s).boot + use);
  EXPECT_EQ(*lease.end_of(49, 60'000), at(0s).boot + use);
}

TEST_F(HolderLease, WaitsForABoundedNumberOfAnswers) {
  for (int i = 0; i < 1'000; ++i)
    (void) lease.send(at(i * 100ms));
  lease.check_invariants();
  EXPECT_FALSE(lease.counts(answer(900)));
  EXPECT_TRUE(lease.counts(answer(1'000)));
}

} // namespace dfs::core
