#include "core/multicast/sender.hpp"

#include "core/multicast/stability.hpp"

#include <gtest/gtest.h>

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

class MulticastSender : public testing::Test {
protected:
  static multicast_config small() {
    multicast_config x;
    x.window = 16;
    x.submit_bytes = 100'000;
    x.message_bytes = msg::multicast_body_bytes_short;
    return x;
  }

  std::uint64_t send_all() {
    std::uint64_t count = 0;
    while (sender.next(now))
      ++count;
    sender.check();
    return count;
  }

  multicast_config config = small();
  instant now{1s};
  multicast_sender sender{config, server_id{1}, life_id{7}};
};

TEST_F(MulticastSender, PacksWhatWaits) {
  ASSERT_TRUE(sender.submit(1, "a"));
  EXPECT_EQ(send_all(), 1u); // Alone: nothing to wait for.
  ASSERT_TRUE(sender.submit(2, "b"));
  ASSERT_TRUE(sender.submit(3, "cc"));
  EXPECT_EQ(send_all(), 0u);
  ASSERT_TRUE(sender.waits_until());
  now = *sender.waits_until();
  const auto body = sender.next(now);
  ASSERT_TRUE(body);
  EXPECT_EQ(body->number, (msg::message_number{server_id{1}, life_id{7}, 2}));
  EXPECT_EQ(unpack(body->bytes), (std::vector<std::string_view>{"b", "cc"}));
  EXPECT_EQ(sender.delivered(1), (std::vector<submit_token>{1}));
  EXPECT_EQ(sender.delivered(2), (std::vector<submit_token>{2, 3}));
  EXPECT_TRUE(sender.idle());
}

TEST_F(MulticastSender, StopsWithoutCredit) {
  for (submit_token i = 1; i <= 40; ++i)
    ASSERT_TRUE(sender.submit(i, std::string(1'000, 'x')));
  EXPECT_EQ(send_all(), 16u);
  EXPECT_EQ(sender.delivered(1).size(), 1u);
  EXPECT_EQ(send_all(), 1u);
}

class LongMessages : public MulticastSender {
protected:
  static multicast_config large() {
    auto x = small();
    x.message_bytes = msg::multicast_body_bytes_max;
    x.window_bytes = 40'000;
    x.pack_delay = 0us;
    return x;
  }

  std::size_t next_bytes() {
    const auto body = sender.next(now);
    sender.check();
    return body ? body->bytes.size() : 0;
  }

  void submit_some() {
    while (sender.submit(++token, std::string(1'300, 'x')))
      ;
  }

  submit_token token = 0;
  multicast_config config = large();
  multicast_sender sender{config, server_id{1}, life_id{7}};
};

TEST_F(LongMessages, TakeWhatWaits) {
  submit_some();
  EXPECT_EQ(next_bytes(), 6 * 1'302u);
  // So many that the last one makes the window full.
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(next_bytes(), 6 * 1'302u);
  EXPECT_EQ(next_bytes(), 0u);
  EXPECT_EQ(sender.delivered(1).size(), 6u);
  EXPECT_EQ(next_bytes(), 6 * 1'302u);
}

TEST_F(LongMessages, AreShortWhereSomeAreLost) {
  submit_some();
  next_bytes();
  for (int i = 0; i < 3; ++i)
    sender.on_loss();
  EXPECT_EQ(next_bytes(), 1'302u);
  std::uint64_t q = 0;
  std::size_t longest = 0;
  for (; longest < 6 * 1'302u && q < 1'000; ++q) {
    (void) sender.delivered(q + 1);
    submit_some();
    longest = std::max(longest, next_bytes());
  }
  EXPECT_GT(q, 100u);
  EXPECT_LT(q, 1'000u);
}

TEST_F(LongMessages, MayBeOnePayload) {
  ASSERT_TRUE(sender.submit(1, std::string(8'000, 'x')));
  sender.on_loss();
  EXPECT_EQ(next_bytes(), 8'002u); // Packed before: it is not cut.
  ASSERT_TRUE(sender.submit(2, std::string(8'000, 'x')));
  EXPECT_LE(next_bytes(), 4'050u);
}

TEST_F(MulticastSender, RefusesMoreThanItMayHold) {
  EXPECT_FALSE(sender.submit(1, std::string(config.payload_bytes + 1, 'x')));
  ASSERT_TRUE(sender.submit(2, std::string(99'000, 'x')));
  EXPECT_FALSE(sender.submit(3, std::string(2'000, 'x')));
}

TEST_F(MulticastSender, SendsAgainWhatHasNoPlace) { // SPEC Q3
  ASSERT_TRUE(sender.submit(1, "last"));
  EXPECT_EQ(send_all(), 1u);
  EXPECT_TRUE(sender.overdue(0, now + 19ms).empty());
  EXPECT_EQ(sender.overdue(0, now + 20ms).size(), 1u);
  EXPECT_TRUE(sender.overdue(0, now + 50ms).empty()); // Twice as patient.
  EXPECT_EQ(sender.overdue(0, now + 60ms).size(), 1u);
  EXPECT_TRUE(sender.overdue(1, now + 10s).empty()); // It has one.
}

TEST_F(MulticastSender, IsPatientWhileOthersBeforeGetTheirPlaces) {
  for (submit_token i = 1; i <= 10; ++i)
    ASSERT_TRUE(sender.submit(i, std::string(1'000, 'x')));
  EXPECT_EQ(send_all(), 9u);
  now += 1ms;
  EXPECT_EQ(send_all(), 1u);
  for (std::uint64_t q = 1; q < 10; ++q) {
    now += 15ms;
    EXPECT_TRUE(sender.overdue(q, now).empty());
  }
  now += 20ms;
  EXPECT_EQ(sender.overdue(9, now).size(), 1u);
}

TEST_F(MulticastSender, EndsWhatWasSettledElsewhere) {
  ASSERT_TRUE(sender.submit(1, "a"));
  EXPECT_EQ(send_all(), 1u);
  ASSERT_TRUE(sender.submit(2, "b"));
  now += 1ms;
  EXPECT_EQ(send_all(), 0u);
  now += 1ms;
  EXPECT_EQ(send_all(), 1u);
  EXPECT_EQ(sender.settled(1), (std::vector<submit_token>{1}));
  EXPECT_TRUE(sender.delivered(1).empty());
  EXPECT_EQ(sender.delivered(2), (std::vector<submit_token>{2}));
}

TEST_F(MulticastSender, KeepsTheRestOfWhatHasBegun) {
  config.window = 2;
  multicast_sender narrow{config, server_id{1}, life_id{7}};
  ASSERT_TRUE(narrow.submit(1, std::string(5'000, 'x'))); // Four pieces.
  ASSERT_TRUE(narrow.submit(2, "small"));
  EXPECT_TRUE(narrow.next(now) && narrow.next(now) && !narrow.next(now));
  EXPECT_EQ(narrow.drop_waiting(), (std::vector<submit_token>{2}));
  (void) narrow.delivered(1);
  (void) narrow.delivered(2);
  EXPECT_TRUE(narrow.next(now) && narrow.next(now) && !narrow.next(now));
  EXPECT_TRUE(narrow.delivered(3).empty());
  EXPECT_EQ(narrow.delivered(4), (std::vector<submit_token>{1}));
}

// Under `highest-id-literal`, what the losing side ordered is discarded.
TEST_F(MulticastSender, NumbersAgainFromWhereTheOrderGoesOn) { // SPEC Q7
  for (submit_token i = 1; i <= 4; ++i)
    ASSERT_TRUE(sender.submit(i, std::string(1'000, 'x')));
  EXPECT_EQ(send_all(), 3u);
  now += 1ms; // The last one has waited for company.
  EXPECT_EQ(send_all(), 1u);
  (void) sender.delivered(1);
  (void) sender.delivered(2);
  EXPECT_TRUE(sender.resume_at(2).empty()); // Nothing is missing.
  EXPECT_EQ(sender.again(2, now).front().number.q, 3u);
  EXPECT_EQ(sender.again(3, now).front().number.q, 4u); // It has its place.
  EXPECT_TRUE(sender.resume_at(0).empty());
  sender.check();
  EXPECT_EQ(sender.again(0, now).front().number.q, 1u);
  EXPECT_EQ(sender.delivered(1), (std::vector<submit_token>{3}));
}

// Its first pieces are under way, the others wait: it has lost its beginning.
TEST_F(MulticastSender, HoldsNothingOfAPayloadThatHasLostItsBeginning) { // Q7
  config.window = 2;
  multicast_sender narrow{config, server_id{1}, life_id{7}};
  const auto piece = msg::multicast_body_bytes_short;
  ASSERT_TRUE(narrow.submit(1, std::string(4 * piece, 'x')));
  ASSERT_TRUE(narrow.next(now) && narrow.next(now) && !narrow.next(now));
  (void) narrow.delivered(1);
  (void) narrow.delivered(2);
  EXPECT_GT(narrow.waiting_bytes(), 0u);
  EXPECT_EQ(narrow.resume_at(0), (std::vector<submit_token>{1}));
  EXPECT_EQ(narrow.waiting_bytes(), 0u);
  EXPECT_TRUE(narrow.idle());
  narrow.check();
}

TEST_F(MulticastSender, TakesAsMuchAsItMayHold) {
  ASSERT_TRUE(sender.submit(1, std::string(99'000, 'x')));
  EXPECT_TRUE(sender.submit(2, std::string(1'000, 'x')));
  EXPECT_FALSE(sender.submit(3, "x"));
  config.submit_bytes = config.payload_bytes;
  multicast_sender large{config, server_id{1}, life_id{7}};
  EXPECT_TRUE(large.submit(1, std::string(config.payload_bytes, 'x')));
}

TEST_F(MulticastSender, FillsMessages) {
  const auto half = msg::multicast_body_bytes_short / 2;
  ASSERT_TRUE(sender.submit(1, std::string(half - 2, 'x')));
  ASSERT_TRUE(sender.submit(2, std::string(half - 2, 'x')));
  ASSERT_TRUE(sender.submit(3, "x"));
  EXPECT_EQ(sender.next(now)->bytes.size(), msg::multicast_body_bytes_short);
  multicast_sender other{config, server_id{1}, life_id{7}};
  ASSERT_TRUE(other.submit(1, std::string(2 * half - 2, 'x')));
  EXPECT_EQ(other.next(now)->kind, msg::body_kind::packed);
  EXPECT_FALSE(other.next(now));
}

// One of sixteen may be lost by accident.
TEST_F(MulticastSender, SendsLessAtATimeWhereManyAreLost) {
  ASSERT_TRUE(sender.submit(1, "x"));
  EXPECT_EQ(send_all(), 1u);
  EXPECT_EQ(sender.overdue(0, now + 20ms).size(), 1u);
  EXPECT_EQ(sender.window(), 16u);
  (void) sender.delivered(1);
  for (submit_token i = 2; i <= 40; ++i)
    ASSERT_TRUE(sender.submit(i, std::string(1'000, 'x')));
  now += 1s;
  EXPECT_EQ(send_all(), 16u);
  (void) sender.overdue(1, now);
  now += 1s;
  EXPECT_EQ(sender.overdue(1, now).size(), 8u);
  EXPECT_EQ(sender.window(), 8u);
  now += 1s;
  EXPECT_EQ(sender.overdue(1, now).size(), 8u);
  EXPECT_EQ(sender.window(), 8u); // Never less.
}

TEST_F(MulticastSender, IsNotIdleWhileAnythingWaitsOrIsUnderWay) {
  EXPECT_TRUE(sender.idle());
  ASSERT_TRUE(sender.submit(1, "x"));
  EXPECT_FALSE(sender.idle());
  EXPECT_EQ(send_all(), 1u);
  EXPECT_FALSE(sender.idle());
  (void) sender.delivered(1);
  EXPECT_TRUE(sender.idle());
}

TEST(Stability, SafeIsWhatMoreThanHalfHold) { // SPEC Q4
  stability x;
  x.begin(primary_rule::majority, 4, 10, 10);
  EXPECT_TRUE(x.received(0, 20));
  EXPECT_TRUE(x.received(1, 15));
  EXPECT_EQ(x.safe(), 10u); // A half is not enough, though it may go on.
  EXPECT_TRUE(x.received(2, 12));
  EXPECT_EQ(x.safe(), 12u);
  EXPECT_EQ(x.stable(), 10u);
  EXPECT_FALSE(x.received(2, 11)); // T1
  x.check();
}

TEST(Stability, WhoHasToldNothingCountsForNothing) { // SPEC Q4
  stability x;
  x.begin(primary_rule::majority, 3, 10, 7);
  EXPECT_EQ(x.safe(), 7u);
  EXPECT_EQ(x.stable(), 7u);
  EXPECT_EQ(x.acknowledged(), (std::vector<std::uint64_t>{10, 10, 10}));
  EXPECT_TRUE(x.received(2, 10));
  EXPECT_EQ(x.safe(), 7u);
  EXPECT_TRUE(x.received(0, 12));
  EXPECT_EQ(x.safe(), 10u);
  EXPECT_EQ(x.stable(), 7u);
  EXPECT_EQ(x.acknowledged(), (std::vector<std::uint64_t>{12, 10, 10}));
  EXPECT_TRUE(x.received(1, 10));
  EXPECT_EQ(x.stable(), 10u);
  x.check();
}

TEST(Stability, SafeIsWhatAllHoldUnderTheOtherRules) { // SPEC Q6
  stability x;
  x.begin(primary_rule::highest_id, 3, 0, 0);
  EXPECT_TRUE(x.received(0, 5));
  EXPECT_TRUE(x.received(1, 5));
  EXPECT_EQ(x.safe(), 0u);
  EXPECT_TRUE(x.received(2, 4));
  EXPECT_EQ(x.safe(), 4u);
  x.check();
}

TEST(Stability, WhatIsToldAgainIsNoNews) {
  stability x;
  x.begin(primary_rule::majority, 3, 0, 0);
  EXPECT_TRUE(x.received(0, 5));
  EXPECT_FALSE(x.received(0, 5));
}

} // namespace
} // namespace dfs::core
