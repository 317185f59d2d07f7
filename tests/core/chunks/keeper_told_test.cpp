#include "core/chunks/keeper_steps.hpp"

namespace dfs::core {

using KeeperTold = KeeperMachine;

TEST_F(KeeperTold, HasDoubtedReplicasLookedAt) { // SPEC G9
  settle();
  const auto x = next_beat();
  auto answer_with_doubts = answer_to(x.what);
  answer_with_doubts.doubted = {chunk_id{7}, chunk_id{8}};
  step(machine.beat_answered(x.talk, answer_with_doubts, now()));
  const auto wanted = find<verify_replicas>();
  ASSERT_TRUE(wanted);
  EXPECT_EQ(wanted->chunks, answer_with_doubts.doubted);
  answer(next_beat());
  EXPECT_FALSE(find<verify_replicas>());
}

// A new report leaves out what has been lost; what came since is told after it.
TEST_F(KeeperTold, SaysWhenAllThatChangedSinceAReportIsTold) { // K3
  settle();
  const auto before = next_beat();
  EXPECT_TRUE(before.what.all_told);
  auto again = answer_to(before.what);
  again.report_wanted = true;
  step(machine.beat_answered(before.talk, again, now()));
  const auto asked = find<list_replicas>();
  ASSERT_TRUE(asked);
  machine.arrived(state_of(9));
  const auto meanwhile = next_beat();
  EXPECT_FALSE(meanwhile.what.all_told);
  EXPECT_TRUE(meanwhile.what.arrived.empty());
  answer(meanwhile);
  step(machine.replicas_listed(asked->ticket, {{state_of(1)}, {}}, now()));
  const auto page = find<send_page>();
  ASSERT_TRUE(page);
  EXPECT_GT(page->what.listed_at, before.what.sequence);
  EXPECT_LT(page->what.listed_at, meanwhile.what.sequence);
  step(machine.page_answered(talk, 0, now()));
  const auto after = beat();
  ASSERT_TRUE(after);
  EXPECT_TRUE(after->what.all_told);
  EXPECT_EQ(after->what.arrived, std::vector{state_of(9)});
}

// A page of the former list may be on its way yet: the master has to see which
// one is newer.
TEST_F(KeeperTold, NumbersItsLists) { // K3
  enlist();
  auto asked = find<list_replicas>();
  ASSERT_TRUE(asked);
  step(machine.replicas_listed(asked->ticket, {{state_of(1)}, {}}, now()));
  const auto first = find<send_page>();
  ASSERT_TRUE(first);
  step(machine.master_lost(now()));
  enlist();
  asked = find<list_replicas>();
  ASSERT_TRUE(asked);
  step(machine.replicas_listed(asked->ticket, {}, now()));
  const auto second = find<send_page>();
  ASSERT_TRUE(second);
  EXPECT_LT(first->what.listed_at, second->what.listed_at)
    << "no heartbeat was sent between them";
}

// What was asked for another master would leave out what that one knew.
TEST_F(KeeperTold, TellsANewMasterEverything) { // R1
  settle();
  msg::led_chunk led;
  led.chunk = chunk_id{5};
  wait(500ms);
  auto asked = find<ask_led>();
  ASSERT_TRUE(asked);
  step(machine.led_told(asked->ticket, {{led}, 77, true}, now()));
  const auto told = find<send_beat>();
  ASSERT_TRUE(told);
  EXPECT_EQ(told->what.led, std::vector{led});
  answer(*told);
  wait(500ms);
  asked = find<ask_led>();
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->after, 77u);
  step(machine.master_lost(now()));
  enlist(3);
  step(machine.led_told(asked->ticket, nothing_since(*asked), now()));
  const auto anew = find<ask_led>();
  ASSERT_TRUE(anew) << "the answer was of another round";
  EXPECT_EQ(anew->after, 0u);
  step(machine.led_told(anew->ticket, nothing_since(*anew), now()));
  wait(500ms);
  asked = find<ask_led>();
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->after, 0u);
  step(machine.led_told(asked->ticket, {{led}, 77, true}, now()));
  const auto first = find<send_beat>();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->what.led, std::vector{led});
  EXPECT_TRUE(first->what.led_last);
}

TEST_F(KeeperTold, AsksForLargePagesWhereThereIsRoom) {
  settle();
  wait(500ms);
  auto asked = find<ask_led>();
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->most, keeper_led::page_max);
  machine.arrived(state_of(9)); // Too late for this heartbeat.
  led_page page{{}, 500, false};
  page.leases.resize(keeper_led::page_max);
  step(machine.led_told(asked->ticket, page, now()));
  auto x = find<send_beat>();
  ASSERT_TRUE(x);
  EXPECT_EQ(x->what.led.size(), keeper_led::page_max);
  EXPECT_TRUE(x->what.arrived.empty());
  EXPECT_FALSE(x->what.all_told);
  answer(*x);
  wait(50ms); // The rest soon.
  asked = find<ask_led>();
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->after, 500u);
  EXPECT_EQ(asked->most, keeper_led::page_beside_news);
  x = beat();
  ASSERT_TRUE(x);
  EXPECT_EQ(x->what.arrived, std::vector{state_of(9)});
  EXPECT_TRUE(x->what.all_told);
}

// Found by the simulation: its answer to the order came before the heartbeat
// that told of the chunk once more, and the master counted on it for ever.
TEST_F(KeeperTold, TakesBackWhatItToldOfWhatWasDeletedSince) { // SPEC G10
  settle();
  machine.arrived(state_of(7));
  const auto unanswered = next_beat();
  EXPECT_EQ(unanswered.what.arrived, std::vector{state_of(7)});
  machine.deleted(master_term{3}, {chunk_id{7}, chunk_id{8}});
  const auto after = next_beat();
  EXPECT_TRUE(after.what.arrived.empty());
  EXPECT_EQ(after.what.lost, std::vector{chunk_id{7}})
    << "of the other the answer is enough";
}

TEST_F(KeeperTold, SaysWhatWasDeletedWhileItReports) { // SPEC G10
  enlist();
  const auto asked = find<list_replicas>();
  ASSERT_TRUE(asked);
  const auto led = find<ask_led>();
  step(machine.replicas_listed(asked->ticket, {{state_of(7)}, {}}, now()));
  machine.deleted(master_term{3}, {chunk_id{7}});
  step(machine.page_answered(talk, 0, now()));
  if (led)
    step(machine.led_told(led->ticket, nothing_since(*led), now()));
  std::vector<chunk_id> lost;
  for (auto x = beat(); x; x = beat()) {
    lost.insert(lost.end(), x->what.lost.begin(), x->what.lost.end());
    answer(*x);
  }
  EXPECT_EQ(lost, std::vector{chunk_id{7}});
}

// The one that ordered it is gone, and so is the answer.
TEST_F(KeeperTold, SaysWhatAFormerMasterHadDeleted) { // SPEC G10
  settle();
  machine.deleted(master_term{2}, {chunk_id{7}});
  EXPECT_EQ(next_beat().what.lost, std::vector{chunk_id{7}});
}

} // namespace dfs::core
