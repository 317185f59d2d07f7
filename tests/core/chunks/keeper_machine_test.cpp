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

TEST_F(KeeperMachine, ObeysANewTermOnlyOnceThatIsDurable) { // K1
  talk = begin().talk;
  step(machine.registered(talk, {master_term{4}, 500, 0, 60'000}, now()));
  ASSERT_TRUE(find<persist_mark>());
  EXPECT_FALSE(find<list_replicas>());
  EXPECT_FALSE(find<ask_led>());
  EXPECT_FALSE(machine.obey(master_term{4}));
  EXPECT_TRUE(machine.obey(master_term{3}));
  wait(1s);
  EXPECT_FALSE(find<ask_led>());
  step(machine.mark_persisted({master_term{4}, 0, 0}, true, now()));
  EXPECT_TRUE(find<list_replicas>());
  EXPECT_TRUE(machine.obey(master_term{4}));
  EXPECT_EQ(machine.obey(master_term{3}).error().code, ec::stale);
}

TEST_F(KeeperMachine, DoesNotObeyATermThatCannotBeMadeDurable) { // K1
  talk = begin().talk;
  step(machine.registered(talk, {master_term{4}, 500, 0, 60'000}, now()));
  step(machine.mark_persisted({master_term{4}, 0, 0}, false, now()));
  EXPECT_TRUE(noted(keeper_note::kind::refused));
  EXPECT_FALSE(machine.status().registered);
  EXPECT_FALSE(machine.obey(master_term{4}));
}

TEST_F(KeeperMachine, RefusesAnOlderMaster) { // K1
  talk = begin().talk;
  step(machine.registered(talk, {master_term{2}, 500, 0, 60'000}, now()));
  EXPECT_TRUE(noted(keeper_note::kind::refused));
  EXPECT_FALSE(machine.status().registered);
  EXPECT_NE(machine.status().trouble.find("term 2"), std::string::npos);
  wait(500ms);
  EXPECT_FALSE(find<find_master>()); // Not in a hurry.
  wait(600ms);
  EXPECT_TRUE(find<find_master>());
}

TEST_F(KeeperMachine, LeavesTheOlderOfTwoMasters) { // K1
  talk = begin().talk;
  step(machine.registered(talk, {master_term{4}, 500, 0, 60'000}, now()));
  step(machine.master_lost(now()));
  enlist(3); // Before it is durable that the other one was heard of.
  EXPECT_TRUE(machine.status().registered);
  step(machine.mark_persisted({master_term{4}, 0, 0}, true, now()));
  EXPECT_FALSE(machine.status().registered);
}

// -- how new the metadata are -------------------------------------------------

struct KeeperMarks : KeeperMachine {
  // Registers with a master of term 4, which tells this of itself.
  void enlist_with(std::uint64_t life, std::uint64_t durable) {
    talk = begin().talk;
    step(machine.registered(
      talk, {master_term{4}, 500, 0, 60'000, life, durable}, now()));
  }

  // And it is durable that it did.
  void settle_with(std::uint64_t life, std::uint64_t durable) {
    enlist_with(life, durable);
    step(machine.mark_persisted({master_term{4}, life, durable}, true, now()));
    report();
    for (auto x = beat(); x; x = beat())
      tell(*x, durable);
  }

  void tell(const send_beat& x, std::uint64_t durable) {
    auto y = answer_to(x.what);
    y.durable = durable;
    step(machine.beat_answered(x.talk, y, now()));
  }
};

TEST_F(KeeperMarks, AreWrittenOnceASecond) { // K1
  settle_with(44, 100);
  std::vector<std::uint64_t> written;
  for (std::uint64_t i = 1; i <= 8; ++i) { // Beats of 500 ms.
    tell(next_beat(), 100 + i);
    if (const auto x = find<persist_mark>()) {
      EXPECT_EQ(x->mark.life, 44u);
      written.push_back(x->mark.sequence);
      step(machine.mark_persisted(x->mark, true, now()));
    }
  }
  EXPECT_GE(written.size(), 3u);
  EXPECT_LE(written.size(), 5u);
  step(machine.master_lost(now()));
  EXPECT_EQ(begin().what.obeyed,
            (msg::master_mark{master_term{4}, 44, written.back()}));
}

TEST_F(KeeperMarks, AreNotWrittenWhileNothingChanges) { // K1
  settle_with(44, 100);
  for (int i = 0; i < 6; ++i) {
    tell(next_beat(), 100);
    EXPECT_FALSE(find<persist_mark>());
  }
}

TEST_F(KeeperMarks, RefuseTheSameTermOfAnotherLife) { // K1
  settle_with(44, 100);
  step(machine.master_lost(now()));
  enlist_with(45, 500);
  EXPECT_TRUE(noted(keeper_note::kind::refused));
  EXPECT_FALSE(machine.status().registered);
}

TEST_F(KeeperMarks, RefuseALifeThatHasGoneBack) { // K1
  settle_with(44, 100);
  step(machine.master_lost(now()));
  enlist_with(44, 99);
  EXPECT_TRUE(noted(keeper_note::kind::refused));
  EXPECT_FALSE(machine.status().registered);
}

TEST_F(KeeperMarks, RefuseAnAnswerThatHasGoneBack) { // K1
  settle_with(44, 100);
  tell(next_beat(), 99);
  EXPECT_TRUE(noted(keeper_note::kind::refused));
  EXPECT_FALSE(machine.status().registered);
}

TEST_F(KeeperMachine, PagesAReport) { // K3
  std::vector<msg::chunk_state> all;
  for (std::uint64_t i = 1; i <= 2 * msg::chunk_page_max + 1; ++i)
    all.push_back(state_of(i));
  enlist();
  const auto asked = find<list_replicas>();
  ASSERT_TRUE(asked);
  step(machine.replicas_listed(asked->ticket, all, now()));
  std::vector<msg::chunk_state> told;
  for (std::uint32_t number = 0; number < 3; ++number) {
    const auto page = find<send_page>();
    ASSERT_TRUE(page);
    EXPECT_EQ(page->what.page, number);
    EXPECT_EQ(page->what.last, number == 2);
    EXPECT_FALSE(machine.status().reported);
    told.insert(told.end(), page->what.chunks.begin(), page->what.chunks.end());
    step(machine.page_answered(talk, number + 1, now())); // Of another one.
    EXPECT_FALSE(find<send_page>());
    step(machine.page_answered(talk, number, now()));
  }
  EXPECT_TRUE(noted(keeper_note::kind::reported));
  EXPECT_TRUE(machine.status().reported);
  EXPECT_EQ(told, all);
}

TEST_F(KeeperMachine, RepeatsAPageThatWasNotAnswered) { // K3
  enlist();
  step(machine.replicas_listed(find<list_replicas>()->ticket,
                               std::vector(500, state_of(1)), now()));
  step(machine.page_answered(talk, 0, now()));
  step(machine.page_failed(talk, fail(ec::timed_out), now()));
  wait(100ms);
  ASSERT_TRUE(find<send_page>());
  EXPECT_EQ(find<send_page>()->what.page, 1u);
  // It had come, but the answer was lost.
  step(machine.page_failed(talk, fail(ec::stale), now()));
  wait(100ms);
  EXPECT_EQ(find<send_page>()->what.page, 0u);
}

TEST_F(KeeperMachine, TellsNewsAfterTheReport) { // K3
  enlist();
  machine.arrived(state_of(7, 2));
  auto x = beat();
  ASSERT_TRUE(x);
  EXPECT_TRUE(x->what.arrived.empty());
  answer(*x);
  const auto page = [&] {
    step(machine.replicas_listed(1, {state_of(7, 1)}, now()));
    return find<send_page>();
  }();
  ASSERT_TRUE(page); // The listing was the first thing asked for.
  step(machine.page_answered(talk, 0, now()));
  x = beat();
  ASSERT_TRUE(x); // At once: the lease may hang on the report.
  EXPECT_EQ(x->what.arrived, std::vector{state_of(7, 2)});
}

TEST_F(KeeperMachine, ForgetsNewsThatTheReportWillSay) { // K3
  machine.arrived(state_of(7, 1));
  settle();
  EXPECT_EQ(machine.status().news, 0u);
}

TEST_F(KeeperMachine, TellsNewsUntilAnAnswerComes) {
  settle();
  machine.lost(chunk_id{4});
  machine.corrupt(chunk_id{5});
  const auto first = next_beat();
  EXPECT_EQ(first.what.lost, std::vector{chunk_id{4}});
  step(machine.beat_failed(talk, fail(ec::timed_out), now()));
  const auto second = next_beat();
  EXPECT_EQ(second.what.lost, std::vector{chunk_id{4}});
  EXPECT_EQ(second.what.corrupt, std::vector{chunk_id{5}});
  answer(second);
  EXPECT_TRUE(next_beat().what.lost.empty());
}

TEST_F(KeeperMachine, TellsMuchNewsWithoutWaiting) {
  settle();
  for (std::uint64_t i = 1; i <= 10 * keeper_news::arrived_max; ++i)
    machine.arrived(state_of(i));
  auto x = next_beat();
  int beats = 1;
  for (answer(x);; answer(x), ++beats) {
    const auto next = beat();
    if (!next)
      break;
    x = *next;
  }
  EXPECT_EQ(beats, 10);
  EXPECT_EQ(machine.status().news, 0u);
}

TEST_F(KeeperMachine, ReportsAnewWhenThereIsTooMuchNews) {
  settle();
  for (std::uint64_t i = 1; i <= keeper_config{}.news_max + 1; ++i)
    machine.lost(chunk_id{i});
  wait(50ms);
  EXPECT_TRUE(find<list_replicas>());
}

TEST_F(KeeperMachine, ReportsAnewWhenAskedTo) {
  settle();
  const auto before = next_beat();
  auto wanted = answer_to(before.what);
  wanted.report_wanted = true;
  step(machine.beat_answered(talk, wanted, now()));
  EXPECT_TRUE(find<list_replicas>());
  EXPECT_FALSE(machine.status().reported);
}

// Of a heartbeat that was sent before the last page came.
TEST_F(KeeperMachine, KnowsThatAWishForAReportIsFulfilled) {
  enlist();
  const auto listing = find<list_replicas>();
  const auto early = beat();
  ASSERT_TRUE(early && listing);
  step(machine.replicas_listed(listing->ticket, {}, now()));
  step(machine.page_answered(talk, 0, now()));
  auto wanted = answer_to(early->what);
  wanted.report_wanted = true;
  step(machine.beat_answered(talk, wanted, now()));
  EXPECT_FALSE(find<list_replicas>());
  EXPECT_TRUE(machine.status().reported);
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
