#include "core/links/link_table.hpp"

#include "support/refusal.hpp"

#include <gtest/gtest.h>

namespace dfs::core {

namespace {

using namespace std::chrono_literals;
using test::refusal;

struct LinkTable : ::testing::Test {
  link_table table{{.silence = 3s, .credits = 4, .peers_max = 2}, boot_id{1}};
  instant now = instant{} + 1h;
  msg::member_record alice = member("chunk-1", 5);
  msg::member_record bob = member("chunk-2", 6);

  static msg::member_record
  member(const std::string& name, std::uint16_t port) {
    msg::member_record x;
    x.id = {*ip_address::parse("10.0.0.5"), port, 1};
    x.name = name;
    return x;
  }

  result<msg::link_heartbeat_ack> beat(const msg::member_record& from,
                                       std::uint64_t epoch,
                                       std::uint64_t boot = 7) {
    return table.on_heartbeat({from.id, boot_id{boot}, link_epoch{epoch}, 3},
                              from.name, &from, now);
  }
};

} // namespace

TEST_F(LinkTable, EchoesWhatItAnswers) {
  const auto ack = beat(alice, 2);
  ASSERT_TRUE(ack);
  EXPECT_EQ(*ack, (msg::link_heartbeat_ack{boot_id{1}, link_epoch{2}, 3, 4}));
}

TEST_F(LinkTable, BelievesNoNameThatIsNotProved) { // I1, SPEC O4
  const msg::link_heartbeat claim{alice.id, boot_id{7}, link_epoch{1}, 1};
  EXPECT_EQ(refusal(table.on_heartbeat(claim, "chunk-2", &alice, now)),
            ec::denied);
  EXPECT_EQ(refusal(table.on_heartbeat(claim, std::nullopt, &alice, now)),
            ec::denied);
  EXPECT_EQ(refusal(table.on_heartbeat(claim, "chunk-1", nullptr, now)),
            ec::not_member);
  EXPECT_EQ(refusal(table.on_heartbeat(claim, "chunk-2", &bob, now)),
            ec::not_member);
  EXPECT_TRUE(table.status(now).empty());
}

TEST_F(LinkTable, RefusesAnOldEpochOfTheSameBoot) { // I2
  EXPECT_TRUE(beat(alice, 5));
  EXPECT_EQ(refusal(beat(alice, 4)), ec::denied);
  EXPECT_TRUE(beat(alice, 5));
  EXPECT_TRUE(beat(alice, 6));
  EXPECT_TRUE(beat(alice, 1, 8));
}

TEST_F(LinkTable, KeepsTheEpochOfASilentLink) { // I2
  EXPECT_TRUE(beat(alice, 5));
  now += 3s;
  ASSERT_EQ(table.expire(now).size(), 1u);
  EXPECT_EQ(refusal(beat(alice, 4)), ec::denied);
  EXPECT_TRUE(beat(alice, 5));
  EXPECT_EQ(table.status(now)[0].failures, 1u);
}

TEST_F(LinkTable, TellsOnceOfEachThatFallsSilent) {
  EXPECT_TRUE(beat(alice, 1));
  now += 2s;
  EXPECT_TRUE(beat(bob, 1));
  EXPECT_TRUE(table.expire(now).empty());
  now += 1s;
  const auto silent = table.expire(now);
  ASSERT_EQ(silent.size(), 1u);
  EXPECT_EQ(silent[0].name, "chunk-1");
  EXPECT_TRUE(table.expire(now).empty());
  const auto all = table.status(now + 1s);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].state, msg::link_state::idle);
  EXPECT_EQ(all[0].since, 1s);
  EXPECT_EQ(all[1].state, msg::link_state::up);
  EXPECT_EQ(all[1].since, 2s);
}

TEST_F(LinkTable, IsBounded) {
  EXPECT_TRUE(beat(alice, 1));
  EXPECT_TRUE(beat(bob, 1));
  const auto carol = member("chunk-3", 7);
  EXPECT_EQ(refusal(beat(carol, 1)), ec::busy);
  table.forget(alice.id);
  EXPECT_TRUE(beat(carol, 1));
}

// Only datagrams are lost between them: the list knows less than the link.
TEST_F(LinkTable, HearsWhoIsLinkedThoughTheListHasLostIt) { // I3
  EXPECT_TRUE(beat(alice, 1));
  const auto unlisted = [&](const msg::member_id& from, const char* proved) {
    return table.on_heartbeat({from, boot_id{7}, link_epoch{1}, 3}, proved,
                              nullptr, now);
  };
  EXPECT_TRUE(unlisted(alice.id, "chunk-1"));
  EXPECT_EQ(refusal(unlisted(alice.id, "chunk-2")), ec::denied);
  EXPECT_EQ(refusal(unlisted(bob.id, "chunk-2")), ec::not_member);
  now += 5s;
  ASSERT_EQ(table.expire(now).size(), 1u);
  EXPECT_TRUE(unlisted(alice.id, "chunk-1")) << "it comes back";
}

// It was declared dead, and has begun another life of which no list knows yet.
TEST_F(LinkTable, HearsALaterLifeOfWhoIsLinked) { // I3
  EXPECT_TRUE(beat(alice, 1));
  auto later = alice.id;
  later.start_ms = 2;
  const auto unlisted = [&](const msg::member_id& from, const char* proved) {
    return refusal(table.on_heartbeat({from, boot_id{7}, link_epoch{1}, 3},
                                      proved, nullptr, now));
  };
  EXPECT_EQ(unlisted(later, "chunk-2"), ec::not_member);
  EXPECT_EQ(unlisted(later, "chunk-1"), std::nullopt);
  ASSERT_EQ(table.status(now).size(), 1u);
  EXPECT_EQ(table.status(now)[0].peer, later);
  EXPECT_EQ(unlisted(alice.id, "chunk-1"), ec::not_member) << "it is over";
}

TEST_F(LinkTable, ForgetsOlderLivesOfWhoHasJoinedAnew) {
  EXPECT_TRUE(beat(alice, 1));
  EXPECT_TRUE(beat(bob, 1));
  auto later = alice.id;
  later.start_ms = 2;
  table.forget_before(alice.id);
  EXPECT_EQ(table.status(now).size(), 2u);
  table.forget_before(later);
  ASSERT_EQ(table.status(now).size(), 1u);
  EXPECT_EQ(table.status(now)[0].peer, bob.id);
}

TEST_F(LinkTable, KeepsASilentLinkForAWhileOnly) {
  EXPECT_TRUE(beat(alice, 1));
  now += 3s;
  EXPECT_EQ(table.expire(now).size(), 1u);
  now += 10min - 4s;
  (void) table.expire(now);
  EXPECT_EQ(table.status(now).size(), 1u);
  now += 1s;
  (void) table.expire(now);
  EXPECT_TRUE(table.status(now).empty());
}

} // namespace dfs::core
