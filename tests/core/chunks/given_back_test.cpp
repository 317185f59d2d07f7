#include "core/chunks/restored_steps.hpp"

// Chunks that were to be of a file, and of which no file came.

namespace dfs::core::test {
namespace {

struct GivenBack : RestoredMaster {
  static constexpr chunk_id orphan{20'000};

  GivenBack() {
    for (std::uint64_t i = 1; i <= 3; ++i)
      enlist(i, {});
    pass(5s);
    confirm();
    pass(61s); // Before that nothing is deleted.
    asked.clear();
  }

  void confirm() {
    EXPECT_TRUE(machine.confirm(msg::confirm_restore{}));
    take();
  }

  // What servers are to delete, each once.
  std::size_t deletions(chunk_id chunk) const {
    std::set<server_index> at;
    for (const auto& x : asked)
      if (const auto* order = std::get_if<msg::delete_chunks>(&x.order))
        for (const auto& y : order->chunks)
          if (y.chunk == chunk)
            at.insert(x.server);
    return at.size();
  }

  msg::chunk_grant allocate() {
    const auto made = machine.allocate({1, 0, {}}, now);
    EXPECT_TRUE(made);
    return made ? made->grants.at(0) : msg::chunk_grant{};
  }

  void tell(const std::vector<std::uint64_t>& at, const msg::chunk_state& x) {
    for (const auto i : at)
      beat(i, {x});
  }

  // A put whose client died.
  chunk_id write() {
    const auto chunk = allocate().chunk;
    tell({1, 2, 3}, state(chunk, 1, 3));
    return chunk;
  }
};

// No server tells of it again: not in this life of master and servers.
TEST_F(GivenBack, ChunkOfAKilledPutIsDeleted) { // SPEC G12
  const auto chunk = write();
  pass(61s); // `pending_life`
  EXPECT_EQ(machine.state().table.find(chunk), nullptr);
  EXPECT_EQ(machine.collector().orphans(), 1u);
  EXPECT_EQ(deletions(chunk), 0u);
  pass(61s); // `orphan_life`
  EXPECT_EQ(deletions(chunk), 3u);
}

// Nobody has to confirm that: this master knows that no file ever had them.
TEST_F(GivenBack, ChunksOfManyKilledPutsAreDeleted) { // SPEC G12
  std::vector<chunk_id> chunks;
  for (int n = 0; n < 40; ++n)
    chunks.push_back(write());
  pass(125s);
  for (const auto chunk : chunks)
    EXPECT_EQ(deletions(chunk), 3u);
  EXPECT_EQ(machine.collector().held(0), 0u);
}

// Of a life of the master that its metadata do not know, in a term of the same
// number: so many are a sign that the metadata are wrong.
TEST_F(GivenBack, ChunksOfThisTermThatItHasNotMadeAreCounted) { // SPEC G12
  std::vector<chunk_id> chunks;
  for (std::uint64_t n = 0; n < 40; ++n)
    chunks.push_back(chunk_id{(term.value() << 40) + 1'000 + n});
  for (const auto chunk : chunks)
    tell({1}, state(chunk, 1, 3));
  pass(125s);
  EXPECT_EQ(machine.collector().held(index(1)), 40u);
  for (const auto chunk : chunks)
    EXPECT_EQ(deletions(chunk), 0u);
}

// Grants that a client did not use: nobody knows that its servers have nothing.
TEST_F(GivenBack, ChunkThatWasNeverMadeIsGone) { // SPEC G12
  const auto chunk = allocate().chunk;
  pass(125s);
  EXPECT_EQ(deletions(chunk), 3u);
  for (const auto& x : std::exchange(asked, {}))
    machine.answered(x.token, server_reply{msg::chunks_deleted{{chunk}}}, now);
  EXPECT_EQ(machine.collector().orphans(), 0u);
}

// A disk of the master that stood still for an hour.
TEST_F(GivenBack, ChunkThatIsOfAFileAfterAllIsNoOrphan) { // SPEC G12, I5
  const auto chunk = write();
  pass(61s);
  ASSERT_EQ(machine.collector().orphans(), 1u);
  machine.keep({inode_id{77}, {state(chunk, 1, 3)}, 3}, now);
  EXPECT_EQ(machine.collector().orphans(), 0u);
  EXPECT_EQ(machine.state().table.holders(chunk).size(), 3u);
  pass(65s);
  EXPECT_EQ(deletions(chunk), 0u);
}

// Counted once when it is claimed, and once when it is of a file.
TEST_F(GivenBack, AdoptedOrphanIsNoLongerWaitedFor) { // SPEC S9
  tell({1, 2, 3}, state(orphan, 1, 4));
  const auto claimed = machine.claim({{}, 10}, now);
  ASSERT_EQ(claimed->chunks.size(), 1u);
  machine.keep({inode_id{77}, {claimed->chunks[0].state}, 3}, now);
  EXPECT_TRUE(machine.allocate({1, 0, {}}, now));
}

// A person has adopted it, and the master's disk stood still.
TEST_F(GivenBack, UnevenOrphanIsNotSettledByALateFile) { // SPEC S9
  tell({1}, state(orphan, 1, 4));
  tell({2, 3}, state(orphan, 1, 6));
  const auto claimed = machine.claim({{}, 10}, now);
  ASSERT_EQ(claimed->chunks.size(), 1u);
  pass(61s);
  machine.keep({inode_id{77}, {claimed->chunks[0].state}, 3}, now);
  const auto* entry = machine.state().table.find(orphan);
  ASSERT_NE(entry, nullptr);
  EXPECT_FALSE(entry->has(chunk_entry::settled));
}

// A server has it from a fence for a grant of the lost master's.
TEST_F(GivenBack, VersionThatWasFencedIsNotGivenAgainToALateFile) { // SPEC G6
  const chunk_id late{(term.value() << 40) + 1'000}; // Not of before a restore.
  tell({1, 2}, state(late, 1, 5));
  tell({3}, state(late, 2, 3));
  machine.keep({inode_id{77}, {state(late, 1, 5)}, 3}, now);
  take();
  EXPECT_EQ(machine.state().table.holders(late).size(), 2u);
  EXPECT_EQ(machine.state().table.next_version(late), chunk_version{3});
  ASSERT_EQ(logged.size(), 1u);
  EXPECT_EQ(logged[0].row.intent, chunk_version{2});
  EXPECT_EQ(logged[0].row.extent, state(late, 1, 5).extent);
}

TEST_F(GivenBack, WhatWasNotPromisedInItIsForgotten) { // SPEC G12
  const auto grant = allocate();
  auto x = heartbeat_of(grant.chain.at(0).store.value());
  x.led = {{grant.chunk,
            grant.epoch,
            {chunk_version{1}, {}, 0, 0},
            false,
            true,
            false}};
  EXPECT_TRUE(machine.heartbeat(x, now));
  EXPECT_EQ(machine.state().unpromised.size(), 1u);
  pass(61s);
  EXPECT_TRUE(machine.state().unpromised.empty());
}

// A server that lists anew does not name what it never got.
TEST_F(GivenBack, GrantThatWasNotUsedIsNotMissed) { // SPEC G12
  (void) allocate();
  pass(61s);
  ASSERT_EQ(machine.collector().orphans(), 1u);
  for (server_index i = 0; i < 3; ++i)
    EXPECT_TRUE(
      machine.collector().of(i, {}, chunk_id{~std::uint64_t{0}}).empty());
}

TEST_F(GivenBack, OrphanIsNotOfAServerThatIsForgotten) { // SPEC G12
  replica_collector collector{master_term{1}};
  collector.unknown(1, state(orphan, 1), now);
  collector.forgotten(1);
  EXPECT_EQ(collector.orphans(), 0u);
}

// Its replicas go, and nobody can tell the namespace no.
TEST_F(GivenBack, FileThatComesAfterTheOrderRaisesAnAlarm) { // SPEC G12
  const auto chunk = write();
  pass(125s);
  ASSERT_EQ(deletions(chunk), 3u);
  machine.keep({inode_id{77}, {state(chunk, 1, 3)}, 3}, now);
  std::size_t alarms = 0;
  for (const auto& x : machine.take_effects())
    if (const auto* note = std::get_if<directory_note>(&x))
      alarms += note->what == directory_note::kind::alarm ? 1 : 0;
  EXPECT_EQ(alarms, 1u);
}

// Were the older version with bytes called empty, it would be skipped, if those
// who have the newest one have gone.
TEST_F(GivenBack, OrphanIsAsItWasTold) { // SPEC S9
  tell({1, 2}, state(orphan, 2, 5));
  tell({3}, state(orphan, 1, 3));
  ASSERT_EQ(machine.claim({{}, 10}, now)->chunks.size(), 1u);
  pass(61s);
  std::map<std::uint64_t, msg::chunk_extent> back;
  for (const auto& x : machine.collector().holders_of(orphan))
    back[machine.state().servers.at(x.server).store.value()] = x.extent;
  EXPECT_EQ(back, (std::map<std::uint64_t, msg::chunk_extent>{
                    {1, state(orphan, 2, 5).extent},
                    {2, state(orphan, 2, 5).extent},
                    {3, state(orphan, 1, 3).extent}}));
}

TEST_F(GivenBack, OrphanIsWithoutWhatHasGoneMeanwhile) { // SPEC S9
  tell({1, 2}, state(orphan, 2, 5));
  ASSERT_EQ(machine.claim({{}, 10}, now)->chunks.size(), 1u);
  auto x = heartbeat_of(2);
  x.lost = {orphan};
  EXPECT_TRUE(machine.heartbeat(x, now));
  pass(61s);
  EXPECT_EQ(machine.collector().holders_of(orphan).size(), 1u);
}

// A client of the lost master, and a person who adopts what it left.
TEST_F(GivenBack, OrphanIsOfOneFile) { // SPEC S1, I5
  tell({1, 2, 3}, state(orphan, 1, 5));
  const msg::written_chunk client{
    {.chunk = orphan, .version = chunk_version{1}, .term = master_term{1}},
    state(orphan, 1, 5).extent};
  ASSERT_EQ(machine.claim({{}, 10}, now)->chunks.size(), 1u);
  EXPECT_EQ(machine.adopt({client}, {true}, now).error().code, ec::busy);
  pass(61s);
  EXPECT_TRUE(machine.adopt({client}, {true}, now)) << "no file came of it";
  EXPECT_TRUE(machine.claim({{}, 10}, now)->chunks.empty());
}

} // namespace
} // namespace dfs::core::test
