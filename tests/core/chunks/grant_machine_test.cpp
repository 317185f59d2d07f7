#include "core/chunks/master_steps.hpp"

namespace dfs::core {
namespace {

using namespace test;

/// Two of the three that have a chunk are here, the third comes back.
struct Return : Master {
  Return() {
    load(extent);
    enrol(1, extent);
    enrol(2, extent);
    for (int i = 0; i < 12; ++i)
      pass(500ms);
    come(3);
    machine->lease(1, {chunk, {}, {}}, now);
    perform();
    EXPECT_EQ(orders<msg::fence_chunk>(), 0u);
  }
};

// Left out, its copy would be old, and have to be made anew.
TEST_F(Return, IsWaitedForByANewGrant) { // SPEC G10
  pass(500ms);
  EXPECT_EQ(orders<msg::fence_chunk>(), 0u);
  report(3, extent);
  EXPECT_EQ(orders<msg::fence_chunk>(), 3u);
}

TEST_F(Return, IsNotWaitedForLong) { // SPEC G10
  pass(500ms);
  pass(500ms);
  EXPECT_EQ(orders<msg::fence_chunk>(), 2u);
}

// What it has will be old in a moment: nobody is told that all is well.
TEST_F(Return, IsNoFullCopyWhileAGrantGoesOnWithoutIt) { // SPEC G10, O3
  pass(500ms);
  pass(500ms);
  report(3, extent);
  pass(500ms);
  pass(500ms);
  EXPECT_TRUE(machine->state().servers.serves(2, now));
  EXPECT_EQ(report_status(*machine, {}, now).under_replicated, 1u);
  fence_at(1);
  fence_at(2);
  take({});
  EXPECT_EQ(answers.size(), 1u);
  EXPECT_EQ(report_status(*machine, {}, now).under_replicated, 1u);
  EXPECT_EQ(report_status(*machine, {}, now).chunks, 1u);
}

/// A grant waits for the third server while the first one says that it leads
/// the chunk, under a lease of a former master.
struct FoundLeader : Master {
  void ask_and_find(const std::vector<store_id>& doubted) {
    load(extent);
    enrol(1, extent);
    enrol(2, extent);
    for (int i = 0; i < 12; ++i)
      pass(500ms);
    come(3);
    machine->lease(1, {.chunk = chunk, .failed = doubted}, now);
    perform();
    ASSERT_EQ(orders<msg::fence_chunk>(), 0u);
    const lease_epoch former{(std::uint64_t{1} << 40) + 5};
    msg::chunk_heartbeat x;
    x.store = store_id{1};
    x.boot = boot(1);
    x.term = machine->state().term;
    x.sequence = ++sequences[1];
    x.heard = std::exchange(last_heard[1], x.sequence);
    x.volumes = {{1, 1u << 30, 1u << 30, false, "/disk"}};
    x.led = {{chunk, former, extent, true, false, false}};
    x.led_last = true;
    ASSERT_TRUE(machine->heartbeat(x, now));
    perform();
  }
};

TEST_F(FoundLeader, AnswersWhoAsked) { // SPEC G2
  ask_and_find({});
  EXPECT_EQ(answers.size(), 1u);
}

// It is the one that the client does not reach.
TEST_F(FoundLeader, IsNoAnswerToWhoDoubtsIt) { // SPEC G7
  ask_and_find({store_id{1}});
  EXPECT_NE(machine->state().leases.find(chunk), nullptr);
  EXPECT_TRUE(answers.empty());
}

/// Three servers have a chunk that nobody leads.
struct GrantMachine : Master {
  GrantMachine() {
    load(extent);
    for (std::uint8_t n = 1; n <= 3; ++n)
      enrol(n, extent);
    for (int i = 0; i < 12; ++i)
      pass(500ms);
  }

  /// The third is told that the chunk is revoked below the version to which it
  /// is being fenced, and says that it heard only after it was fenced.
  void fence_who_is_revoked() {
    machine->lease(1, {chunk, {}, {}}, now);
    perform();
    ASSERT_EQ(orders<msg::fence_chunk>(), 3u);
    report(3, extent);
    const auto told = beat(3);
    ASSERT_EQ(told.revoked.size(), 1u);
    EXPECT_EQ(told.revoked[0].extent.version, chunk_version{3});
  }
};

/// All of the new set have died and come back while the last row is written.
struct ReturnBeforeTheEnd : GrantMachine {
  void grant_and_return(const msg::chunk_extent& third) {
    machine->lease(1, {chunk, {}, {}}, now);
    perform();
    for (std::uint8_t n = 1; n <= 3; ++n)
      fence_at(n);
    slow_log = true;
    take({});
    ASSERT_EQ(logging.size(), 1u);
    for (std::uint8_t n = 1; n <= 3; ++n) {
      machine->link_lost(store_id{n}, boot(n), now);
      machine->probed(*machine->state().servers.find(store_id{n}), boot(n),
                      true, now);
    }
    ++lives;
    servers.clear();
    auto here = extent;
    here.version = chunk_version{3};
    enrol(1, here);
    enrol(2, here);
    enrol(3, third);
    finish_log();
    pass(500ms);
    pass(500ms);
  }
};

// Found by the simulation (storm, 4 servers, seed 301952): their replicas were
// called old, and the chunk lost, for as long as the master lived.
TEST_F(ReturnBeforeTheEnd, TheSetHoldsTheChunk) { // SPEC G3, G10
  auto here = extent;
  here.version = chunk_version{3};
  grant_and_return(here);
  EXPECT_EQ(machine->state().table.find(chunk)->version, 3u);
  EXPECT_EQ(machine->state().table.holders(chunk).size(), 3u);
  EXPECT_TRUE(machine->state().table.odd().empty());
  EXPECT_EQ(report_status(*machine, {}, now).lost, 0u);
}

TEST_F(ReturnBeforeTheEnd, ButForWhoLacksSomething) { // SPEC G3
  auto less = extent;
  less.version = chunk_version{3};
  less.serial = mutation_serial{8};
  grant_and_return(less);
  EXPECT_EQ(machine->state().table.holders(chunk).size(), 2u);
  EXPECT_EQ(machine->state().table.behind(chunk).size(), 1u);
}

TEST_F(ReturnBeforeTheEnd, OrHasNotItsVersion) { // SPEC G3
  grant_and_return(extent);
  EXPECT_EQ(machine->state().table.holders(chunk).size(), 2u);
}

// That the former life did not answer is no reason to be impatient.
TEST_F(Master, GivesANewLifeItsTimeToBeFenced) { // SPEC G10
  load(extent);
  for (std::uint8_t n = 1; n <= 3; ++n)
    enrol(n, extent);
  for (int i = 0; i < 12; ++i)
    pass(500ms);
  for (std::uint8_t n = 1; n <= 3; ++n) {
    machine->link_lost(store_id{n}, boot(n), now);
    machine->probed(*machine->state().servers.find(store_id{n}), boot(n), true,
                    now);
  }
  machine->lease(1, {chunk, {store_id{2}, store_id{3}}, {}}, now);
  perform();
  ++lives;
  servers.clear();
  for (std::uint8_t n = 1; n <= 2; ++n)
    enrol(n, extent);
  pass(500ms);
  const auto& config = machine->state().config;
  EXPECT_EQ(orders<msg::fence_chunk>(), 2u);
  for (const auto& x : asked)
    if (std::holds_alternative<msg::fence_chunk>(x.order))
      EXPECT_EQ(x.within, config.fence_timeout);
}

// It has the version of the attempt, and serves it: what it heard was about
// those below. So the next attempt, without it, has to wait for it again.
TEST_F(GrantMachine, WaitsForWhoWasFencedBeforeItSaidWhatItHeard) { // SPEC I1
  fence_who_is_revoked();
  fence_at(3);
  beat(3);
  fence_at(1);
  fence_at(2);
  take({store_id{3}}); // The third cannot be brought level.
  fence_at(1);
  fence_at(2);
  EXPECT_EQ(orders<msg::take_lease>(), 0u)
    << "somebody leads, and the third may serve what it has";
  const auto told = beat(3);
  ASSERT_EQ(told.revoked.size(), 1u);
  EXPECT_EQ(told.revoked[0].extent.version, chunk_version{4});
  beat(3);
  take({});
  ASSERT_EQ(answers.size(), 1u);
  ASSERT_TRUE(answers[0].answer);
  EXPECT_EQ(answers[0].answer->grant.version, chunk_version{4});
  EXPECT_EQ(answers[0].answer->grant.chain.size(), 2u);
}

// Its fence may be on its way yet: then it has the version, and serves it.
TEST_F(GrantMachine, WaitsForWhoHeardBeforeItsFenceFailed) { // SPEC I1
  fence_who_is_revoked();
  beat(3);
  fence_at(1);
  fence_at(2);
  lose_fence();
  EXPECT_EQ(orders<msg::fence_chunk>(), 0u)
    << "the next attempt began, and the third may serve what it has";
  const auto told = beat(3);
  ASSERT_EQ(told.revoked.size(), 1u);
  EXPECT_EQ(told.revoked[0].extent.version, chunk_version{4});
  beat(3);
  fence_at(1);
  fence_at(2);
  take({});
  ASSERT_EQ(answers.size(), 1u);
  ASSERT_TRUE(answers[0].answer);
  EXPECT_EQ(answers[0].answer->grant.version, chunk_version{4});
}

// What it heard when it dropped out is nothing any more once it is asked again.
TEST_F(GrantMachine, WaitsForWhoDroppedOutBefore) { // SPEC I1
  machine->lease(1, {chunk, {}, {}}, now);
  perform();
  fence_at(1);
  fence_at(2);
  lose_fence();
  beat(3); // Is told …
  beat(3); // … and says so: the second attempt begins.
  fence_at(1);
  fence_at(2);
  take({store_id{2}});
  EXPECT_EQ(orders<msg::fence_chunk>(), 0u) << "one is too few";
  pass(500ms);
  ASSERT_EQ(orders<msg::fence_chunk>(), 3u);
  fence_at(1);
  fence_at(2);
  lose_fence();
  EXPECT_EQ(orders<msg::fence_chunk>(), 0u)
    << "the next attempt began, and the third may serve what it has";
}

// Made by a fence of the attempt that the former master did not finish. What it
// heard while the new one was waiting for others was about the version in
// force.
TEST_F(Master, WaitsForWhoHeardBeforeTheFirstAttempt) { // SPEC I3
  constexpr msg::chunk_extent nothing{chunk_version{1}, {}, 0, 0};
  load(nothing);
  machine->load_version_row({.chunk = chunk,
                             .file = inode_id{5},
                             .extent = nothing,
                             .replication = 3,
                             .intent = chunk_version{2},
                             .set = {store_id{1}, store_id{2}, store_id{3}}});
  for (std::uint8_t n = 1; n <= 3; ++n)
    enrol(n, nothing);
  auto made = nothing;
  made.version = chunk_version{2};
  enrol(4, made);
  machine->lease(1, {chunk, {}, {}}, now);
  perform();
  for (int i = 0; i < 20 && orders<msg::fence_chunk>() == 0; ++i)
    pass(500ms);
  ASSERT_EQ(orders<msg::fence_chunk>(), 3u);
  for (std::uint8_t n = 1; n <= 3; ++n)
    fence_at(n, nothing);
  EXPECT_EQ(asked_to_lead(), 0) << "the fourth may serve what it has";
  const auto told = beat(4);
  ASSERT_EQ(told.revoked.size(), 1u);
  EXPECT_EQ(told.revoked[0].extent.version, chunk_version{3});
  beat(4);
  EXPECT_NE(asked_to_lead(), 0);
}

// -- broken links between servers ---------------------------------------------

/// Servers that the master reaches, and that do not all reach each other.
struct BrokenLinks : GrantMachine {
  void ask() {
    machine->lease(1, {chunk, {}, {}}, now);
    perform();
    for (std::uint8_t n = 1; n <= 3; ++n)
      fence_at(n);
  }

  /// Tells server `n` that the chunk is revoked, and hears that it heard.
  void hear(std::uint8_t n) {
    beat(n);
    beat(n);
  }

  std::string why() {
    const auto x = machine->check_chunks({.chunks = {chunk}, .after = {}}, now);
    return x ? x->chunks.at(0).repair : x.error().context;
  }

  std::size_t chain_length() {
    return answers.empty() || !answers.back().answer
             ? 0
             : answers.back().answer->grant.chain.size();
  }
};

TEST_F(BrokenLinks, TheGrantLeavesOutWhoDoesNotAnswerThePrimary) { // SPEC G7
  ask();
  const auto primary = asked_to_lead();
  const std::uint8_t cut = primary == 3 ? 2 : 3;
  take({store_id{cut}});
  for (std::uint8_t n = 1; n <= 3; ++n)
    if (n != cut)
      fence_at(n);
  EXPECT_EQ(asked_to_lead(), 0) << "it may serve the version that it has";
  hear(cut);
  EXPECT_EQ(asked_to_lead(), primary);
  take({});
  EXPECT_EQ(chain_length(), 2u);
  const auto text = why();
  EXPECT_NE(text.find("store-" + std::to_string(cut)), std::string::npos)
    << text;
}

// It would say so again, and a second attempt takes as long as the first one.
TEST_F(BrokenLinks, WhoReachesNobodyIsLeftOutAtOnce) { // SPEC G7
  ask();
  const auto cut = asked_to_lead();
  refuse_to_lead();
  EXPECT_EQ(orders<msg::fence_chunk>(), 2u);
  for (std::uint8_t n = 1; n <= 3; ++n)
    if (n != cut)
      fence_at(n);
  hear(cut);
  EXPECT_NE(asked_to_lead(), cut);
  take({});
  EXPECT_EQ(chain_length(), 2u);
}

// The one link that works would have been enough: it reaches none of the two.
TEST_F(BrokenLinks, WhoReachesNobodyHasNoLinkToAnyone) { // SPEC G7
  ask();
  const auto& servers = machine->state().servers;
  const auto cut = *servers.find(store_id{asked_to_lead()});
  refuse_to_lead();
  for (server_index i = 0; i < 3; ++i)
    EXPECT_EQ(machine->state().torn.torn(cut, i, now), i != cut) << i;
}

// The two that are left are the least that a write needs. Another one of all
// three may reach more than the first.
TEST_F(BrokenLinks, NobodyIsLeftOutOfTheLeastThatAWriteNeeds) { // SPEC G5
  ask();
  const auto first = asked_to_lead();
  const std::uint8_t cut = first == 3 ? 2 : 3;
  take({store_id{cut}});
  for (std::uint8_t n = 1; n <= 3; ++n)
    if (n != cut)
      fence_at(n);
  hear(cut);
  refuse_to_lead();
  ASSERT_EQ(orders<msg::fence_chunk>(), 3u)
    << "all are asked again, and another one is to lead";
  for (std::uint8_t n = 1; n <= 3; ++n)
    fence_at(n);
  EXPECT_NE(asked_to_lead(), first);
  take({store_id{first}});
  EXPECT_EQ(orders<msg::fence_chunk>(), 2u);
}

TEST_F(BrokenLinks, WhoReachesAllLeadsTheNextTime) { // SPEC G7
  ask();
  const auto first = asked_to_lead();
  const std::uint8_t cut = first == 3 ? 2 : 3;
  const auto other = static_cast<std::uint8_t>(6 - first - cut);
  take({store_id{cut}});
  fence_at(first);
  lose_fence();
  hear(cut);
  hear(other); // One is too few: all three are asked again after a while.
  pass(500ms);
  ASSERT_EQ(orders<msg::fence_chunk>(), 3u);
  for (std::uint8_t n = 1; n <= 3; ++n)
    fence_at(n);
  EXPECT_EQ(asked_to_lead(), other);
  take({});
  EXPECT_EQ(chain_length(), 3u) << "nobody has to be left out";
}

} // namespace
} // namespace dfs::core
