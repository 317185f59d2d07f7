#include "core/chunks/chunk_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace dfs::core {
namespace {

using standing = chunk_table::standing;

constexpr chunk_id chunk{7};

/// A chunk of a file on three servers, whose version 2 is in force.
chunk_table raised_chunk() {
  chunk_table table{false};
  table.add(chunk, chunk_version{1}, 3, {0, 1, 2});
  for (const server_index x : {0, 1, 2})
    EXPECT_EQ(table.reported(x, chunk, chunk_version{1}), standing::current);
  table.keep(chunk, inode_id{1}, {.version = chunk_version{1}}, 3);
  table.intend(chunk, chunk_version{2});
  table.settle_version(chunk, chunk_version{2}, {0, 1});
  return table;
}

// Reports are gathered, answers to a fence are not: what a server noticed
// before it was fenced comes after its answer.
TEST(ChunkTable, ALateReportOfAHolderTakesNothingFromIt) { // SPEC G6
  auto table = raised_chunk();
  EXPECT_EQ(table.reported(1, chunk, chunk_version{1}), standing::current);
  EXPECT_TRUE(table.holds(1, chunk));
  EXPECT_EQ(table.version_at(1, chunk), chunk_version{2});
  table.check();
}

TEST(ChunkTable, WhoeverWasNotFencedIsStale) { // SPEC G6
  auto table = raised_chunk();
  EXPECT_EQ(table.reported(2, chunk, chunk_version{1}), standing::stale);
  EXPECT_FALSE(table.holds(2, chunk));
  table.check();
}

// Found by the simulation (storm, seed 7188): fenced, killed, back before it
// was logged who is of the new set. The next grant has to reckon with it.
TEST(ChunkTable, WhoComesBackWithTheNewVersionIsStaleAtThatVersion) { // SPEC G6
  auto table = raised_chunk();
  table.intend(chunk, chunk_version{3});
  table.forget_server(1);
  EXPECT_EQ(table.reported(1, chunk, chunk_version{3}), standing::current);
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
  EXPECT_EQ(table.reported(1, chunk, chunk_version{1}), standing::stale);
  EXPECT_FALSE(table.holds(1, chunk));
  table.check();
}

// Of a fresh chunk a server need not have anything, but what it was fenced for.
TEST(ChunkTable, AServerOfAFreshChunkThatLivesAnewIsBelieved) { // SPEC G4
  chunk_table table{false};
  table.add(chunk, chunk_version{1}, 3, {0, 1, 2})
    .set(chunk_entry::fresh, true);
  table.forget_server(2);
  EXPECT_TRUE(table.holds(2, chunk)) << "a client may be about to write it";
  table.intend(chunk, chunk_version{2});
  table.settle_version(chunk, chunk_version{2}, {0, 1, 2});
  table.forget_server(1);
  EXPECT_EQ(table.reported(1, chunk, chunk_version{1}), standing::stale);
  table.expect(1, chunk);
  EXPECT_FALSE(table.holds(1, chunk));
  table.check();
}

} // namespace
} // namespace dfs::core
