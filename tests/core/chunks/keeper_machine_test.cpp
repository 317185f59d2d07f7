#include "core/chunks/keeper_steps.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dfs::core {

TEST_F(KeeperMachine, RegistersAndReportsAndBeats) {
  const auto asked = begin();
  EXPECT_EQ(asked.what.store, store_id{1});
  EXPECT_EQ(asked.what.boot, boot_id{2});
  EXPECT_EQ(asked.what.name, "chunk-1");
  EXPECT_EQ(asked.what.zone, "east");
  EXPECT_EQ(asked.what.obeyed.term, master_term{3});
  talk = asked.talk;
  step(machine.registered(talk, {master_term{3}, 500, 0, 60'000}, now()));
  EXPECT_TRUE(find<list_replicas>());
  EXPECT_FALSE(find<persist_mark>()); // It was obeyed before.
  const auto first = beat();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->what.sequence, 2u); // The list has the first number.
  EXPECT_EQ(first->sent, now().boot);
  EXPECT_TRUE(first->what.led_last);
  EXPECT_FALSE(first->what.leased);
  answer(*first);
  EXPECT_TRUE(find<set_node_lease>());
  EXPECT_TRUE(noted(keeper_note::kind::lease_began));
  time += 200ms;
  EXPECT_FALSE(beat()); // Every 500 ms.
  const auto second = next_beat();
  EXPECT_EQ(second.what.heard, first->what.sequence);
  EXPECT_TRUE(second.what.leased);
}

TEST_F(KeeperMachine, LetsTheLeaseCountWhenRevocationsHold) { // K2
  enlist();
  report();
  const auto x = next_beat();
  auto revoking = answer_to(x.what);
  revoking.revoked = {state_of(9, 4)};
  step(machine.beat_answered(talk, revoking, now()));
  const auto order = find<revoke_replicas>();
  ASSERT_TRUE(order);
  EXPECT_EQ(order->chunks, revoking.revoked);
  EXPECT_FALSE(find<set_node_lease>());
  // Meanwhile no other answer counts, and nothing is said to be heard.
  const auto second = next_beat();
  EXPECT_EQ(second.what.heard, 0u);
  answer(second);
  EXPECT_FALSE(find<set_node_lease>());
  step(machine.revoked(order->ticket + 1'000, now()));
  EXPECT_FALSE(find<set_node_lease>());
  step(machine.revoked(order->ticket, now()));
  EXPECT_TRUE(find<set_node_lease>());
  const auto next = beat(); // At once: the master waits for it.
  ASSERT_TRUE(next);
  EXPECT_EQ(next->what.heard, x.what.sequence);
}

TEST_F(KeeperMachine, PassesOnWhatBecomesOfChunkLeases) {
  settle();
  const auto x = next_beat();
  auto told = answer_to(x.what);
  told.renewed = {lease_epoch{8}};
  told.ended = {lease_epoch{9}};
  time += 200ms;
  step(machine.beat_answered(talk, told, now()));
  ASSERT_TRUE(find<renew_leases>());
  EXPECT_EQ(find<renew_leases>()->epochs, told.renewed);
  EXPECT_EQ(find<renew_leases>()->until, x.sent + lease_use(60'000ms));
  ASSERT_TRUE(find<end_leases>());
  EXPECT_EQ(find<end_leases>()->epochs, told.ended);
  EXPECT_EQ(*machine.end_of([&] {
    msg::chunk_grant grant;
    grant.boot = boot_id{2};
    grant.heartbeat = x.what.sequence;
    grant.lease_ms = 60'000;
    return grant;
  }()),
            x.sent + lease_use(60'000ms));
  EXPECT_EQ(machine.end_of({}).error().code, ec::stale); // Of another life.
}

TEST_F(KeeperMachine, LooksForANewMasterAndKeepsTheLease) {
  settle();
  const auto until = machine.status().lease_until;
  step(machine.master_lost(now()));
  EXPECT_FALSE(find<set_node_lease>());
  EXPECT_EQ(machine.status().lease_until, until);
  const auto former = talk;
  talk = begin().talk;
  EXPECT_GT(talk, former);
  step(machine.registered(talk, {master_term{4}, 500, 0, 60'000}, now()));
  step(machine.mark_persisted({master_term{4}, 0, 0}, true, now()));
  const auto listing = find<list_replicas>();
  EXPECT_TRUE(listing); // All of it, for the new one.
  const auto x = beat();
  ASSERT_TRUE(x);
  EXPECT_TRUE(x->what.leased);
  EXPECT_EQ(x->what.heard, 0u);
  EXPECT_EQ(x->what.term, master_term{4});
}

// A link that broke and came back: the master knows what was reported.
TEST_F(KeeperMachine, ReportsOnceInATerm) {
  settle();
  step(machine.beat_failed(talk, fail(ec::not_found), now()));
  machine.lost(chunk_id{3}); // Not forgotten, either.
  wait(100ms);
  EXPECT_TRUE(find<find_master>());
  step(machine.master_found({}, now()));
  talk = find<send_registration>()->talk;
  step(machine.registered(talk, {master_term{3}, 500, 0, 60'000}, now()));
  EXPECT_FALSE(find<list_replicas>());
  const auto x = beat();
  ASSERT_TRUE(x);
  EXPECT_EQ(x->what.lost, std::vector{chunk_id{3}});
}

TEST_F(KeeperMachine, IgnoresAnswersOfAFormerTalk) {
  settle();
  const auto x = next_beat();
  step(machine.master_lost(now()));
  enlist(3);
  const auto beats = machine.status().beats_answered;
  step(machine.beat_answered(x.talk, answer_to(x.what), now()));
  EXPECT_EQ(machine.status().beats_answered, beats);
  step(machine.beat_failed(x.talk, fail(ec::not_found), now()));
  EXPECT_TRUE(machine.status().registered);
}

TEST_F(KeeperMachine, GivesUpAMasterThatFallsSilent) {
  settle();
  for (int i = 0; i < 50; ++i) {
    wait(50ms);
    (void) beat();
    ASSERT_TRUE(machine.status().registered);
  }
  for (int i = 0; i < 15; ++i) {
    wait(50ms);
    (void) beat();
  }
  EXPECT_FALSE(machine.status().registered);
  EXPECT_FALSE(machine.status().trouble.empty());
}

TEST_F(KeeperMachine, AsksAgainWhereNothingIsAnsweredAtAll) {
  wait(0s);
  ASSERT_TRUE(find<find_master>());
  wait(3s);
  wait(200ms);
  EXPECT_TRUE(find<find_master>());
  step(machine.master_missing(now()));
  wait(100ms);
  EXPECT_TRUE(find<find_master>());
  step(machine.master_found({}, now()));
  wait(3s); // The registration is not answered.
  wait(200ms);
  EXPECT_TRUE(find<find_master>());
}

TEST_F(KeeperMachine, BeatsWithoutWhatIsLedRatherThanLate) {
  settle();
  bool sent = false;
  for (int i = 0; i < 14 && !sent; ++i) {
    wait(50ms);
    sent = find<send_beat>().has_value();
  }
  ASSERT_TRUE(sent);
  EXPECT_FALSE(find<send_beat>()->what.led_last);
}

TEST_F(KeeperMachine, LetsTheLeaseRunOutWhenTheDataServerIsStuck) { // K4
  settle();
  std::optional<ask_led> asked;
  int beats = 0;
  for (int i = 0; i < 80; ++i) {
    wait(50ms);
    if (const auto x = find<ask_led>())
      asked = x;
    if (const auto x = find<send_beat>()) {
      ++beats;
      answer(*x);
    }
  }
  EXPECT_LE(beats, 3); // In the first second.
  EXPECT_LT(machine.status().lease_until, now().boot);
  EXPECT_FALSE(machine.status().trouble.empty());
  ASSERT_TRUE(asked);
  step(machine.led_told(asked->ticket, nothing_since(*asked), now()));
  EXPECT_TRUE(noted(keeper_note::kind::freed));
  wait(50ms);
  EXPECT_TRUE(beat());
}

TEST_F(KeeperMachine, LetsTheLeaseRunOutWhenImpeded) { // K4
  settle();
  step(machine.impede("the disk does nothing", now()));
  EXPECT_TRUE(noted(keeper_note::kind::impeded));
  bool ended = false;
  for (int i = 0; i < 80; ++i) {
    wait(50ms);
    EXPECT_FALSE(beat());
    ended = ended || noted(keeper_note::kind::lease_ended);
  }
  EXPECT_TRUE(ended);
  EXPECT_EQ(machine.status().trouble, "the disk does nothing");
  step(machine.impede("", now()));
  const auto x = beat();
  ASSERT_TRUE(x);
  EXPECT_FALSE(x->what.leased);
}

TEST_F(KeeperMachine, EndsEverythingWithAJumpOfTheClocks) { // H3
  settle();
  const auto x = next_beat();
  ahead += 5s;
  wait(50ms);
  EXPECT_TRUE(find<forget_clocks>());
  ASSERT_TRUE(find<set_node_lease>());
  EXPECT_LT(find<set_node_lease>()->until, now().boot);
  EXPECT_TRUE(noted(keeper_note::kind::clock_jumped));
  answer(x);
  EXPECT_FALSE(find<set_node_lease>());
  answer(next_beat());
  EXPECT_TRUE(find<set_node_lease>());
}

TEST_F(KeeperMachine, TellsWhatItLedAndSaysGoodbye) { // K5, SPEC S6
  settle();
  step(machine.leave(now()));
  EXPECT_TRUE(machine.leave(now()).empty()) << "it is said once";
  const auto asked = find<ask_led>();
  ASSERT_TRUE(asked);
  msg::led_chunk over;
  over.chunk = chunk_id{6};
  over.over = true;
  step(machine.led_told(asked->ticket, {{over}, 1, true}, now()));
  const auto last = find<send_beat>();
  ASSERT_TRUE(last);
  EXPECT_EQ(last->what.led, std::vector{over});
  EXPECT_FALSE(find<say_goodbye>());
  answer(*last);
  const auto bye = find<say_goodbye>();
  ASSERT_TRUE(bye);
  EXPECT_EQ(bye->what.boot, boot_id{2});
  ASSERT_TRUE(find<set_node_lease>());
  EXPECT_LT(find<set_node_lease>()->until, now().boot);
  EXPECT_FALSE(machine.gone());
  wait(1s);
  EXPECT_FALSE(beat());
  EXPECT_EQ(machine.obey(master_term{3}).error().code, ec::shutting_down);
  step(machine.goodbye_said(talk));
  EXPECT_TRUE(machine.gone());
}

TEST_F(KeeperMachine, IsNotGoneBeforeItLeaves) { // K5
  settle();
  EXPECT_TRUE(machine.goodbye_said(talk).empty());
  EXPECT_FALSE(machine.gone());
}

TEST_F(KeeperMachine, LeavesWithoutAMasterToo) { // K5
  step(machine.leave(now()));
  EXPECT_TRUE(machine.gone());
}

TEST_F(KeeperMachine, LeavesWhenNobodyAnswers) { // K5
  settle();
  step(machine.leave(now()));
  for (int i = 0; i < 70; ++i)
    wait(50ms);
  EXPECT_TRUE(machine.gone());
}

} // namespace dfs::core
