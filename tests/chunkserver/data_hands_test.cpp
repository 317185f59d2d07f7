#include "chunkserver/data_hands.hpp"

#include "storage/obeyed_master.hpp"
#include "support/chunk_data.hpp"
#include "support/data_chain.hpp"
#include "support/eventually.hpp"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <vector>

// What a keeper does, down to a real data server and a real volume.

namespace dfs::chunkserver {
namespace {

using namespace std::chrono_literals;
using test::pattern;
using test::write_of;

struct DataHands : ::testing::Test {
  test::data_chain servers{1};
  test::temp_dir data_dir;
  std::vector<chunk_id> corrupt;
  data_hands hands{
    *servers.nodes[0]->service,
    {servers.nodes[0]->store.get()},
    {.obeyed = std::make_shared<storage::obeyed_master>(
       storage::posix_files(), data_dir.path(), msg::master_mark{}),
     .volumes = {.interval = 5ms, .lost = {}, .failed = {}, .stuck = {}},
     .corrupt = [this](chunk_id x) { corrupt.push_back(x); }}};

  void make(std::uint64_t chunk, std::size_t size = 1'000) {
    auto grant = servers.grant(chunk_id{chunk});
    grant.replicas_min = 1;
    seal_grant(grant, *servers.keys);
    const auto bytes = pattern(size, chunk);
    const auto caller = servers.caller(0);
    ASSERT_TRUE(caller->call(write_of(grant, 0, bytes), bytes).message);
  }

  std::vector<msg::chunk_state> list() {
    return list_all().chunks;
  }

  core::replica_list list_all() {
    std::promise<core::replica_list> found;
    hands.list([&](core::replica_list x) { found.set_value(std::move(x)); });
    return found.get_future().get();
  }
};

} // namespace

// In this life nobody is shown what a former master revoked: the next master
// has to know.
TEST_F(DataHands, ListsWhatIsRefused) { // SPEC G10
  for (const auto chunk : {10u, 20u, 30u})
    make(chunk);
  const auto known = list();
  ASSERT_EQ(known.size(), 3u);
  EXPECT_TRUE(list_all().refused.empty());
  std::promise<void> heard;
  auto newer = known[1];
  newer.extent.version = newer.extent.version.next();
  hands.revoke({newer, known[2]}, [&] { heard.set_value(); });
  heard.get_future().get();
  const auto all = list_all();
  EXPECT_EQ(all.chunks.size(), 3u);
  EXPECT_EQ(all.refused, std::vector{known[1].chunk});
}

TEST_F(DataHands, ListsReplicasById) { // SPEC G3
  EXPECT_TRUE(list().empty());
  for (const auto chunk : {30u, 10u, 20u})
    make(chunk);
  const auto all = list();
  ASSERT_EQ(all.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(all[i].chunk, chunk_id{10 * (i + 1)});
    EXPECT_EQ(
      all[i].extent,
      (msg::chunk_extent{chunk_version{1}, mutation_serial{1}, 1'000, 1'000}));
  }
}

TEST_F(DataHands, MakesItDurableHowNewTheMetadataAre) { // SPEC G12
  const msg::master_mark mark{master_term{5}, 77, 1'234};
  const auto kept = test::data_chain::wait<nothing>(
    [&](auto done) { hands.persist_mark(mark, done); });
  EXPECT_TRUE(kept);
  const auto read
    = storage::obeyed_master::open(storage::posix_files(), data_dir.path());
  ASSERT_TRUE(read);
  EXPECT_EQ((*read)->newest(), mark);
}

TEST_F(DataHands, SaysHowThingsAre) {
  make(1);
  EXPECT_TRUE(test::eventually([&] {
    const auto now = hands.look();
    return now.chunks == 1 && now.bytes >= 1'000 && now.chunks_led == 1;
  }));
  const auto now = hands.look();
  ASSERT_EQ(now.volumes.size(), 1u);
  EXPECT_GT(now.volumes[0].total_bytes, now.volumes[0].free_bytes);
  EXPECT_FALSE(now.volumes[0].failed);
  EXPECT_EQ(now.impediment, "");
}

TEST_F(DataHands, CarriesOutOrders) {
  const auto fenced = test::data_chain::wait<msg::chunk_state>([&](auto done) {
    hands.fence({master_term{1}, chunk_id{4}, chunk_version{2}, true}, done);
  });
  ASSERT_TRUE(fenced);
  EXPECT_EQ(fenced->extent.version, chunk_version{2});
  ASSERT_EQ(list().size(), 1u);
  const auto gone
    = test::data_chain::wait<std::vector<chunk_id>>([&](auto done) {
        hands.remove({{chunk_id{4}, {chunk_version{2}, {}, 0, 0}}}, done);
      });
  ASSERT_TRUE(gone);
  EXPECT_EQ(*gone, std::vector{chunk_id{4}});
  EXPECT_TRUE(list().empty());
}

// Of a chunk that was bad: the master has good copies when it orders this.
TEST_F(DataHands, RemovesWhatIsQuarantined) { // SPEC G9
  make(6);
  auto& store = *servers.nodes[0]->store;
  ASSERT_TRUE(store.quarantine(chunk_id{6}));
  EXPECT_EQ(store.quarantined().size(), 1u);
  const auto gone
    = test::data_chain::wait<std::vector<chunk_id>>([&](auto done) {
        hands.remove({{chunk_id{6}, {chunk_version{1}, {}, 0, 0}}}, done);
      });
  ASSERT_TRUE(gone);
  EXPECT_TRUE(store.quarantined().empty());
}

// What was found bad at the start, or before it, is told anew: no master would
// ever have it deleted else. What has been replaced needs nobody's order.
TEST_F(DataHands, TellsOfQuarantineWithEachList) { // SPEC G9
  make(6);
  make(7);
  auto& store = *servers.nodes[0]->store;
  ASSERT_TRUE(store.quarantine(chunk_id{6}));
  ASSERT_TRUE(store.quarantine(chunk_id{7}));
  ASSERT_TRUE(store.create(chunk_id{7}, chunk_version{2}));
  EXPECT_EQ(list().size(), 1u);
  EXPECT_EQ(corrupt, std::vector{chunk_id{6}});
  EXPECT_EQ(store.quarantined(), std::vector{chunk_id{6}});
  EXPECT_EQ(list().size(), 1u);
  EXPECT_EQ(corrupt.size(), 2u);
}

// Its replicas are lost: what would never be confirmed is not waited for.
TEST_F(DataHands, ConfirmsRemovalFromAFailedVolume) { // SPEC G12
  make(8);
  servers.nodes[0]->store->give_up(fail(ec::io_error, "the test"));
  const auto gone
    = test::data_chain::wait<std::vector<chunk_id>>([&](auto done) {
        hands.remove({{chunk_id{8}, {chunk_version{1}, {}, 0, 0}}}, done);
      });
  ASSERT_TRUE(gone);
  EXPECT_EQ(*gone, std::vector{chunk_id{8}});
  EXPECT_TRUE(list().empty());
}

TEST_F(DataHands, LooksAtWhatReadersDoubt) { // SPEC G9
  make(1);
  make(2, 1'000'000);
  make(3);
  auto& node = *servers.nodes[0];
  test::flip_byte(node, 500'000);
  hands.verify({chunk_id{1}, chunk_id{2}, chunk_id{3}, chunk_id{4}});
  EXPECT_TRUE(test::eventually([&] {
    const std::lock_guard guard{node.mutex};
    return !node.lost.empty();
  }));
  const std::lock_guard guard{node.mutex};
  EXPECT_EQ(node.corrupt, std::vector{chunk_id{2}});
  EXPECT_EQ(node.lost, std::vector{chunk_id{4}});
  EXPECT_EQ(node.store->quarantined(), std::vector{chunk_id{2}});
}

// Or the master would forget that there is something to delete.
TEST_F(DataHands, WhatIsInQuarantineIsNotLost) { // SPEC G9
  make(2, 1'000'000);
  auto& node = *servers.nodes[0];
  test::flip_byte(node, 500'000);
  hands.verify({chunk_id{2}});
  EXPECT_TRUE(test::eventually([&] {
    const std::lock_guard guard{node.mutex};
    return !node.corrupt.empty();
  }));
  hands.verify({chunk_id{2}, chunk_id{9}});
  EXPECT_TRUE(test::eventually([&] {
    const std::lock_guard guard{node.mutex};
    return !node.lost.empty() && node.lost.back() == chunk_id{9};
  }));
  const std::lock_guard guard{node.mutex};
  EXPECT_EQ(node.lost, std::vector{chunk_id{9}});
}

TEST_F(DataHands, ServesWhileTheLeaseRuns) { // SPEC G4
  make(1);
  hands.set_node_lease(boot_instant{});
  const auto caller = servers.caller(0, rights::reader);
  const auto read = test::read_of(chunk_id{1}, chunk_version{1}, {}, 0, 1'000);
  EXPECT_EQ(caller->call(read).message.error().code, ec::lease_expired);
  hands.set_node_lease(servers.now() + 1min);
  EXPECT_TRUE(caller->call(read).message);
}

TEST_F(DataHands, DrainsAndGoes) { // SPEC S6
  make(1);
  std::promise<void> drained;
  hands.drain(1s, [&] { drained.set_value(); });
  EXPECT_EQ(drained.get_future().wait_for(5s), std::future_status::ready);
}

} // namespace dfs::chunkserver
