#include "failure_network.hpp"

#include <gtest/gtest.h>

// One master: by its term, never by clocks, and never on hearsay.

namespace dfs::core::test {
namespace {

constexpr network_options bad{10, 5, 20ms};

constexpr std::uint64_t present = 1'700'000'000'000;
constexpr std::uint64_t years_ahead = 1'900'000'000'000;

constexpr msg::role_set masters = 2;
constexpr msg::role_set founding_masters = 3;

const std::vector<endpoint> first_two{
  {*ip_address::parse("10.0.0.1"), 7401},
  {*ip_address::parse("10.0.0.2"), 7401},
};

bool was_ended(const network::node& x) {
  return x.goodbyes > 0
         || std::any_of(x.refusals.begin(), x.refusals.end(),
                        [](const auto& no) { return !no.passes; });
}

/// Nodes 1 to 3, and 4, the master in that term.
void start_with_master(network& net, std::uint64_t term) {
  net.start_group(3);
  net.terms[4] = master_term{term};
  net.start(4, first_node, masters);
  ASSERT_TRUE(net.run_until(3s, [&] { return net.agree(4); }));
  net.run(1s);
  net.changes();
}

// Wherever it asks. It may have newer metadata: it waits, in case the master
// that is in its way has just died, and is taken in by nobody for a moment.
TEST(FailureMasters, RefusesASecondOneWhileTheMasterLives) { // SPEC G6
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    network net{seed, bad};
    start_with_master(net, 7);
    net.terms[5] = master_term{8};
    net.start(5, first_node, founding_masters);
    net.run(20s);
    ASSERT_FALSE(net.at(5).refusals.empty());
    for (const auto& no : net.at(5).refusals) {
      EXPECT_TRUE(no.passes);
      EXPECT_EQ(no.code, ec::master_exists);
      EXPECT_NE(no.text.find("node-4"), std::string::npos) << no.text;
    }
    EXPECT_FALSE(net.machine(5).joined()) << "nor does it found a group";
    EXPECT_TRUE(net.changes().empty());
    net.crash(5);
    // The same machine may come back.
    net.crash(4);
    net.terms[4] = master_term{8};
    net.start(4, first_node, masters, present + 9);
    EXPECT_TRUE(net.run_until(3s, [&] { return net.agree(4); }));
  }
}

TEST(FailureMasters, SaysToOneWithOldMetadataThatItIsOver) { // SPEC S7
  for (const std::uint64_t term : {6u, 7u}) {
    SCOPED_TRACE(term);
    network net{term, bad};
    start_with_master(net, 7);
    net.terms[5] = master_term{term};
    net.start(5, first_node, founding_masters, years_ahead);
    ASSERT_TRUE(net.run_until(3s, [&] { return was_ended(net.at(5)); }));
    const auto& no = net.at(5).refusals.back();
    EXPECT_EQ(no.code, ec::master_exists);
    for (const auto* name : {"node-4", "node-5"})
      EXPECT_NE(no.text.find(name), std::string::npos) << no.text;
    net.run(3s);
    EXPECT_TRUE(net.changes().empty());
  }
}

// Its host has died, and it is started elsewhere at once.
TEST(FailureMasters, TakesTheSuccessorOfOneThatHasJustDied) { // SPEC S7
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    network net{seed, bad};
    start_with_master(net, 7);
    net.crash(4);
    net.run(300ms);
    net.terms[5] = master_term{8};
    // It could found a group of its own, too.
    net.start(5, first_node, founding_masters, 1);
    EXPECT_TRUE(net.run_until(
      7s, [&] { return net.machine(5).joined() && net.agree(4); }));
    EXPECT_FALSE(was_ended(net.at(5)));
  }
}

// The master may be the introducer that is asked.
TEST(FailureMasters, TheMasterItselfRefusesASecondOne) {
  network net{1, bad};
  net.terms[1] = master_term{3};
  net.start(1, first_node, founding_masters);
  net.start(2, first_node);
  ASSERT_TRUE(net.run_until(5s, [&] { return net.agree(2); }));
  net.terms[3] = master_term{4};
  net.start(3, first_node, masters);
  net.run(10s);
  EXPECT_FALSE(net.at(3).refusals.empty());
  EXPECT_FALSE(net.machine(3).joined());
}

// Nobody is refused by a member that has lost sight of all others, and with
// them of the master's death.
TEST(FailureMasters, AMemberThatNobodyAnswersRefusesNone) {
  network net{1, {}};
  start_with_master(net, 7);
  for (std::uint8_t i : {1, 3, 4})
    for (const auto& [from, to] :
         {std::pair{i, std::uint8_t{2}}, std::pair{std::uint8_t{2}, i}})
      net.cut(from, to);
  net.run(2s);
  net.terms[5] = master_term{8};
  net.start(5, {make_record(2).id.address()}, masters);
  net.run(1s);
  EXPECT_TRUE(net.at(5).refusals.empty());
}

// Two groups with a master each meet.
TEST(FailureMasters, OfTwoThatInTheLowerTermGoes) { // SPEC G6
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    network net{seed, bad};
    const std::uint8_t lower = seed % 2 == 0 ? 1 : 2;
    const std::uint8_t higher = 3 - lower;
    net.terms[lower] = master_term{3};
    net.terms[higher] = master_term{8};
    net.cut(1, 2);
    net.cut(2, 1);
    const bool early = seed % 4 < 2;
    net.start(lower, first_two, founding_masters, early ? 1 : years_ahead);
    net.start(higher, first_two, founding_masters, present);
    net.run(3s);
    ASSERT_TRUE(net.machine(1).joined() && net.machine(2).joined());
    net.heal();
    ASSERT_TRUE(net.run_until(6s, [&] { return was_ended(net.at(lower)); }));
    const auto& no = net.at(lower).refusals.back();
    EXPECT_EQ(no.code, ec::master_exists);
    EXPECT_NE(no.text.find("of term 3"), std::string::npos) << no.text;
    EXPECT_TRUE(net.run_until(2s, [&] { return net.at(lower).goodbyes == 1; }));
    net.run(3s);
    EXPECT_FALSE(was_ended(net.at(higher)));
    EXPECT_EQ(net.machine(higher).members().size(), 1u);
  }
}

// Its first start gives it a higher term than the master's that it is a copy
// of.
TEST(FailureMasters, ACopyThatIsAloneGoesForTheMaster) { // SPEC M2, S2
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    network net{seed, bad};
    start_with_master(net, 7);
    for (std::uint8_t i : {1, 2, 3, 4}) {
      net.cut(5, i);
      net.cut(i, 5);
    }
    net.terms[5] = master_term{8};
    // It meets the master first, or others.
    const auto known
      = seed % 2 == 0 ? first_two : std::vector{make_record(4).id.address()};
    net.start(5, known, founding_masters, seed % 4 < 2 ? 1 : years_ahead);
    ASSERT_TRUE(net.run_until(6s, [&] { return net.machine(5).joined(); }));
    net.run(2s);
    net.heal();
    ASSERT_TRUE(
      net.run_until(60s, [&] { return !net.at(5).refusals.empty(); }));
    net.run(5s);
    EXPECT_FALSE(was_ended(net.at(4)));
    EXPECT_TRUE(net.agree(4));
  }
}

// A restore lies between: what is alone is the master for all that.
TEST(FailureMasters, ARestoredOneThatIsAloneStays) { // SPEC S7
  network net{1, {}};
  start_with_master(net, 7);
  for (std::uint8_t i : {1, 2, 3, 4}) {
    net.cut(5, i);
    net.cut(i, 5);
  }
  net.terms[5] = master_term{7 + 65'536};
  net.start(5, first_two, founding_masters);
  ASSERT_TRUE(net.run_until(6s, [&] { return net.machine(5).joined(); }));
  net.run(2s);
  net.heal();
  EXPECT_TRUE(net.run_until(60s, [&] { return was_ended(net.at(4)); }));
  EXPECT_FALSE(was_ended(net.at(5)));
}

// One store twice, or two new ones: servers have obeyed that of the larger side
// for longer.
TEST(FailureMasters, OfTwoInOneTermThatOfTheSmallerSideGoes) { // SPEC G6
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    network net{seed, bad};
    const std::uint8_t alone = seed % 2 == 0 ? 1 : 2;
    const std::uint8_t obeyed = 3 - alone;
    for (std::uint8_t i : {1, 2, 3, 4})
      if (i != alone) {
        net.cut(alone, i);
        net.cut(i, alone);
      }
    net.terms[1] = net.terms[2] = master_term{1};
    net.start(alone, first_two, founding_masters, seed % 4 < 2 ? 1 : present);
    net.start(obeyed, first_two, founding_masters, present);
    net.run(2s);
    net.start(3, first_two);
    net.start(4, first_two);
    net.run(3s);
    ASSERT_EQ(net.machine(obeyed).members().size(), 3u);
    ASSERT_EQ(net.machine(alone).members().size(), 1u);
    net.heal();
    ASSERT_TRUE(net.run_until(6s, [&] { return net.at(alone).goodbyes == 1; }));
    const auto& no = net.at(alone).refusals.back();
    for (const auto* name : {"node-1", "node-2"})
      EXPECT_NE(no.text.find(name), std::string::npos) << no.text;
    net.run(3s);
    EXPECT_FALSE(was_ended(net.at(obeyed)));
    EXPECT_TRUE(net.agree(3));
  }
}

// Its sides may change while its word is on its way: then both would go.
TEST(FailureMasters, WhoToldATwinToGoStays) { // SPEC G6
  auto now = instant{} + 1h;
  failure_machine machine{failure_config{}, make_record(1, founding_masters),
                          rng{3}, now};
  machine.join({}, true, now);
  static_cast<void>(machine.tick(now));
  ASSERT_TRUE(machine.joined());
  const auto twin = make_record(2, masters);
  const auto hear = [&](std::uint32_t members) {
    const msg::gossip_introduction said{msg::introduction_kind::welcome,
                                        twin,
                                        0,
                                        members,
                                        twin.id.start_ms,
                                        0,
                                        0};
    return machine.on_packet({twin.id, said}, twin.id.address(), now);
  };
  for (const auto members : {1u, 9u}) {
    now += 100ms;
    const auto out = hear(members);
    EXPECT_EQ(sent<msg::gossip_refusal>(out).size(), 1u) << members;
    EXPECT_TRUE(machine.joined()) << members;
  }
}

// A node that stood still hands a dead master's record to the live one, which
// has come after that one's end and knows nothing of it.
TEST(FailureMasters, StaysWhenItIsToldOfADeadOne) { // SPEC M1
  int told = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    network net{seed, bad};
    start_with_master(net, 7);
    net.crash(4);
    net.stall(2, 20s);
    net.run(6s);
    // A clock that is behind; a term, too, should its metadata be so: what ends
    // it then are servers that obey no lower term, and no dead record.
    net.terms[5] = master_term{seed % 2 == 0 ? 8u : 6u};
    net.start(5, first_node, masters, seed % 4 < 2 ? 1 : years_ahead);
    net.run(24s);
    for (const auto& x : net.changes())
      if (x.at == 5 && x.what.change == msg::member_change::joined
          && x.what.member.name == "node-4")
        ++told;
    EXPECT_FALSE(was_ended(net.at(5)));
    EXPECT_TRUE(net.agree(4));
  }
  EXPECT_GT(told, 0);
}

} // namespace
} // namespace dfs::core::test
