#include "core/failure/hearsay.hpp"
#include "failure_network.hpp"

#include <gtest/gtest.h>

// What a member says of another one's end counts with its answer.

namespace dfs::core::test {
namespace {

constexpr auto founder = static_cast<msg::role_set>(1);

/// Node 1 with four others, which say what the test has them say.
struct Hearsay : testing::Test {
  instant now{instant{} + 1h};
  failure_machine machine{failure_config{}, make_record(1, founder), rng{3},
                          now};
  msg::member_record speaker = make_record(2);
  msg::member_record accused = make_record(3);

  void SetUp() override {
    machine.join({}, true, now);
    static_cast<void>(machine.tick(now));
    for (std::uint8_t i = 2; i <= 5; ++i) {
      const auto x = make_record(i);
      hear(x.id, msg::gossip_introduction{msg::introduction_kind::welcome, x, 0,
                                          1, x.id.start_ms, 0, 0});
    }
    ASSERT_EQ(machine.members().size(), 5u);
    now += failure_config{}.newcomer_for; // From now on they are believed.
  }

  effects hear(const msg::member_id& from, msg::gossip_body body) {
    return machine.on_packet({from, std::move(body)}, from.address(), now);
  }

  effects say() {
    msg::news_item verdict{msg::member_change::failed,
                           msg::news_reason::silent_for_two,
                           {},
                           speaker.id};
    verdict.member.id = accused.id;
    return hear(speaker.id, msg::gossip_news{7, {verdict}});
  }

  [[nodiscard]] bool lists_accused() const {
    return machine.members().find(accused.id) != nullptr;
  }

  static bool pings(const effects& all, const msg::member_record& whom) {
    const auto sent_to = sent<msg::gossip_ping>(all);
    return std::any_of(sent_to.begin(), sent_to.end(), [&](const auto& x) {
      return x.first == whom.ping_address();
    });
  }
};

TEST_F(Hearsay, CountsWithAnAnswer) { // I13
  EXPECT_TRUE(pings(say(), speaker));
  EXPECT_TRUE(lists_accused());
  hear(make_record(4).id, msg::gossip_ack{});
  EXPECT_TRUE(lists_accused()) << "somebody else's answer";
  hear(speaker.id, msg::gossip_ack{});
  EXPECT_FALSE(lists_accused());
}

// The path between the two may be broken in one direction.
TEST_F(Hearsay, CountsWithAnAnswerToAHelper) { // I13
  say();
  now += hearsay::ask_period;
  EXPECT_FALSE(sent<msg::gossip_ping_request>(machine.tick(now)).empty());
  hear(make_record(4).id, msg::gossip_relayed_ack{1, speaker.id, 0});
  EXPECT_FALSE(lists_accused());
}

TEST_F(Hearsay, ComesWithAnAnswer) { // I13
  msg::news_item verdict{msg::member_change::failed,
                         msg::news_reason::silent_for_two,
                         {},
                         speaker.id};
  verdict.member.id = accused.id;
  hear(speaker.id, msg::gossip_ack{0, 0, 0, {verdict}});
  EXPECT_FALSE(lists_accused());
}

// It speaks and does not hear: what it says of the dead is what a deaf one
// says.
TEST_F(Hearsay, IsAHintWithoutOne) { // I13
  say();
  for (int i = 0; i < 20; ++i) {
    now += 50ms;
    static_cast<void>(machine.tick(now));
  }
  hear(speaker.id, msg::gossip_ack{});
  EXPECT_TRUE(lists_accused()) << "an answer to something else, much later";
  machine.check();
}

// Whoever hears it once can be asked for its own sake; a thousand claims more
// are not kept.
TEST_F(Hearsay, IsBounded) {
  for (std::uint32_t i = 0; i < 5'000; ++i) {
    msg::news_item verdict{msg::member_change::failed,
                           msg::news_reason::silent_for_two,
                           {},
                           speaker.id};
    verdict.member.id = make_record(static_cast<std::uint8_t>(3 + i % 3)).id;
    hear(speaker.id, msg::gossip_news{0, {verdict}});
  }
  EXPECT_EQ(machine.members().size(), 5u);
  hear(speaker.id, msg::gossip_ack{});
  EXPECT_EQ(machine.members().size(), 2u);
}

TEST_F(Hearsay, OfTheOwnEndIsAskedForWithAHello) { // I13
  accused = make_record(1, founder);
  const auto asked = sent<msg::gossip_introduction>(say());
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].second.kind, msg::introduction_kind::hello);
  EXPECT_EQ(machine.self().id, accused.id);
  const auto said = [&](msg::introduction_kind kind) {
    hear(speaker.id,
         msg::gossip_introduction{kind, speaker, 0, 5, speaker.id.start_ms, 0,
                                  accused.id.start_ms});
  };
  said(msg::introduction_kind::hello);
  EXPECT_EQ(machine.self().id, accused.id) << "a deaf one says hello, too";
  said(msg::introduction_kind::welcome);
  EXPECT_EQ(machine.self().id.start_ms, accused.id.start_ms + 1);
}

} // namespace
} // namespace dfs::core::test
