#include "failure_network.hpp"

#include <gtest/gtest.h>

#include <algorithm>

// One machine: what it does when a packet comes, or a member is gone.

namespace dfs::core::test {
namespace {

constexpr std::uint64_t newer = 1'700'000'000'001;

/// A record of many: of one machine, at a port of its own.
msg::member_record
record_at(std::uint16_t port, std::uint64_t start_ms = 1'700'000'000'000) {
  auto record = make_record(9, 4, start_ms);
  record.id.group_port = port;
  return record;
}

/// Node 1 alone, and members that never say anything by themselves.
struct FailureMachine : testing::Test {
  instant now{instant{} + 1h};
  failure_machine machine{failure_config{}, make_record(1, 1), rng{3}, now};

  void SetUp() override {
    machine.join({}, true, now);
    machine.tick(now);
    ASSERT_TRUE(machine.joined());
  }
  effects hear(const msg::member_record& from, msg::gossip_body body) {
    return machine.on_packet({from.id, std::move(body)}, from.id.address(),
                             now);
  }
  effects introduce(const msg::member_record& x, msg::introduction_kind kind,
                    std::uint64_t digest = 0) {
    return hear(
      x, msg::gossip_introduction{kind, x, digest, 1, x.id.start_ms, 0, 0});
  }
  /// And answers the ping that it gets for that.
  effects tell(const msg::member_record& from, const msg::news_item& item,
               std::uint16_t number = 0) {
    auto out = hear(from, msg::gossip_news{number, {item}});
    auto more = hear(from, msg::gossip_ack{});
    out.insert(out.end(), more.begin(), more.end());
    return out;
  }
  void admit(std::uint16_t count) {
    for (std::uint16_t i = 0; i < count; ++i)
      introduce(record_at(static_cast<std::uint16_t>(10'000 + i)),
                msg::introduction_kind::welcome);
    ASSERT_EQ(machine.members().size(), 1u + count);
    now += failure_config{}.newcomer_for; // From now on they are believed.
  }
};

// A list is bounded, whoever asks; a member that restarts has its place.
TEST_F(FailureMachine, AFullGroupRefusesNewcomers) {
  admit(member_table::members_max - 2);
  const auto last = record_at(9'001);
  auto out = introduce(last, msg::introduction_kind::join);
  EXPECT_TRUE(sent<msg::gossip_refusal>(out).empty()) << "one place is left";
  ASSERT_EQ(machine.members().size(), member_table::members_max);
  const auto late = record_at(9'002);
  out = introduce(late, msg::introduction_kind::join);
  const auto refusals = sent<msg::gossip_refusal>(out);
  ASSERT_EQ(refusals.size(), 1u);
  EXPECT_EQ(refusals[0].first, late.id.address());
  EXPECT_EQ(refusals[0].second.whom, late.id);
  EXPECT_EQ(refusals[0].second.code, static_cast<std::uint8_t>(ec::busy));
  EXPECT_TRUE(sent<msg::gossip_introduction>(out).empty());
  EXPECT_EQ(machine.members().find(late.id), nullptr);
  const auto again = record_at(9'001, newer);
  out = introduce(again, msg::introduction_kind::join);
  EXPECT_TRUE(sent<msg::gossip_refusal>(out).empty());
  EXPECT_NE(machine.members().find(again.id), nullptr);
}

// Two groups that meet become one soon: SPEC M2.
TEST_F(FailureMachine, AStrangerWithAnotherListIsComparedWithAtOnce) {
  admit(3);
  now += 10s;
  auto out = introduce(record_at(9'001), msg::introduction_kind::hello, 42);
  EXPECT_EQ(sent<msg::gossip_digests>(out).size(), 1u);
  now += 10s;
  // The list after this introduction, as its sender would know it.
  const auto digest = machine.members().digest();
  out = introduce(record_at(9'001), msg::introduction_kind::hello, digest);
  EXPECT_TRUE(sent<msg::gossip_digests>(out).empty());
}

// A few are enough to tell a member that lives beyond a split; a member that
// has said goodbye needs to be told nothing.
TEST_F(FailureMachine, FewHearersTellTheFailedOne) {
  admit(400);
  const auto teller = record_at(10'000);
  const auto told_in = [&](msg::member_change change, msg::news_reason reason,
                           std::uint16_t first) {
    std::size_t told = 0;
    for (std::uint16_t i = first; i < first + 150; ++i) {
      msg::news_item item{change, reason, {}, teller.id};
      item.member.id = record_at(i).id;
      for (const auto& [to, x] : sent<msg::gossip_news>(tell(teller, item)))
        told += to == item.member.id.address() ? 1 : 0;
      EXPECT_EQ(machine.members().find(item.member.id), nullptr);
    }
    return told;
  };
  const auto failed = told_in(msg::member_change::failed,
                              msg::news_reason::silent_for_two, 10'001);
  // Four of 400 for each: 1.5 for 150 that fail, more as the group shrinks.
  EXPECT_GT(failed, 0u);
  EXPECT_LT(failed, 12u);
  EXPECT_EQ(
    told_in(msg::member_change::left, msg::news_reason::goodbye, 10'151), 0u);
}

// In a small group whoever decided it tells everybody; a second teller would
// make the packets of one failure grow with the square of the group.
TEST_F(FailureMachine, WhoHearsOfAFailureTellsNobodyElse) { // SPEC M3
  admit(4);
  msg::news_item item{msg::member_change::failed,
                      msg::news_reason::silent_for_two,
                      {},
                      record_at(10'000).id};
  item.member.id = record_at(10'001).id;
  const auto out = tell(record_at(10'000), item, 7);
  EXPECT_EQ(machine.members().find(item.member.id), nullptr);
  for (const auto& [to, news] : sent<msg::gossip_news>(out)) {
    EXPECT_EQ(to, item.member.id.address()) << "it may live";
    EXPECT_EQ(news.number, 0);
  }
}

TEST_F(FailureMachine, WhoLivesAgainTellsEverybody) { // SPEC M5
  admit(4);
  msg::news_item item{msg::member_change::failed,
                      msg::news_reason::silent_for_two,
                      {},
                      record_at(10'000).id};
  item.member.id = make_record(1).id;
  const auto teller = record_at(10'000);
  const auto asked
    = sent<msg::gossip_introduction>(hear(teller, msg::gossip_news{7, {item}}));
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].first, teller.id.address());
  EXPECT_EQ(asked[0].second.kind, msg::introduction_kind::hello);
  const auto out
    = hear(teller, msg::gossip_introduction{msg::introduction_kind::welcome,
                                            teller, 0, 5, teller.id.start_ms, 0,
                                            item.member.id.start_ms});
  std::set<endpoint> told;
  for (const auto& [to, news] : sent<msg::gossip_news>(out)) {
    EXPECT_NE(news.number, 0) << "to be confirmed";
    ASSERT_EQ(news.items.size(), 1u);
    EXPECT_EQ(news.items[0].change, msg::member_change::joined);
    EXPECT_EQ(news.items[0].member.id, make_record(1, 1, newer).id);
    told.insert(to);
  }
  EXPECT_EQ(told.size(), 4u);
}

// SPEC M4: every list within a second of the first one, so nobody waits for
// the next ping.
TEST(FailureDecision, EverybodyIsToldAtOnce) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    network net{seed, {}};
    net.start_group(12);
    net.run(5s);
    net.changes();
    net.crash(12);
    ASSERT_TRUE(net.run_until(6s, [&] { return net.agree(11); }));
    const auto changes = net.changes();
    ASSERT_EQ(changes.size(), 11u);
    EXPECT_LE(changes.back().when - changes.front().when, 10ms);
  }
}

// Somebody has to know that it left, or it is missed for seconds.
TEST(FailureGoodbye, WaitsLongerWhileNobodyHasConfirmedIt) { // SPEC M4
  const failure_config config;
  for (const bool heard : {true, false}) {
    network net{1, {}};
    net.start_group(3);
    net.run(1s);
    net.crash(3);
    if (!heard)
      net.crash(1);
    net.leave(2);
    const auto wait = heard ? config.leave_linger : config.leave_max;
    net.run(wait - 10ms);
    EXPECT_EQ(net.at(2).goodbyes, 0u) << heard;
    net.run(20ms);
    EXPECT_EQ(net.at(2).goodbyes, 1u) << heard;
  }
}

} // namespace
} // namespace dfs::core::test
