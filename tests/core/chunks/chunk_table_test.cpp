#include "core/chunks/chunk_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace dfs::core {
namespace {

using standing = chunk_table::standing;

constexpr chunk_id chunk{7};

msg::chunk_extent at(std::uint64_t version, std::uint64_t serial = 0) {
  const auto length = static_cast<std::uint32_t>(serial);
  return {chunk_version{version}, mutation_serial{serial}, length, length};
}

/// A chunk of a file on three servers, whose version 2 is in force.
chunk_table raised_chunk() {
  chunk_table table{restored_branch{master_term{1}}};
  table.add(chunk, chunk_version{1}, 3, {0, 1, 2});
  for (const server_index x : {0, 1, 2})
    EXPECT_EQ(table.reported(x, chunk, at(1)), standing::current);
  table.keep(chunk, inode_id{1}, {.version = chunk_version{1}}, 3);
  table.intend(chunk, chunk_version{2});
  table.settle_version(chunk, chunk_version{2}, {0, 1});
  return table;
}

// Reports are gathered, answers to a fence are not: what a server noticed
// before it was fenced comes after its answer.
TEST(ChunkTable, ALateReportOfAHolderTakesNothingFromIt) { // SPEC G6
  auto table = raised_chunk();
  EXPECT_EQ(table.reported(1, chunk, at(1)), standing::current);
  EXPECT_TRUE(table.holds(1, chunk));
  EXPECT_EQ(table.version_at(1, chunk), chunk_version{2});
  table.check();
}

TEST(ChunkTable, WhoeverWasNotFencedIsStale) { // SPEC G6
  auto table = raised_chunk();
  EXPECT_EQ(table.reported(2, chunk, at(1)), standing::stale);
  EXPECT_FALSE(table.holds(2, chunk));
  table.check();
}

// Found by the simulation (storm, seed 7188): fenced, killed, back before it
// was logged who is of the new set. The next grant has to reckon with it.
TEST(ChunkTable, WhoComesBackWithTheNewVersionIsStaleAtThatVersion) { // SPEC G6
  auto table = raised_chunk();
  table.intend(chunk, chunk_version{3});
  table.forget_server(1);
  EXPECT_EQ(table.reported(1, chunk, at(3)), standing::current);
  table.settle_version(chunk, chunk_version{3}, {0});
  const auto* odd = table.odd_of(chunk);
  ASSERT_NE(odd, nullptr);
  const auto mine = std::find_if(odd->begin(), odd->end(),
                                 [](const auto& x) { return x.server == 1; });
  ASSERT_NE(mine, odd->end());
  EXPECT_EQ(mine->fault, replica_fault::stale);
  EXPECT_EQ(mine->version, chunk_version{3});
  table.check();
}

// What it says in its next life is all that it has.
TEST(ChunkTable, AServerThatLivesAnewIsBelievedTheOlderVersion) { // SPEC G6
  auto table = raised_chunk();
  table.forget_server(1);
  EXPECT_EQ(table.reported(1, chunk, at(1)), standing::stale);
  EXPECT_FALSE(table.holds(1, chunk));
  table.check();
}

// Of a fresh chunk a server need not have anything, but what it was fenced for.
TEST(ChunkTable, AServerOfAFreshChunkThatLivesAnewIsBelieved) { // SPEC G4
  chunk_table table{restored_branch{master_term{1}}};
  table.add(chunk, chunk_version{1}, 3, {0, 1, 2})
    .set(chunk_entry::fresh, true);
  table.forget_server(2);
  EXPECT_TRUE(table.holds(2, chunk)) << "a client may be about to write it";
  table.intend(chunk, chunk_version{2});
  table.settle_version(chunk, chunk_version{2}, {0, 1, 2});
  table.forget_server(1);
  EXPECT_EQ(table.reported(1, chunk, at(1)), standing::stale);
  table.expect(1, chunk);
  EXPECT_FALSE(table.holds(1, chunk));
  table.check();
}

/// A chunk of a file on three servers, in which 5 changes are committed.
chunk_table written_chunk() {
  chunk_table table{restored_branch{master_term{1}}};
  table.load_file_row({chunk, inode_id{1}, at(2, 5), 3, {}, {}});
  for (const server_index x : {0, 1, 2})
    EXPECT_EQ(table.reported(x, chunk, at(2, 5)), standing::current);
  return table;
}

TEST(ChunkTable, AReplicaWithTooFewChangesDoesNotCount) { // SPEC G10
  auto table = written_chunk();
  table.forget_server(1);
  EXPECT_EQ(table.reported(1, chunk, at(2, 4)), standing::behind);
  EXPECT_FALSE(table.holds(1, chunk));
  EXPECT_EQ(table.behind(chunk), std::vector<server_index>{1});
  table.check();
  // Once it has all of them it counts.
  EXPECT_EQ(table.reported(1, chunk, at(2, 5)), standing::current);
  EXPECT_TRUE(table.behind(chunk).empty());
  table.check();
}

// What was listed before the last changes is told after them.
TEST(ChunkTable, AnOldReportTakesNothingFromAHolder) { // SPEC G6
  auto table = written_chunk();
  EXPECT_EQ(table.reported(1, chunk, at(2, 3)), standing::current);
  EXPECT_TRUE(table.holds(1, chunk));
  EXPECT_TRUE(table.behind(chunk).empty());
}

TEST(ChunkTable, AGrantMakesAReplicaThatWasBehindAHolder) { // SPEC G10
  auto table = written_chunk();
  table.forget_server(1);
  EXPECT_EQ(table.reported(1, chunk, at(2, 4)), standing::behind);
  table.intend(chunk, chunk_version{3});
  EXPECT_EQ(table.reported(1, chunk, at(3, 4)), standing::behind);
  table.settle_version(chunk, chunk_version{3}, {0, 1, 2});
  EXPECT_TRUE(table.holds(1, chunk));
  EXPECT_TRUE(table.behind(chunk).empty());
  table.check();
}

TEST(ChunkTable, WhoIsLeftOutByAGrantIsStale) { // SPEC G10
  auto table = written_chunk();
  table.forget_server(1);
  EXPECT_EQ(table.reported(1, chunk, at(2, 4)), standing::behind);
  table.intend(chunk, chunk_version{3});
  table.settle_version(chunk, chunk_version{3}, {0, 2});
  EXPECT_TRUE(table.behind(chunk).empty());
  ASSERT_NE(table.odd_of(chunk), nullptr);
  EXPECT_EQ(table.odd_of(chunk)->at(0).fault, replica_fault::stale);
}

// Found by the simulation (islands, seed 1332): the order to delete it was on
// its way, the heartbeat that told of it once more came later, and then the
// answer to the order was lost.
TEST(ChunkTable, AReplicaThatWasOrderedToGoDoesNotComeBack) { // SPEC G10
  auto table = written_chunk();
  EXPECT_EQ(table.reported(3, chunk, at(2, 5)), standing::current);
  table.spoil(3, chunk, replica_fault::surplus);
  EXPECT_EQ(table.reported(3, chunk, at(2, 5)), standing::current);
  table.spoil(3, chunk, replica_fault::surplus);
  table.odd_of(chunk)->at(0).ordered = instant{} + std::chrono::seconds{1};
  EXPECT_EQ(table.reported(3, chunk, at(2, 5)), standing::stale);
  EXPECT_FALSE(table.holds(3, chunk));
  // Its next life tells what is there.
  table.forget_server(3);
  EXPECT_EQ(table.reported(3, chunk, at(2, 5)), standing::current);
  table.check();
}

// In the memory of a machine that lost its power, for instance.
TEST(ChunkTable, OnceWrittenAChunkIsWhereItWasReportedInThisLife) { // SPEC G10
  chunk_table table{restored_branch{master_term{1}}};
  table.add(chunk, chunk_version{1}, 3, {0, 1, 2})
    .set(chunk_entry::fresh, true);
  table.forget_server(1);
  table.forget_server(2);
  EXPECT_TRUE(table.holds(2, chunk)) << "it may be made there yet";
  EXPECT_EQ(table.reported(1, chunk, at(1, 5)), standing::current);
  table.check();
  table.keep(chunk, inode_id{1}, at(1, 5), 3);
  EXPECT_EQ(table.holders(chunk), (std::vector<server_index>{0, 1}));
  table.check();
  // Its report was only late.
  EXPECT_EQ(table.reported(2, chunk, at(1, 5)), standing::current);
  EXPECT_TRUE(table.holds(2, chunk));
}

TEST(ChunkTable, WhoMayComeToHaveAFreshChunkIsNotCountedOnceItIsWritten) {
  chunk_table table{restored_branch{master_term{1}}};
  table.load_file_row(
    {chunk, inode_id{1}, at(1), 3, {}, {store_id{1}, store_id{2}}});
  table.expect(0, chunk);
  table.expect(1, chunk);
  EXPECT_EQ(table.reported(0, chunk, at(1)), standing::current);
  table.begun(chunk);
  EXPECT_EQ(table.holders(chunk), std::vector<server_index>{0});
  EXPECT_EQ(table.possible(chunk), std::vector<server_index>{1})
    << "the next grant has to reckon with it";
  table.check();
}

TEST(ChunkTable, WhoMayComeToHaveAChunkIsSoUntilItIsHeardOf) { // SPEC G10
  chunk_table table{restored_branch{master_term{1}}};
  table.load_file_row({chunk, inode_id{1}, at(1), 3, {}, {}});
  for (const server_index x : {0, 1, 2, 3})
    table.expect(x, chunk);
  table.reported(0, chunk, at(1));
  table.begun(chunk);
  ASSERT_EQ(table.possible(chunk), (std::vector<server_index>{1, 2, 3}));
  table.reported(1, chunk, at(1));
  table.gone(2, chunk);
  EXPECT_EQ(table.possible(chunk), std::vector<server_index>{3});
  table.forget_server(3); // Its next life makes nothing of a grant of before.
  EXPECT_TRUE(table.possible(chunk).empty());
}

// A range of the master's list of what a server has: both ends are in it.
TEST(ChunkTable, ListsWhatAServerHasOfARange) { // SPEC G6
  auto table = raised_chunk();
  EXPECT_EQ(table.of(0, chunk, chunk), std::vector{chunk});
  (void) table.reported(2, chunk, at(5));
  ASSERT_FALSE(table.holds(2, chunk));
  EXPECT_EQ(table.of(2, chunk, chunk), std::vector{chunk}) << "a newer one";
  EXPECT_TRUE(table.of(2, chunk_id{8}, chunk_id{9}).empty());
}

} // namespace
} // namespace dfs::core
