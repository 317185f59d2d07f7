#include "failure_network.hpp"

#include <gtest/gtest.h>

// Lives that end and begin, and groups that part and meet: SPEC M1, M2, M5.

namespace dfs::core::test {
namespace {

constexpr network_options bad{
  .loss_percent = 10, .duplicate_percent = 5, .delay_max = 20ms};

const std::vector<endpoint> first_two{make_record(1).id.address(),
                                      make_record(2).id.address()};

// SPEC M2: two introducers started together are one group.
TEST(FailureMerge, IntroducersStartedTogetherAreOneGroup) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    network net{seed, bad};
    net.start(1, first_two, 1);
    net.start(2, first_two, 1);
    for (std::uint8_t i = 3; i <= 6; ++i)
      net.start(i, first_two);
    EXPECT_TRUE(net.run_until(6s, [&] { return net.agree(6); }));
    EXPECT_EQ(net.count_changes(msg::member_change::failed), 0u);
  }
}

// SPEC M2: an introducer that is down hurts nobody, not even who joins.
TEST(FailureMerge, JoinsThroughAnotherIntroducer) {
  network net{3, bad};
  net.start(2, first_two, 1);
  net.start(3, first_two);
  EXPECT_TRUE(net.run_until(4s, [&] { return net.agree(2); }));
}

// SPEC M2: the only introducer dies and comes back, soon or late. It founds a
// group of one, and the others find it.
TEST(FailureMerge, ARestartedIntroducerIsFoundAgain) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    network net{seed, bad};
    net.start_group(5);
    net.crash(1);
    net.run(std::chrono::milliseconds{seed % 2 == 0 ? 500 : 90'000});
    ASSERT_EQ(net.lists(2, 1), seed % 2 == 0);
    net.changes();
    net.start(1, first_node, 1, 1'700'000'099'999);
    EXPECT_TRUE(net.run_until(6s, [&] { return net.agree(5); }));
    for (const auto& x : net.changes())
      if (x.what.change == msg::member_change::failed) {
        EXPECT_EQ(x.what.member.id, make_record(1).id);
        EXPECT_EQ(x.what.cause, "replaced by a newer incarnation");
      }
  }
}

// SPEC M1: a newer life retires the older one at once.
TEST(FailureMerge, ANewerLifeReplacesTheOlder) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    network net{seed, bad};
    net.start_group(5);
    net.run(1s);
    net.changes();
    net.crash(3);
    net.start(3, first_node, 4, 1'700'000'000'001);
    EXPECT_TRUE(net.run_until(2s, [&] { return net.agree(5); }));
    net.run(10s);
    EXPECT_TRUE(net.agree(5));
    EXPECT_EQ(net.count_changes(msg::member_change::failed), 4u);
    EXPECT_EQ(net.count_changes(msg::member_change::joined), 4u + 5u);
    EXPECT_TRUE(net.at(3).rejoins.empty());
  }
}

// SPEC M1: a node whose clock went back is told which stamp to exceed.
TEST(FailureMerge, AStampFromThePastIsRaised) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    network net{seed, bad};
    net.start_group(4);
    net.crash(3);
    ASSERT_TRUE(net.run_until(6s, [&] { return net.agree(3); }));
    net.start(3, first_node, 4, 1'600'000'000'000);
    ASSERT_TRUE(net.run_until(3s, [&] { return net.agree(4); }));
    EXPECT_EQ(net.machine(3).self().id.start_ms,
              make_record(3).id.start_ms + 1);
    EXPECT_EQ(net.at(3).rejoins.size(), 1u);
  }
}

// SPEC M2: a group split by the network merges by itself, soon after.
TEST(FailureMerge, ASplitGroupIsOneAgain) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    network net{seed, bad};
    net.start_group(8);
    net.split({1, 2, 3, 4});
    net.run(15s);
    for (std::uint8_t i = 1; i <= 8; ++i)
      ASSERT_EQ(net.machine(i).members().size(), 4u);
    net.heal();
    EXPECT_TRUE(net.run_until(10s, [&] { return net.agree(8); }));
    net.run(10s);
    EXPECT_TRUE(net.agree(8));
    // Of one side nobody takes another life.
    const auto lives = [&](std::uint8_t first) {
      std::size_t sum = 0;
      for (std::uint8_t i = first; i < first + 4; ++i)
        sum += net.at(i).rejoins.size();
      return sum;
    };
    EXPECT_EQ(std::min(lives(1), lives(5)), 0u);
    EXPECT_GE(std::max(lives(1), lives(5)), 4u);
  }
}

// The only introducer is dead: those declared failed are looked for.
TEST(FailureMerge, ASplitIsMendedWithoutIntroducers) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    network net{seed, bad};
    net.start_group(6);
    net.crash(1);
    ASSERT_TRUE(net.run_until(6s, [&] { return net.agree(5); }));
    net.split({2, 3});
    net.run(15s);
    net.heal();
    EXPECT_TRUE(net.run_until(10s, [&] { return net.agree(5); }));
  }
}

// Tombstones are gone then: configured introducers are what is left.
TEST(FailureMerge, ASplitOfMinutesIsMendedThroughIntroducers) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    network net{seed, bad};
    net.start_group(6);
    net.split({1, 2, 3});
    net.run(300s);
    net.heal();
    EXPECT_TRUE(net.run_until(20s, [&] { return net.agree(6); }));
  }
}

// Who is cut off accuses nobody (I6): it alone comes back anew.
TEST(FailureMerge, OneCutOffFromManyRejoinsAlone) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    network net{seed, bad};
    net.start_group(6);
    net.split({6});
    net.run(15s);
    EXPECT_EQ(net.machine(6).members().size(), 6u);
    EXPECT_EQ(net.machine(1).members().size(), 5u);
    net.heal();
    EXPECT_TRUE(net.run_until(10s, [&] { return net.agree(6); }));
    for (std::uint8_t i = 1; i <= 5; ++i)
      EXPECT_TRUE(net.at(i).rejoins.empty());
    EXPECT_EQ(net.at(6).rejoins.size(), 1u);
  }
}

// SPEC M5: two members do not reach each other, but all others do.
TEST(FailureMerge, ABrokenPathIsNoDeath) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    network net{seed, bad};
    net.start_group(5);
    net.changes();
    net.cut(2, 3);
    if (seed % 2 == 0)
      net.cut(3, 2);
    net.run(120s);
    EXPECT_TRUE(net.changes().empty());
  }
}

// SPEC M1 (I8): what is said of an older life is not said of this one.
TEST(FailureIdentity, OnlyNewsOfThisLifeOrALaterOneEndIt) {
  network net{1, {}};
  net.start_group(3);
  const auto own = make_record(2).id;
  msg::news_item verdict{msg::member_change::failed,
                         msg::news_reason::silent_for_two,
                         {},
                         make_record(1).id};
  const auto tell = [&](std::uint64_t start_ms) {
    verdict.member.id = own;
    verdict.member.id.start_ms = start_ms;
    net.inject(2, {make_record(1).id, msg::gossip_ack{0, 0, 0, {verdict}}},
               make_record(1).id.address());
    return net.machine(2).self().id.start_ms;
  };
  EXPECT_EQ(tell(own.start_ms - 1), own.start_ms);
  EXPECT_TRUE(net.at(2).rejoins.empty());
  EXPECT_EQ(tell(own.start_ms), own.start_ms + 1);
  EXPECT_EQ(tell(own.start_ms), own.start_ms + 1);
  EXPECT_EQ(net.at(2).rejoins.size(), 1u);
  net.run(2s); // Lives are spaced.
  EXPECT_EQ(tell(own.start_ms + 7), own.start_ms + 8);
  EXPECT_TRUE(net.run_until(2s, [&] { return net.agree(3); }));
}

// Its clock was set back, and its stamp was lost with its disk: nobody has
// found out yet that the life which had started later is over.
TEST(FailureIdentity, AnEarlierLifeThatJoinsIsToldOfTheLaterOne) { // SPEC M1
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    network net{seed, bad};
    net.start_group(3);
    const auto former = make_record(3).id;
    net.crash(3);
    net.run(100ms);
    net.start(3, first_node, 4, former.start_ms - 1'000'000);
    EXPECT_TRUE(net.run_until(2s, [&] { return net.agree(3); }));
    EXPECT_GT(net.machine(3).self().id.start_ms, former.start_ms);
    net.run(10s);
    EXPECT_TRUE(net.agree(3));
  }
}

TEST(FailureIdentity, APingForAnOlderLifeIsAnsweredByAnIntroduction) {
  network net{1, {}};
  net.start_group(3);
  const auto own = make_record(2).id;
  const auto answer = [&](std::uint32_t tag) {
    const auto out
      = net.inject(2, {make_record(1).id, msg::gossip_ping{1, tag, 0, {}, {}}},
                   make_record(1).ping_address());
    return msg::gossip_kind_name(
      msg::kind_of(std::get<send_packet>(out.front()).packet));
  };
  EXPECT_EQ(answer(msg::id_tag(own)), "ack");
  EXPECT_EQ(answer(msg::id_tag(own) + 1), "introduction");
}

} // namespace
} // namespace dfs::core::test
