#include "failure_network.hpp"

#include <gtest/gtest.h>

// Whose verdict counts: a member that is cut off, deaf or mute costs nobody but
// itself its life, and at a merge it is the smaller side that begins again.
// SPEC M2, M5.

namespace dfs::core::test {
namespace {

constexpr network_options bad{
  .loss_percent = 10, .duplicate_percent = 5, .delay_max = 20ms};

enum class fault { deaf, mute, cut_off };

void inflict(network& net, fault what, std::uint8_t whom, std::uint8_t nodes) {
  for (std::uint8_t i = 1; i <= nodes; ++i) {
    if (i == whom)
      continue;
    if (what != fault::mute)
      net.cut(i, whom);
    if (what != fault::deaf)
      net.cut(whom, i);
  }
}

struct one_away {
  fault what;
  std::uint8_t nodes;
  std::chrono::seconds how_long;
};

void PrintTo(const one_away& x, std::ostream* out) {
  constexpr const char* names[]{"deaf", "mute", "cut off"};
  *out << names[static_cast<int>(x.what)] << ", " << int{x.nodes} << " nodes, "
       << x.how_long.count() << " s";
}

class OneAway : public ::testing::TestWithParam<one_away> {};

TEST_P(OneAway, CostsNobodyElseItsLife) { // SPEC M2 M5
  const auto x = GetParam();
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    network net{seed, bad};
    net.start_group(x.nodes);
    inflict(net, x.what, x.nodes, x.nodes);
    net.run(x.how_long);
    net.heal();
    EXPECT_TRUE(net.run_until(6s, [&] { return net.agree(x.nodes); }));
    net.run(10s);
    EXPECT_TRUE(net.agree(x.nodes));
    for (std::uint8_t i = 1; i < x.nodes; ++i)
      EXPECT_TRUE(net.at(i).rejoins.empty()) << int{i};
    EXPECT_LE(net.at(x.nodes).rejoins.size(), 4u);
  }
}

INSTANTIATE_TEST_SUITE_P(
  Faults, OneAway,
  ::testing::Values(
    one_away{fault::deaf, 3, 40s}, one_away{fault::deaf, 4, 6s},
    one_away{fault::deaf, 4, 120s}, one_away{fault::deaf, 6, 40s},
    one_away{fault::mute, 3, 40s}, one_away{fault::mute, 4, 6s},
    one_away{fault::mute, 4, 120s}, one_away{fault::mute, 6, 40s},
    one_away{fault::cut_off, 3, 6s}, one_away{fault::cut_off, 4, 6s},
    one_away{fault::cut_off, 6, 40s}, one_away{fault::cut_off, 5, 600s}));

// SPEC M2: the introducer itself is the one that is away.
TEST(FailureCuts, AnIntroducerThatIsCutOffComesBackAlone) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    network net{seed, bad};
    net.start_group(5);
    net.split({1});
    net.run(90s);
    net.heal();
    EXPECT_TRUE(net.run_until(6s, [&] { return net.agree(5); }));
    for (std::uint8_t i = 2; i <= 5; ++i)
      EXPECT_TRUE(net.at(i).rejoins.empty()) << int{i};
  }
}

// The smaller side begins again, the larger one does not notice.
TEST(FailureCuts, TheSmallerSideRejoins) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    network net{seed, bad};
    net.start_group(5);
    net.split({4, 5});
    net.run(20s);
    ASSERT_EQ(net.machine(1).members().size(), 3u);
    ASSERT_EQ(net.machine(5).members().size(), 2u);
    net.heal();
    EXPECT_TRUE(net.run_until(10s, [&] { return net.agree(5); }));
    net.run(10s);
    EXPECT_TRUE(net.agree(5));
    for (std::uint8_t i = 1; i <= 3; ++i)
      EXPECT_TRUE(net.at(i).rejoins.empty()) << int{i};
  }
}

// Of two alike the side with the oldest member stays.
TEST(FailureCuts, OfTwoAlikeTheOlderStays) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    network net{seed, bad};
    net.start(1, first_node, 1, 1'700'000'000'100);
    net.start(2, first_node, 4, 1'700'000'000'000); // The oldest.
    ASSERT_TRUE(net.run_until(10s, [&] { return net.agree(2); }));
    net.split({2});
    net.run(10s);
    net.heal();
    EXPECT_TRUE(net.run_until(6s, [&] { return net.agree(2); }));
    EXPECT_EQ(net.at(1).rejoins.size(), 1u);
    EXPECT_TRUE(net.at(2).rejoins.empty());
  }
}

// SPEC M2: a split of a day merges by itself, though no introducer is left.
TEST(FailureCuts, ASplitOfHoursIsMendedWithoutIntroducers) {
  network net{7, {}};
  net.start_group(6);
  net.crash(1);
  ASSERT_TRUE(net.run_until(6s, [&] { return net.agree(5); }));
  net.split({2, 3});
  net.run(3h);
  net.heal();
  EXPECT_TRUE(net.run_until(10s, [&] { return net.agree(5); }));
}

// SPEC M4: three of four crash at once, and the survivor's list is empty in
// time, though it judges nobody.
TEST(FailureCuts, WhoIsLeftAloneKnows) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    network net{seed, bad};
    net.start_group(4);
    for (std::uint8_t i = 2; i <= 4; ++i)
      net.crash(i);
    EXPECT_TRUE(
      net.run_until(5s, [&] { return net.machine(1).members().size() == 1; }));
    EXPECT_TRUE(net.machine(1).members().tombstones().empty());
  }
}

// A member of each side was in the other's list: the larger side believes
// nothing that the smaller one decided, whoever brings it.
TEST(FailureCuts, ANodeThatJoinedDuringASplitBringsNoVerdicts) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    network net{seed, bad};
    net.start_group(6);
    net.split({5, 6});
    net.run(10s);
    net.crash(2);
    net.start(2, first_node, 4, 1'700'000'000'500); // Anew, on the larger side.
    net.run(10s);
    net.heal();
    EXPECT_TRUE(net.run_until(10s, [&] { return net.agree(6); }));
    net.run(10s);
    EXPECT_TRUE(net.agree(6));
    for (std::uint8_t i = 1; i <= 4; ++i)
      EXPECT_TRUE(net.at(i).rejoins.empty()) << int{i};
  }
}

// A verdict of somebody who is over here is a hint: see for yourself.
TEST(FailureCuts, AVerdictOfARetiredMemberIsNoFact) {
  network net{1, {}};
  net.start_group(5);
  net.crash(5);
  ASSERT_TRUE(net.run_until(6s, [&] { return net.agree(4); }));
  msg::news_item verdict{msg::member_change::failed,
                         msg::news_reason::silent_for_two,
                         {},
                         make_record(5).id};
  verdict.member.id = make_record(3).id;
  net.inject(2, {make_record(5).id, msg::gossip_news{0, {verdict}}},
             make_record(5).id.address());
  net.inject(2, {make_record(1).id, msg::gossip_news{0, {verdict}}},
             make_record(1).id.address());
  EXPECT_TRUE(net.lists(2, 3));
  net.run(10s);
  EXPECT_TRUE(net.agree(4));
  EXPECT_TRUE(net.at(3).rejoins.empty());
}

// …and a true one is found by whoever got the hint, monitor or not.
TEST(FailureCuts, AHintIsLookedAt) {
  network net{1, {}};
  net.start_group(20);
  net.crash(20);
  ASSERT_TRUE(net.run_until(6s, [&] { return net.agree(19); }));
  msg::news_item verdict{msg::member_change::failed,
                         msg::news_reason::silent_for_two,
                         {},
                         make_record(20).id};
  for (std::uint8_t i = 3; i <= 19; ++i) {
    verdict.member.id = make_record(i).id;
    net.inject(2, {make_record(1).id, msg::gossip_news{0, {verdict}}},
               make_record(1).id.address());
    net.run(10ms);
  }
  EXPECT_EQ(net.machine(2).members().size(), 19u);
  EXPECT_GT(net.machine(2).probes(net.now()).targets.size(), 10u);
}

// Rejoins are spaced: a second, two, four, up to a minute.
TEST(FailureCuts, RejoinsBackOff) {
  network net{1, {}};
  net.start_group(3);
  const auto accuse = [&] {
    msg::news_item verdict{msg::member_change::failed,
                           msg::news_reason::silent_for_two,
                           {},
                           make_record(1).id};
    verdict.member.id = net.machine(2).self().id;
    net.inject(2, {make_record(1).id, msg::gossip_ack{0, 0, 0, {verdict}}},
               make_record(1).id.address());
  };
  for (int i = 0; i < 600; ++i) {
    accuse();
    net.run(100ms);
  }
  EXPECT_GE(net.at(2).rejoins.size(), 5u);
  EXPECT_LE(net.at(2).rejoins.size(), 7u);
  EXPECT_TRUE(net.run_until(10s, [&] { return net.agree(3); }));
}

// SPEC M4: the survivor of two stands still again and again, for half a second
// or for longer than it is awake, and finds the crash all the same.
class Stalls : public ::testing::TestWithParam<std::chrono::milliseconds> {};

TEST_P(Stalls, AreCreditedNotForgiven) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    const auto stall = GetParam();
    network net{seed, bad};
    net.start_group(2);
    net.run(1s);
    net.crash(2);
    const auto crashed = net.now();
    auto stalled = 0ms;
    while (net.machine(1).members().size() > 1 && net.now() < crashed + 30s) {
      net.stall(1, stall);
      stalled += stall;
      net.run_until(stall + 2s,
                    [&] { return net.machine(1).members().size() == 1; });
    }
    EXPECT_LT(net.now(), crashed + 6s + stalled);
    EXPECT_EQ(net.machine(1).members().size(), 1u);
  }
}

INSTANTIATE_TEST_SUITE_P(Each, Stalls, ::testing::Values(500ms, 2100ms, 4s));

constexpr std::uint64_t later = 1'700'000'500'000;

// SPEC M2: what a node knew before it was restarted is enough.
TEST(FailureCuts, ARestartedNodeComesInByAnyMember) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    network net{seed, bad};
    net.start_group(5);
    const auto known = net.machine(5).addresses(net.now());
    EXPECT_EQ(known.size(), 4u);
    net.crash(1); // The only introducer.
    net.crash(5);
    ASSERT_TRUE(net.run_until(10s, [&] { return net.agree(3); }));
    net.start(5, first_node, 4, later, known);
    EXPECT_TRUE(net.run_until(6s, [&] { return net.agree(4); }));
    EXPECT_TRUE(net.at(5).rejoins.empty());
  }
}

// SPEC M2: the split outlives the process that knew of the others, and nobody
// is an introducer any more.
TEST(FailureCuts, ASplitIsMendedAfterARestartWithinIt) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    network net{seed, bad};
    net.start_group(6);
    net.crash(1);
    ASSERT_TRUE(net.run_until(10s, [&] { return net.agree(5); }));
    net.split({5, 6});
    net.run(60s);
    const auto known = net.machine(5).addresses(net.now());
    EXPECT_EQ(known.size(), 5u);
    net.crash(5);
    net.run(10s);
    net.start(5, first_node, 4, later, known);
    ASSERT_TRUE(net.run_until(6s, [&] {
      return net.machine(5).joined() && net.machine(5).members().size() == 2;
    }));
    net.crash(6); // Nobody but the restarted one knows of the other side now.
    net.run(30s);
    net.heal();
    EXPECT_TRUE(net.run_until(20s, [&] { return net.agree(4); }));
    for (std::uint8_t i = 2; i <= 4; ++i)
      EXPECT_TRUE(net.at(i).rejoins.empty()) << int{i};
  }
}

// An introducer that comes back asks whom it knew before it founds a group.
TEST(FailureCuts, ARestartedIntroducerComesBackIntoItsGroup) { // SPEC M2
  network net{1, bad};
  net.start_group(4);
  const auto known = net.machine(1).addresses(net.now());
  net.crash(1);
  ASSERT_TRUE(net.run_until(10s, [&] { return net.agree(3); }));
  net.start(1, first_node, 1, later, known);
  EXPECT_TRUE(net.run_until(6s, [&] { return net.agree(4); }));
  for (std::uint8_t i = 1; i <= 4; ++i)
    EXPECT_TRUE(net.at(i).rejoins.empty()) << int{i};
}

TEST(FailureCuts, AnIntroducerThatFindsNobodyItKnewFoundsAGroup) { // SPEC M2
  network net{1, {}};
  net.start(
    1, first_node, 1, later,
    {{make_record(2).id.address(), 60s}, {make_record(3).id.address(), 25h}});
  EXPECT_TRUE(net.run_until(2s, [&] { return net.agree(1); }));
  const auto known = net.machine(1).addresses(net.now());
  ASSERT_EQ(known.size(), 1u) << "a day is long enough";
  EXPECT_EQ(known[0].where, make_record(2).id.address());
  EXPECT_GE(known[0].ago, 60s);
}

} // namespace
} // namespace dfs::core::test
