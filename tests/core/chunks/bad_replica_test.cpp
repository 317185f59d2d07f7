#include "core/chunks/bad_replica.hpp"
#include "core/chunks/copy_plan.hpp"
#include "core/chunks/master_steps.hpp"

// Replicas whose bytes have rotted: what servers do, and what the master makes
// of it. SPEC G9

namespace dfs::core {
namespace {

using namespace test;

TEST(BadReplicaRule, AFaultCondemnsTheReplicaThatWasRead) { // B1
  const auto bad = fail(ec::integrity);
  EXPECT_EQ(judge_fault(bad, true, true), fault_step::set_aside);
  EXPECT_EQ(judge_fault(bad, true, false), fault_step::look_again);
  EXPECT_EQ(judge_fault(bad, false, false), fault_step::nothing);
  EXPECT_EQ(judge_fault(fail(ec::busy), true, true), fault_step::nothing);
}

TEST(BadReplicaRule, WhatIsInQuarantineIsNeitherMadeAnewNorLost) { // B2, B3
  EXPECT_FALSE(may_make_anew(true));
  EXPECT_TRUE(may_make_anew(false));
  EXPECT_FALSE(is_lost(true));
  EXPECT_TRUE(is_lost(false));
  EXPECT_EQ(judge_quarantined(false), quarantine_step::tell);
  EXPECT_EQ(judge_quarantined(true), quarantine_step::purge);
}

TEST(BadReplicaRule, ABadSourceMakesRoomForTheNext) {
  const msg::copy_chunk order{
    .term = {}, .wanted = {}, .from = {{}, {}}, .chunk_size = 1};
  const auto next = next_source(order, 0, fail(ec::integrity));
  ASSERT_TRUE(next);
  EXPECT_EQ(*next, 1u);
  EXPECT_EQ(next_source(order, 1, fail(ec::integrity)).error().code,
            ec::integrity);
  EXPECT_EQ(next_source(order, 1, fail(ec::not_found)).error().code,
            ec::unavailable);
}

/// Three servers have a chunk that nobody leads.
struct BadReplica : Master {
  void begin(const msg::chunk_extent& known) {
    load(known);
    for (std::uint8_t n = 1; n <= 3; ++n)
      enrol(n, extent_at(known.version));
    for (int i = 0; i < 12; ++i)
      pass(500ms);
  }

  static msg::chunk_extent extent_at(chunk_version version) {
    auto x = extent;
    x.version = version;
    return x;
  }

  void ask() {
    machine->lease(1, {chunk, {}, {}}, now);
    perform();
  }

  /// If there is one.
  void refuse_fence(std::uint8_t n, ec why = ec::not_found) {
    for (auto i = asked.begin(); i != asked.end(); ++i)
      if (std::holds_alternative<msg::fence_chunk>(i->order)
          && number_of(*i) == n) {
        const auto token = i->token;
        asked.erase(i);
        machine->answered(token, fail(why), now);
        perform();
        return;
      }
  }

  /// Nothing in it was changed, as far as the master knows: the first has it,
  /// two others have it in quarantine, and so many have never had it.
  void begin_fresh(std::uint8_t others) {
    load({chunk_version{1}, {}, 0, 0});
    enrol(1, extent_at(chunk_version{1}));
    for (std::uint8_t n = 2; n <= 3 + others; ++n)
      enrol(n, {});
    for (int i = 0; i < 12; ++i)
      pass(500ms);
    (void) beat(2, {chunk});
    (void) beat(3, {chunk});
    ask();
  }

  /// A little later; no server says anything.
  void wait(std::chrono::milliseconds time) {
    machine->tick(now += time);
    perform();
  }

  void die(std::uint8_t n) {
    servers.erase(n);
    machine->link_lost(store_id{n}, boot(n), now);
    machine->probed(*machine->state().servers.find(store_id{n}), boot(n), true,
                    now);
    perform();
    refuse_fence(n, ec::unavailable);
  }

  /// Another life of one that died. It says nothing more for now.
  void come_back(std::uint8_t n, const msg::chunk_extent& has) {
    ++lives;
    enrol(n, has);
    --lives;
    servers.erase(n);
  }

  /// Those that are there go on with the grant.
  void grant_to(const std::vector<std::uint8_t>& these) {
    for (int i = 0; i < 20 && asked_to_lead() == 0; ++i) {
      for (const auto n : these)
        try_fence(n);
      pass(500ms);
    }
    take({});
  }

  void try_fence(std::uint8_t n) {
    for (const auto& x : asked)
      if (std::holds_alternative<msg::fence_chunk>(x.order)
          && number_of(x) == n)
        return fence_at(n);
  }

  /// The copy that was ordered is made. @returns where; 0: none was ordered.
  std::uint8_t make_copy() {
    for (int i = 0; i < 5; ++i, wait(20ms))
      for (auto x = asked.begin(); x != asked.end(); ++x)
        if (const auto* order = std::get_if<msg::copy_chunk>(&x->order)) {
          const auto to = number_of(*x);
          const auto token = x->token;
          const msg::chunk_copied made{order->wanted};
          asked.erase(x);
          machine->answered(token, server_reply{made}, now);
          perform();
          return to;
        }
    return 0;
  }

  /// By a grant, where nobody holds the chunk.
  bool may_be_taken(std::uint8_t n) const {
    const auto xs = machine->state().table.behind(chunk);
    return std::find(xs.begin(), xs.end(),
                     *machine->state().servers.find(store_id{n}))
           != xs.end();
  }

  std::vector<std::uint8_t> holders() const {
    std::vector<std::uint8_t> found;
    for (const auto i : machine->state().table.holders(chunk))
      found.push_back(static_cast<std::uint8_t>(
        machine->state().servers.at(i).store.value()));
    return found;
  }
};

// Else nobody would ever order it to go.
TEST_F(BadReplica, StaysKnownUntilItIsDeleted) {
  begin(extent);
  (void) beat(2, {chunk});
  (void) beat(2, {}, {chunk}); // A reader's doubt: it is not there any more.
  const auto& odd = machine->state().table.odd();
  ASSERT_TRUE(odd.contains(chunk));
  EXPECT_EQ(odd.at(chunk).front().fault, replica_fault::corrupt);
  EXPECT_EQ(holders(), (std::vector<std::uint8_t>{1, 3}));
}

TEST_F(BadReplica, IsNoMemberOfAGrantThatIsUnderWay) {
  begin(extent);
  ask();
  for (std::uint8_t n = 1; n <= 3; ++n)
    fence_at(n);
  ASSERT_NE(asked_to_lead(), 0);
  asked.clear(); // Whatever comes of it is late.
  (void) beat(3, {chunk});
  fence_at(1);
  fence_at(2);
  (void) beat(3); // It is told that the chunk is revoked, and says so.
  (void) beat(3);
  take({});
  EXPECT_EQ(answers.size(), 1u);
  EXPECT_EQ(holders(), (std::vector<std::uint8_t>{1, 2}));
}

TEST_F(BadReplica, IsNoHolderWhenTheGrantIsDone) {
  begin(extent);
  ask();
  for (std::uint8_t n = 1; n <= 3; ++n)
    fence_at(n);
  slow_log = true;
  take({});
  (void) beat(3, {chunk});
  finish_log();
  EXPECT_EQ(holders(), (std::vector<std::uint8_t>{1, 2}));
}

// Found by the simulation (rot, 3 servers, seed 4): it had said that it has
// nothing, was given a copy before the next attempt, and served that on.
TEST_F(BadReplica, IsWaitedForOnceACopyHasReplacedIt) { // R2
  begin(extent);
  (void) beat(2, {chunk});
  ask();
  fence_at(1);
  refuse_fence(3);
  (void) beat(2); // It is told that the chunk is revoked, and says so.
  (void) beat(2);
  ASSERT_EQ(make_copy(), 3);
  ASSERT_EQ(make_copy(), 2);
  ASSERT_EQ(orders<msg::fence_chunk>(), 2u);
  fence_at(1);
  fence_at(2);
  EXPECT_EQ(asked_to_lead(), 0) << "the third serves what it has";
  (void) beat(3);
  (void) beat(3);
  EXPECT_NE(asked_to_lead(), 0);
}

// Found by the simulation (rot, 3 servers, seed 26): they were asked to make it
// anew, and refused, for ever.
TEST_F(BadReplica, DoesNotKeepTheOnlyGoodOneFromLeading) { // SPEC G9
  begin_fresh(0);
  for (int i = 0; i < 20 && asked_to_lead() == 0; ++i) {
    for (const std::uint8_t n : {2, 3})
      refuse_fence(n);
    if (orders<msg::fence_chunk>() > 0)
      fence_at(1);
    pass(200ms);
  }
  ASSERT_EQ(asked_to_lead(), 1);
  take({});
  EXPECT_EQ(answers.size(), 1u);
}

// Likewise (rot, 5 servers, seed 45): others were made again and again, and no
// one could be brought level.
TEST_F(BadReplica, OthersThatCannotBeMadeLevelAreLeftOut) { // SPEC G9
  begin_fresh(2);
  std::size_t least = 5;
  for (int i = 0; i < 40 && least > 1; ++i) {
    for (const std::uint8_t n : {2, 3})
      refuse_fence(n);
    std::set<std::uint8_t> members;
    for (const auto& x : asked)
      if (std::holds_alternative<msg::fence_chunk>(x.order))
        members.insert(number_of(x));
    for (const auto n : members)
      fence_at(n, n == 1 ? extent : msg::chunk_extent{});
    for (const auto& x : asked)
      if (const auto* order = std::get_if<msg::take_lease>(&x.order))
        least = std::min(least, order->grant.chain.size());
    if (least > 1 && asked_to_lead() != 0)
      refuse_to_lead();
    pass(200ms);
  }
  EXPECT_EQ(least, 1u);
  EXPECT_EQ(asked_to_lead(), 1);
}

/// The first has gone on alone, under a version in which nothing is changed;
/// the others come back with that of before.
struct LeftAlone : BadReplica {
  LeftAlone() {
    begin(extent);
    ask();
    die(2);
    die(3);
    grant_to({1});
  }
};

// Found by the simulation (rot, 3 servers, seed 39): the chunk was lost, and
// two servers had all of it.
TEST_F(LeftAlone, WhatHasAllIsTakenWhenItIsBad) { // SPEC G9, G10
  come_back(2, extent);
  EXPECT_EQ(holders(), (std::vector<std::uint8_t>{1}));
  EXPECT_FALSE(may_be_taken(2));
  (void) beat(1, {chunk});
  EXPECT_EQ(holders(), (std::vector<std::uint8_t>{}));
  EXPECT_TRUE(may_be_taken(2));
}

// Something was changed there that it lacks.
TEST_F(LeftAlone, WhatLacksAChangeIsNot) { // SPEC G6
  auto less = extent;
  less.serial = mutation_serial{8};
  come_back(2, less);
  (void) beat(1, {chunk});
  EXPECT_FALSE(may_be_taken(2));
}

// Under that version something may have been changed.
TEST_F(BadReplica, WhatIsOlderThanALeaseIsNotTaken) { // SPEC G6
  begin(extent);
  ask();
  die(3);
  grant_to({1, 2});
  ASSERT_EQ(answers.size(), 1u);
  come_back(3, extent);
  (void) beat(1, {chunk});
  (void) beat(2, {chunk});
  EXPECT_TRUE(holders().empty());
  EXPECT_TRUE(machine->state().table.behind(chunk).empty());
}

} // namespace
} // namespace dfs::core
