#include "core/chunks/restored_steps.hpp"

// What the lost master made of the chunks that the backup knows.

namespace dfs::core::test {
namespace {

// The backup was made in the middle of an attempt that the lost master has
// finished. Who was left out has changes that were never acknowledged.
TEST_F(RestoredMaster, TakesAnAttemptOfTheBackupForFinished) { // SPEC G2
  machine.load_version_row(
    {.chunk = old_chunk,
     .file = inode_id{9},
     .extent = {chunk_version{3}, mutation_serial{5}, 10, 10},
     .replication = 3,
     .intent = chunk_version{4},
     .set = {store_id{1}, store_id{2}}});
  enlist(3, {{old_chunk, {chunk_version{3}, mutation_serial{8}, 16, 16}}});
  for (const std::uint64_t i : {1, 2})
    enlist(i, {{old_chunk, {chunk_version{4}, mutation_serial{7}, 14, 14}}});
  const auto& table = machine.state().table;
  EXPECT_EQ(table.holders(old_chunk), (std::vector<server_index>{0, 1}));
  EXPECT_EQ(table.find(old_chunk)->version, 4u);
  EXPECT_FALSE(table.intent(old_chunk));
}

// A server that told of an older version first may serve readers yet: no new
// primary is made before it has heard of the newer one.
TEST_F(RestoredMaster, WaitsForAServerThatToldFirst) { // SPEC G4
  enlist(3, {state(old_chunk, 3)});
  pass(10s);
  for (const std::uint64_t i : {1, 2})
    enlist(i, {state(old_chunk, 4)});
  EXPECT_TRUE(machine.state().servers.revoking(index(3), old_chunk));
  sequences.erase(3);
  ask_for_a_lease();
  for (const auto& x : std::vector<ask_server>{asked})
    if (const auto* order = std::get_if<msg::fence_chunk>(&x.order)) {
      machine.answered(x.token,
                       server_reply{msg::chunk_fenced{
                         state(old_chunk, order->version.value())}},
                       now);
      take();
    }
  EXPECT_EQ(orders<msg::fence_chunk>().size(), 2u);
  EXPECT_TRUE(orders<msg::take_lease>().empty());
  pass(10s); // Its lease is over.
  EXPECT_EQ(orders<msg::take_lease>().size(), 1u);
}

// The same of an empty chunk: two of its servers have finished the attempt, the
// third one has changes that were never acknowledged.
TEST_F(RestoredMaster, TakesTheFirstAttemptForFinished) { // SPEC G2
  load_fresh();
  machine.load_version_row({.chunk = fresh_chunk,
                            .file = inode_id{10},
                            .extent = {chunk_version{1}, {}, 0, 0},
                            .replication = 3,
                            .intent = chunk_version{2},
                            .set = {store_id{1}, store_id{2}, store_id{3}}});
  enlist(3, {state(fresh_chunk, 1, 8)});
  for (const std::uint64_t i : {1, 2})
    enlist(i, {state(fresh_chunk, 2, 7)});
  const auto& table = machine.state().table;
  EXPECT_EQ(table.holders(fresh_chunk), (std::vector<server_index>{0, 1}));
  EXPECT_EQ(table.find(fresh_chunk)->version, 2u);
}

// Of an empty chunk; the parameter: who has no change of it tells first.
struct RestoredFreshChunk : RestoredMaster,
                            ::testing::WithParamInterface<bool> {};

INSTANTIATE_TEST_SUITE_P(All, RestoredFreshChunk, ::testing::Bool());

// The lost master has fenced servers that had nothing of the chunk, and has
// waited in vain for one that had.
TEST_P(RestoredFreshChunk, BelievesNoEmptyReplica) { // SPEC G2, G5
  load_fresh();
  const auto enlist_empty = [&] {
    for (const std::uint64_t i : {4, 5})
      enlist(i, {state(fresh_chunk, 2, 0)});
  };
  if (GetParam())
    enlist_empty();
  for (const std::uint64_t i : {1, 2})
    enlist(i, {state(fresh_chunk, 1, 5)});
  if (!GetParam())
    enlist_empty();
  enlist(3, {});
  const auto& table = machine.state().table;
  EXPECT_EQ(table.find(fresh_chunk)->version, 1u);
  for (const std::uint64_t i : {1, 2})
    EXPECT_TRUE(table.holds(index(i), fresh_chunk));
  for (const std::uint64_t i : {4, 5})
    EXPECT_FALSE(table.holds(index(i), fresh_chunk));
}

// One that has changes was to bring the others level.
TEST_P(RestoredFreshChunk, CountsOnNoEmptyReplica) { // SPEC G2
  load_fresh();
  if (GetParam())
    enlist(4, {state(fresh_chunk, 2, 0)});
  enlist(1, {state(fresh_chunk, 2, 5)});
  if (!GetParam())
    enlist(4, {state(fresh_chunk, 2, 0)});
  const auto& table = machine.state().table;
  EXPECT_EQ(table.find(fresh_chunk)->version, 2u);
  EXPECT_TRUE(table.holds(index(1), fresh_chunk));
  EXPECT_FALSE(table.holds(index(4), fresh_chunk));
  // A fence would make it anew, and readers may know of that server.
  EXPECT_FALSE(table.find(fresh_chunk)->has(chunk_entry::fresh));
}

// Less than was committed when the backup was made: its disk has gone back.
TEST_F(RestoredMaster, BelievesNoReplicaThatLacksWhatWasCommitted) { // SPEC G2
  enlist(1, {state(old_chunk, 4, 3)});
  for (const std::uint64_t i : {2, 3})
    enlist(i, {state(old_chunk, 3, 5)});
  EXPECT_EQ(version(), chunk_version{3});
  const auto& table = machine.state().table;
  EXPECT_EQ(table.holders(old_chunk).size(), 2u);
  EXPECT_FALSE(table.holds(index(1), old_chunk));
}

// Nobody has changed it: the empty replicas of the lost master are all there
// is.
TEST_F(RestoredMaster, AnEmptyChunkOfTheLostOneCanBeWritten) { // SPEC G2
  load_fresh();
  enlist(1, {});
  for (const std::uint64_t i : {2, 3})
    enlist(i, {state(fresh_chunk, 2, 0)});
  pass(10s);
  ASSERT_TRUE(machine.confirm(msg::confirm_restore{}));
  sequences.erase(1);
  machine.link_lost(store_id{1}, boot_id{1}, now);
  pass(10s);
  ask_for_a_lease(fresh_chunk);
  pass(10s);
  ASSERT_EQ(answers.size(), 1u);
  ASSERT_FALSE(answers[0].answer);
  EXPECT_NE(answers[0].answer.error().context.find("store-1"),
            std::string::npos)
    << answers[0].answer.error().context;
  EXPECT_TRUE(machine.forget({"store-1", true}, now));
  ask_for_a_lease(fresh_chunk);
  EXPECT_GE(orders<msg::fence_chunk>().size(), 2u);
}

} // namespace

TEST_F(RestoredMaster, WaitsForAllWhoMayHaveANewerVersion) { // SPEC G2, G5
  enlist(1, {state(old_chunk, 4)});
  pass(10s);
  EXPECT_EQ(locate().error().code, ec::unavailable);
  ask_for_a_lease();
  EXPECT_TRUE(orders<msg::fence_chunk>().empty());
  enlist(2, {state(old_chunk, 5, 8)});
  pass(10s);
  EXPECT_NE(locate().error().context.find("store-3"), std::string::npos);
  enlist(3, {state(old_chunk, 5, 8)});
  pass(2s);
  // What the lost master let be acknowledged is at version 5, and only there.
  EXPECT_EQ(version(), chunk_version{5});
  const auto found = locate();
  ASSERT_TRUE(found);
  std::vector<store_id> stores;
  for (const auto& x : found->chunks.at(0).replicas)
    stores.push_back(x.store);
  std::sort(stores.begin(), stores.end());
  EXPECT_EQ(stores, (std::vector{store_id{2}, store_id{3}}));
}

TEST_F(RestoredMaster, GivesNoVersionOfTheLostOne) { // SPEC G2, G5
  for (std::uint64_t i = 1; i <= 3; ++i)
    enlist(i, {state(old_chunk, 4)});
  pass(10s);
  ask_for_a_lease();
  const auto fences = orders<msg::fence_chunk>();
  ASSERT_EQ(fences.size(), 3u);
  for (const auto& x : fences)
    EXPECT_EQ(x.version, floor_of_it);
}

TEST_F(RestoredMaster, AServerThatIsForgottenIsNotWaitedFor) { // SPEC G2
  enlist(1, {state(old_chunk, 4)});
  enlist(2, {state(old_chunk, 4)});
  pass(10s);
  EXPECT_FALSE(locate());
  EXPECT_TRUE(machine.forget({"store-3", true}, now));
  take();
  pass(2s);
  EXPECT_TRUE(locate());
}

// The lost master may have gone on with the chunk on servers that the backup
// does not know; one of them comes in the middle of a grant.
TEST_F(RestoredMaster, ALateReplicaOfTheLostOneStopsNoGrant) { // SPEC G5
  for (std::uint64_t i = 1; i <= 3; ++i)
    enlist(i, {state(old_chunk, 4)});
  pass(10s);
  ask_for_a_lease();
  ASSERT_EQ(orders<msg::fence_chunk>().size(), 3u);
  enlist(4, {state(old_chunk, 6, 9)});
  enlist(5, {state(old_chunk, floor_of_it.value() + 1, 9)});
  enlist(6, {state(old_chunk, ~0ull, 9)}); // A byte that flipped.
  EXPECT_EQ(version(), chunk_version{4});
  for (const auto& x : std::vector<ask_server>{asked})
    if (std::holds_alternative<msg::fence_chunk>(x.order)) {
      machine.answered(
        x.token,
        server_reply{msg::chunk_fenced{state(old_chunk, floor_of_it.value())}},
        now);
      take();
    }
  pass(1s);
  for (const auto& x : std::vector<ask_server>{asked})
    if (std::holds_alternative<msg::take_lease>(x.order)) {
      machine.answered(x.token,
                       server_reply{msg::lease_taken{
                         state(old_chunk, floor_of_it.value()), {}}},
                       now);
      take();
    }
  while (!logged.empty()) {
    const auto token = logged.front().token;
    logged.erase(logged.begin());
    machine.logged(token, now);
    take();
  }
  pass(2s);
  EXPECT_EQ(version(), floor_of_it);
  std::size_t newer = 0;
  for (const auto& x : machine.state().table.odd().at(old_chunk))
    newer += x.fault == replica_fault::newer ? 1 : 0;
  EXPECT_EQ(newer, 2u); // Kept; the one from between is over, and stale.
}

TEST_F(RestoredMaster, DeletesNothingBeforeItIsConfirmed) { // SPEC G12
  const chunk_id purged{8};
  machine.load_file_row({.chunk = purged,
                         .file = inode_id{10},
                         .extent = {chunk_version{1}, mutation_serial{5}, 1, 1},
                         .replication = 3});
  const chunk_id unnamed{20'000};
  const chunk_id own{(term.value() << 40) + 77};
  for (std::uint64_t i = 1; i <= 2; ++i)
    enlist(i, {state(old_chunk, 4), state(purged, 1), state(unnamed, 1),
               state(own, 1)});
  machine.release({{purged}}, now);
  pass(5min);
  EXPECT_TRUE(orders<msg::delete_chunks>().empty());
  // Not while somebody has not told.
  EXPECT_EQ(machine.confirm(msg::confirm_restore{}).error().code,
            ec::too_few_servers);
  enlist(3, {});
  pass(1min);
  EXPECT_TRUE(orders<msg::delete_chunks>().empty());
  ASSERT_TRUE(machine.confirm(msg::confirm_restore{}));
  take();
  EXPECT_TRUE(confirmed);
  pass(5min);
  std::vector<chunk_id> gone;
  for (const auto& x : orders<msg::delete_chunks>())
    for (const auto& y : x.chunks)
      gone.push_back(y.chunk);
  EXPECT_GE(std::count(gone.begin(), gone.end(), purged), 2);
  EXPECT_GT(std::count(gone.begin(), gone.end(), own), 0);
  EXPECT_EQ(std::count(gone.begin(), gone.end(), unnamed), 0); // D3
}

// Who told is not there when the next master starts.
TEST_F(RestoredMaster, WritesWhatItBelievedWhenItIsConfirmed) { // SPEC S1, S2
  load_fresh();
  enlist(1, {state(old_chunk, 4, 20), state(fresh_chunk, 4, 20)});
  enlist(2, {state(old_chunk, 4, 20)});
  enlist(3, {});
  EXPECT_TRUE(logged.empty()) << "each master waits for all";
  ASSERT_TRUE(machine.confirm(msg::confirm_restore{}));
  take();
  const auto version_in = [&](chunk_id chunk) {
    for (const auto& x : logged)
      if (x.row.chunk == chunk)
        return std::pair{x.row.extent.version.value(),
                         x.row.extent.serial.value()};
    return std::pair<std::uint64_t, std::uint64_t>{};
  };
  EXPECT_EQ(version_in(old_chunk), std::pair(4ul, 5ul));
  EXPECT_EQ(version_in(fresh_chunk), std::pair(4ul, 1ul))
    << "an empty replica is none of it";
  logged.clear();
  beat(3, {state(old_chunk, 6, 30)}); // Of a volume that it lacked.
  EXPECT_EQ(version_in(old_chunk).first, 6ul);
}

} // namespace dfs::core::test
