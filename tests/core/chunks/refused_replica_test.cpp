#include "core/chunks/master_steps.hpp"

#include "core/chunks/refused_replicas.hpp"

// Replicas that are as good as the others, and that their servers show to
// nobody, because a master has revoked them.

namespace dfs::core {
namespace {

using namespace test;

struct RefusedReplica : Master {
  msg::chunk_health health() {
    msg::check_chunks x;
    x.chunks.push_back(chunk);
    return machine->check_chunks(x, now)->chunks.at(0).health;
  }

  void die(std::uint8_t n) {
    servers.erase(n);
    machine->link_lost(store_id{n}, boot(n), now);
    machine->probed(*machine->state().servers.find(store_id{n}), boot(n), true,
                    now);
    perform();
  }

  /// Time passes, and copies are made as ordered. @returns how many.
  std::size_t copies_within(std::chrono::milliseconds time) {
    std::size_t made = 0;
    for (const auto end = now + time; now < end;) {
      pass(500ms);
      for (const auto& x : std::exchange(asked, {}))
        if (const auto* order = std::get_if<msg::copy_chunk>(&x.order)) {
          ++made;
          machine->answered(
            x.token, server_reply{msg::chunk_copied{order->wanted}}, now);
        }
      perform();
    }
    return made;
  }

  void rest() {
    for (int i = 0; i < 30 && asked.empty(); ++i)
      pass(500ms);
  }

  /// Nobody has asked for this grant.
  void grant_of_all() {
    ASSERT_EQ(orders<msg::fence_chunk>(), 3u);
    for (std::uint8_t n = 1; n <= 3; ++n)
      fence_at(n);
    for (std::uint8_t n = 1; n <= 3; ++n)
      beat(n);
    take({});
    asked.clear(); // The lease is closed at once.
    for (int i = 0; i < 10; ++i)
      pass(500ms);
  }
};

// The server had revoked it for another master, and remembers that. Nobody was
// ever read to from there, and everybody thought that there are three copies.
TEST_F(RefusedReplica, OfWhichAServerTellsGetsANewVersion) { // SPEC G10
  load(extent);
  enrol(1, extent);
  enrol(2, extent);
  come(3);
  report(3, extent, true);
  for (int i = 0; i < 4; ++i)
    pass(500ms);
  EXPECT_EQ(health(), msg::chunk_health::under);
  rest();
  grant_of_all();
  EXPECT_EQ(health(), msg::chunk_health::healthy);
  EXPECT_EQ(machine->state().refused.size(), 0u);
}

TEST_F(RefusedReplica, IsNoneWhereOldOnesAreRefused) {
  load(extent);
  enrol(1, extent);
  enrol(2, extent);
  come(3);
  auto old = extent;
  old.version = chunk_version{1};
  report(3, old, true); // As it should.
  EXPECT_EQ(machine->state().refused.size(), 0u);
}

// Its report was listed before the last changes came to it.
TEST_F(RefusedReplica, OfThisMasterGetsANewVersion) { // SPEC G10
  load(extent);
  enrol(1, extent);
  enrol(2, extent);
  auto less = extent;
  less.serial = mutation_serial{8};
  come(3);
  report(3, less);
  const auto told = beat(3);
  ASSERT_EQ(told.revoked.size(), 1u);
  EXPECT_EQ(told.revoked[0].extent.version, chunk_version{3});
  report(3, extent);
  ASSERT_TRUE(machine->state().table.holds(
    *machine->state().servers.find(store_id{3}), chunk));
  rest();
  grant_of_all();
  EXPECT_EQ(health(), msg::chunk_health::healthy);
  EXPECT_EQ(machine->state().refused.size(), 0u);
}

// Nobody reads it anywhere, and each copy of it would be refused.
TEST_F(RefusedReplica, OnAllServersGetsANewVersion) { // SPEC G10
  load(extent);
  for (std::uint8_t n = 1; n <= 3; ++n) {
    come(n);
    report(n, extent, true);
  }
  for (int i = 0; i < 4; ++i)
    pass(500ms);
  EXPECT_EQ(health(), msg::chunk_health::unavailable);
  rest();
  grant_of_all();
  EXPECT_EQ(health(), msg::chunk_health::healthy);
}

// No grant reaches it, and no further copy makes it a better one.
TEST_F(RefusedReplica, OfAServerThatIsAwayIsReplacedOnce) { // SPEC G10
  load(extent);
  enrol(1, extent);
  enrol(2, extent);
  come(3);
  report(3, extent, true);
  die(3);
  for (std::uint8_t n = 4; n <= 7; ++n)
    enrol(n, std::nullopt);
  EXPECT_EQ(copies_within(3min), 1u);
  EXPECT_EQ(health(), msg::chunk_health::healthy);
  EXPECT_EQ(machine->state().table.holders(chunk).size(), 4u);
}

// Its server comes back in the same life: a grant is due then.
TEST_F(RefusedReplica, OfAServerThatWasSilentGetsANewVersion) { // SPEC G10
  load(extent);
  enrol(1, extent);
  enrol(2, extent);
  come(3);
  report(3, extent, true);
  servers.erase(3);
  EXPECT_EQ(copies_within(20s), 0u); // There is no other server.
  servers.insert(3);
  for (int i = 0; i < 4; ++i)
    pass(500ms);
  rest();
  grant_of_all();
  EXPECT_EQ(health(), msg::chunk_health::healthy);
}

// It is beside as many as are wanted, and one more.
TEST_F(RefusedReplica, IsNothingToBeCopied) { // SPEC G10
  load(extent);
  for (std::uint8_t n = 1; n <= 5; ++n) {
    come(n);
    report(n, extent, n == 3);
  }
  rest();
  const auto& state = machine->state();
  ASSERT_EQ(state.table.holders(chunk).size(), 5u);
  EXPECT_EQ(machine->repairs().how_far(state, now).bytes, 0u);
}

// What was revoked was so in one life of the server.
TEST_F(RefusedReplica, IsServedByTheNextLifeOfItsServer) {
  load(extent);
  enrol(1, extent);
  enrol(2, extent);
  come(3);
  report(3, extent, true);
  ASSERT_EQ(machine->state().refused.size(), 1u);
  ++lives;
  come(3);
  report(3, extent);
  EXPECT_EQ(machine->state().refused.size(), 0u);
}

TEST(RefusedReplicas, AreThoseBelowWhatWasRevoked) {
  refused_replicas rows;
  rows.add(chunk, 1, chunk_version{4});
  rows.add(chunk, 1, chunk_version{3});
  rows.add(chunk, 2, chunk_version{6});
  EXPECT_TRUE(rows.any(chunk));
  EXPECT_FALSE(rows.any(chunk.next()));
  EXPECT_TRUE(rows.has(chunk, 1, chunk_version{3}));
  EXPECT_FALSE(rows.has(chunk, 1, chunk_version{4}));
  EXPECT_FALSE(rows.has(chunk, 3, chunk_version{1}));
  EXPECT_FALSE(rows.has(chunk.next(), 1, chunk_version{1}));
  rows.settled(chunk, chunk_version{5});
  EXPECT_FALSE(rows.has(chunk, 1, chunk_version{3}));
  EXPECT_TRUE(rows.has(chunk, 2, chunk_version{5}));
  rows.settled(chunk, chunk_version{6});
  EXPECT_FALSE(rows.any(chunk));
  rows.add(chunk, 1, chunk_version{4});
  rows.add(chunk, 2, chunk_version{4});
  rows.reborn(1);
  EXPECT_FALSE(rows.has(chunk, 1, chunk_version{3}));
  EXPECT_TRUE(rows.has(chunk, 2, chunk_version{3}));
  rows.forget(chunk);
  EXPECT_EQ(rows.size(), 0u);
}

} // namespace
} // namespace dfs::core
