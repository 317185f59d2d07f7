#include "core/chunks/keeper_steps.hpp"

// What a chunkserver reports, and the news after that.

namespace dfs::core {
namespace {

TEST_F(KeeperMachine, PagesAReport) { // K3
  std::vector<msg::chunk_state> all;
  for (std::uint64_t i = 1; i <= 2 * msg::chunk_page_max + 1; ++i)
    all.push_back(state_of(i));
  enlist();
  const auto asked = find<list_replicas>();
  ASSERT_TRUE(asked);
  step(machine.replicas_listed(asked->ticket, {all, {}}, now()));
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

// The master of now has not refused anything.
TEST_F(KeeperMachine, APageThatAFormerMasterRefusedChangesNothing) { // K3
  enlist();
  step(machine.replicas_listed(find<list_replicas>()->ticket, {{}, {}}, now()));
  const auto page = find<send_page>();
  ASSERT_TRUE(page);
  const auto refusal = fail(ec::not_found, "register again");
  EXPECT_TRUE(machine.page_failed(talk - 1, refusal, now()).empty());
  step(machine.page_answered(talk, page->what.page, now()));
  EXPECT_TRUE(machine.status().reported);
}

// No empty one follows.
TEST_F(KeeperMachine, AFullPageMayBeTheLast) { // K3
  std::vector<msg::chunk_state> all;
  for (std::uint64_t i = 1; i <= 2 * msg::chunk_page_max; ++i)
    all.push_back(state_of(i));
  enlist();
  const auto asked = find<list_replicas>();
  ASSERT_TRUE(asked);
  step(machine.replicas_listed(asked->ticket, {all, {}}, now()));
  for (std::uint32_t number = 0; number < 2; ++number) {
    const auto page = find<send_page>();
    ASSERT_TRUE(page);
    EXPECT_EQ(page->what.last, number == 1);
    step(machine.page_answered(talk, number, now()));
  }
  EXPECT_FALSE(find<send_page>());
  EXPECT_TRUE(machine.status().reported);
}

// Each page says it of its own.
TEST_F(KeeperMachine, TellsWhichReplicasItRefuses) {
  replica_list here;
  for (std::uint64_t i = 1; i <= msg::chunk_page_max + 2; ++i)
    here.chunks.push_back(state_of(i));
  here.refused = {chunk_id{3}, chunk_id{msg::chunk_page_max + 1}};
  enlist();
  step(machine.replicas_listed(find<list_replicas>()->ticket, here, now()));
  for (std::uint32_t number = 0; number < 2; ++number) {
    const auto page = find<send_page>();
    ASSERT_TRUE(page);
    EXPECT_EQ(page->what.refused, std::vector{here.refused.at(number)});
    step(machine.page_answered(talk, number, now()));
  }
}

TEST_F(KeeperMachine, RepeatsAPageThatWasNotAnswered) { // K3
  enlist();
  step(machine.replicas_listed(find<list_replicas>()->ticket,
                               {std::vector(500, state_of(1)), {}}, now()));
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

TEST_F(KeeperMachine, TakesNoAnswerOfAFormerTalk) { // K3
  enlist();
  step(machine.replicas_listed(find<list_replicas>()->ticket,
                               {{state_of(1)}, {}}, now()));
  ASSERT_TRUE(find<send_page>());
  step(machine.page_answered(talk - 1, 0, now()));
  EXPECT_FALSE(machine.status().reported);
  step(machine.page_answered(talk, 0, now()));
  EXPECT_TRUE(machine.status().reported);
}

TEST_F(KeeperMachine, TellsNewsAfterTheReport) { // K3
  enlist();
  machine.arrived(state_of(7, 2));
  auto x = beat();
  ASSERT_TRUE(x);
  EXPECT_TRUE(x->what.arrived.empty());
  answer(*x);
  const auto page = [&] {
    step(machine.replicas_listed(1, {{state_of(7, 1)}, {}}, now()));
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

} // namespace
} // namespace dfs::core
