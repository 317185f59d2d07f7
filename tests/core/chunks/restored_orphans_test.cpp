#include "core/chunks/restored_steps.hpp"

// Chunks that the backup does not know: `admin adopt-orphans` makes files of
// them.

namespace dfs::core::test {
namespace {

using RestoredOrphans = RestoredMaster;

// The lost master fenced what it did not come to use.
TEST_F(RestoredOrphans, ClaimsChangesRatherThanEmptyReplicas) { // SPEC G2, S9
  const chunk_id higher{20'000};
  const chunk_id same{20'001};
  enlist(1, {state(higher, 1, 5), state(same, 2, 5)});
  enlist(2, {state(higher, 1, 5), state(same, 2, 0)});
  enlist(3, {state(higher, 2, 0), state(same, 2, 0)});
  pass(1s);
  const auto claimed = machine.claim({{}, 10}, now);
  ASSERT_TRUE(claimed);
  ASSERT_EQ(claimed->chunks.size(), 2u);
  EXPECT_EQ(claimed->chunks[0].state, state(higher, 1, 5));
  EXPECT_EQ(claimed->chunks[1].state, state(same, 2, 5));
  const auto& table = machine.state().table;
  EXPECT_EQ(table.holders(higher).size(), 2u);
  EXPECT_EQ(table.holders(same).size(), 1u);
}

// A server that says what cannot be: the next grant could give no version.
TEST_F(RestoredOrphans, ClaimsNoVersionThatNoMasterGave) { // SPEC G6, S9
  const chunk_id orphan{20'000};
  const auto wrong = restored_branch::version_max.value();
  enlist(1, {state(orphan, 2, 5)});
  enlist(2, {state(orphan, 2, 5)});
  enlist(3, {state(orphan, wrong, 6)});
  pass(1s);
  const auto claimed = machine.claim({{}, 10}, now);
  ASSERT_TRUE(claimed);
  ASSERT_EQ(claimed->chunks.size(), 1u);
  EXPECT_EQ(claimed->chunks[0].state, state(orphan, 2, 5));
  EXPECT_EQ(machine.state().table.next_version(orphan), floor_of_it);
}

// Its replica says nothing of those of others.
TEST_F(RestoredOrphans, ClaimsWhatOthersHaveBesidesSuchAVersion) { // SPEC S9
  const chunk_id orphan{20'000};
  const auto wrong = restored_branch::version_max.value();
  enlist(1, {state(orphan, wrong, 6)});
  enlist(2, {state(orphan, 2, 5)});
  enlist(3, {state(orphan, 2, 5)});
  pass(1s);
  const auto claimed = machine.claim({{}, 10}, now);
  ASSERT_TRUE(claimed);
  ASSERT_EQ(claimed->chunks.size(), 1u);
  EXPECT_EQ(claimed->chunks[0].state, state(orphan, 2, 5));
}

// It would be in the row of a file, and no change could ever come above it.
TEST_F(RestoredOrphans, ClaimsNoExtentThatCannotBe) { // SPEC G6, S9
  const chunk_id orphan{20'000};
  auto longer = state(orphan, 2, 5);
  longer.extent.padded_from = longer.extent.length + 1;
  enlist(1, {state(orphan, 2, 5)});
  enlist(2, {state(orphan, 3, std::uint64_t{1} << 60)});
  enlist(3, {longer});
  pass(1s);
  const auto claimed = machine.claim({{}, 10}, now);
  ASSERT_TRUE(claimed);
  ASSERT_EQ(claimed->chunks.size(), 1u);
  EXPECT_EQ(claimed->chunks[0].state, state(orphan, 2, 5));
  EXPECT_EQ(machine.state().table.holders(orphan).size(), 1u);
}

// Its client holds the grant, and its primary leads on under it.
TEST_F(RestoredOrphans, GivesNoLeaseOfAnOlderVersion) { // SPEC G2
  const chunk_id orphan{20'000};
  const lease_epoch former{(std::uint64_t{1} << 40) + 5};
  const auto has = state(orphan, 1);
  for (std::uint64_t i = 1; i <= 3; ++i)
    enlist(i, i == 3 ? std::vector<msg::chunk_state>{} : std::vector{has});
  pass(1s);
  const msg::written_chunk client{
    {.chunk = orphan, .version = chunk_version{1}, .term = master_term{1}},
    has.extent};
  ASSERT_TRUE(machine.adopt({client}, {true}, now));
  auto x = heartbeat_of(1);
  x.led = {{orphan, former, has.extent, true, false, false}};
  ASSERT_TRUE(machine.heartbeat(x, now));
  ASSERT_NE(machine.state().leases.find(orphan), nullptr);
  beat(3, {state(orphan, 2)});
  ASSERT_EQ(machine.state().table.find(orphan)->version, 2u);
  machine.lease(1, {orphan, {}, {}}, now);
  EXPECT_TRUE(answers.empty());
  pass(40s); // The former lease is over.
  ASSERT_EQ(logged.size(), 1u) << "a grant begins";
  EXPECT_GT(logged[0].row.intent, chunk_version{2});
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_FALSE(answers[0].answer) << "its row is not durable yet";
}

// The namespace made no file of it: it died, or the name was taken.
TEST_F(RestoredOrphans, GivesBackWhatWasClaimedInVain) { // SPEC S9, G12
  const chunk_id orphan{20'000};
  enlist(1, {state(orphan, 2)});
  enlist(2, {state(orphan, 2)});
  enlist(3, {state(orphan, 1, 3)});
  pass(1s);
  ASSERT_EQ(machine.claim({{}, 10}, now)->chunks.size(), 1u);
  EXPECT_TRUE(machine.claim({{}, 10}, now)->chunks.empty());
  pass(61s); // `pending_life`
  EXPECT_EQ(machine.state().table.find(orphan), nullptr);
  const auto again = machine.claim({{}, 10}, now);
  ASSERT_TRUE(again);
  ASSERT_EQ(again->chunks.size(), 1u);
  EXPECT_EQ(again->chunks[0].state, state(orphan, 2));
  EXPECT_EQ(machine.state().table.holders(orphan).size(), 2u);
}

TEST_F(RestoredOrphans, MakesFilesOfWhatNobodyNames) { // SPEC G2, S9
  const chunk_id even{20'000};
  const chunk_id uneven{20'001};
  const chunk_id empty{20'002};
  enlist(1, {state(even, 2), state(uneven, 1, 4), state(empty, 1, 0)});
  enlist(2, {state(even, 2), state(uneven, 1, 6)});
  EXPECT_EQ(machine.claim({{}, 10}, now).error().code, ec::too_few_servers);
  enlist(3, {state(even, 1, 3)});
  pass(1s);
  const auto claimed = machine.claim({{}, 10}, now);
  ASSERT_TRUE(claimed);
  ASSERT_EQ(claimed->chunks.size(), 2u);
  EXPECT_FALSE(claimed->more);
  EXPECT_EQ(claimed->chunks[0].state, state(even, 2));
  EXPECT_EQ(claimed->chunks[1].state, state(uneven, 1, 4));
  for (const auto& x : claimed->chunks)
    machine.keep({inode_id{x.state.chunk.value()}, {x.state}, 2}, now);
  take();
  const auto& table = machine.state().table;
  EXPECT_EQ(table.holders(even).size(), 2u);
  EXPECT_TRUE(table.find(even)->has(chunk_entry::settled));
  EXPECT_FALSE(table.find(uneven)->has(chunk_entry::settled));
  EXPECT_TRUE(machine.claim({{}, 10}, now)->chunks.empty()); // Once.
}

} // namespace
} // namespace dfs::core::test
