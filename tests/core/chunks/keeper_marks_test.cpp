#include "core/chunks/keeper_steps.hpp"

// Which masters a chunkserver obeys: none whose metadata have gone back.

namespace dfs::core {
namespace {

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

} // namespace
} // namespace dfs::core
