#include "chunkserver/lease_steps.hpp"

#include "core/chunks/replica_order.hpp"
#include "storage/store/chunk_table.hpp"

#include <array>

// SPEC G5, G6: leases and fences on whole data servers.

namespace dfs::chunkserver {
namespace {

using namespace std::chrono_literals;
using namespace test_steps;
using test::append_of;
using test::pattern;

TEST_F(DataLease, NothingIsServedWithoutANodeLease) { // SPEC G4, G6
  const auto grant = servers.grant(chunk);
  ASSERT_EQ(write(grant, 0, "bytes"), std::nullopt);
  ASSERT_EQ(read(1, first), std::nullopt);
  for (auto& node : servers.nodes)
    node->service->set_node_lease(servers.now() + 10s);
  servers.pass(11s);
  EXPECT_EQ(read(1, first), ec::lease_expired);
  EXPECT_EQ(write(grant, 0, "again"), ec::lease_expired);
  servers.nodes[1]->service->set_node_lease(servers.now() + 10s);
  EXPECT_EQ(read(1, first), std::nullopt);
  expect_equal({0, 1, 2}, "bytes");
}

TEST_F(DataLease, AChunkLeaseEndsAndIsRenewed) { // SPEC G6
  const auto grant = servers.grant(chunk);
  ASSERT_EQ(write(grant, 0, "bytes"), std::nullopt);
  servers.pass(50s);
  EXPECT_EQ(write(grant, 0, "later"), std::nullopt);
  servers.nodes[0]->service->renew_leases({grant.epoch}, servers.now() + 30s);
  ASSERT_EQ(led(0).size(), 1u); // So it has been done.
  servers.pass(20s);
  EXPECT_EQ(write(grant, 0, "renew"), std::nullopt);
  servers.pass(20s);
  const auto answer = write(grant, 0, "never");
  EXPECT_TRUE(answer == ec::lease_expired || answer == ec::not_primary);
  // What is over is not brought back, by a renewal or by the old grant.
  servers.nodes[0]->service->renew_leases({grant.epoch}, servers.now() + 30s);
  EXPECT_NE(write(grant, 0, "never"), std::nullopt);
  expect_equal({0, 1, 2}, "renew");
}

TEST_F(DataLease, LeasesAreLookedAtBeforeTheAnswer) { // Changes 1, I1
  test::hesitant_server next;
  const auto grant = hesitant_grant(next);
  auto open = start(grant, 0, "bytes");
  ASSERT_TRUE(test::eventually([&] { return next.waiting() == 1; }));
  servers.pass(2min); // As a server sees it that was stopped for so long.
  next.answer(mutation_serial{1});
  EXPECT_EQ(refusal(open.get().message), ec::lease_expired);
  EXPECT_EQ(ended(0), std::vector{ec::lease_expired});
}

// SPEC G4, G6: nobody has told the data servers of it, and nobody need.
TEST_F(DataLease, AMachineThatSleptServesNothingOnWaking) {
  const auto grant = servers.grant(chunk);
  ASSERT_EQ(write(grant, 0, "bytes"), std::nullopt);
  servers.suspend(10ms); // A clock that is set right a little.
  ASSERT_EQ(write(grant, 0, "BYTES"), std::nullopt);
  servers.suspend(1min);
  EXPECT_EQ(read(0, first), ec::lease_expired);
  EXPECT_EQ(read(1, first), ec::lease_expired);
  EXPECT_EQ(write(grant, 0, "never"), ec::lease_expired);
  // Not by heartbeats alone, and not by a lease from before.
  auto& node = *servers.nodes[1]->service;
  node.note_heartbeat(2, servers.now());
  EXPECT_EQ(read(1, first), ec::lease_expired);
  // The keepers have noticed; the master gives new leases.
  for (auto& each : servers.nodes) {
    each->service->forget_clocks();
    each->service->note_heartbeat(3, servers.now());
    each->service->set_node_lease(servers.now() + 10s);
  }
  EXPECT_EQ(read(1, first), std::nullopt);
  EXPECT_NE(write(grant, 0, "never"), std::nullopt) << "it is over for good";
  expect_equal({0, 1, 2}, "BYTES");
}

TEST_F(DataLease, AMachineThatSleptAcknowledgesNothing) { // SPEC G6, I1
  test::hesitant_server next;
  const auto grant = hesitant_grant(next);
  auto open = start(grant, 0, "bytes");
  ASSERT_TRUE(test::eventually([&] { return next.waiting() == 1; }));
  servers.suspend(1min);
  next.answer(mutation_serial{1});
  EXPECT_EQ(refusal(open.get().message), ec::lease_expired);
}

TEST_F(DataLease, AFenceEndsWhatIsUnderWay) { // Changes 5, I6
  test::hesitant_server next;
  const auto grant = hesitant_grant(next);
  auto open = start(grant, 0, "bytes");
  ASSERT_TRUE(test::eventually([&] { return next.waiting() == 1; }));
  const auto fenced = fence(0, second);
  ASSERT_TRUE(fenced) << fenced.error().context;
  EXPECT_EQ(fenced->extent.serial, mutation_serial{1});
  EXPECT_EQ(fenced->extent.version, second);
  EXPECT_EQ(refusal(open.get().message), ec::stale);
  // The answer of the successor comes too late.
  next.answer(mutation_serial{1});
  EXPECT_EQ(write(grant, 0, "again"), ec::stale);
  EXPECT_EQ(refusal(fence(0, first)), ec::stale);
  EXPECT_TRUE(fence(0, second)) << "repeatable";
  EXPECT_EQ(servers.state(0, chunk).version, second);
}

TEST_F(DataLease, AFencedReplicaTakesNoOldChange) { // SPEC G6, I6
  const auto grant = servers.grant(chunk);
  ASSERT_EQ(write(grant, 0, "bytes"), std::nullopt);
  ASSERT_TRUE(fence(2, second));
  EXPECT_EQ(write(grant, 0, "never"), ec::no_redundancy);
  EXPECT_EQ(servers.bytes(2, chunk), "bytes");
  EXPECT_EQ(ended(0), std::vector{ec::no_redundancy});
}

TEST_F(DataLease, ReleaseFinishesWhatIsUnderWay) {
  test::hesitant_server next;
  const auto grant = hesitant_grant(next);
  auto open = start(grant, 0, "bytes");
  ASSERT_TRUE(test::eventually([&] { return next.waiting() == 1; }));
  auto promised = std::make_shared<std::promise<result<msg::lease_released>>>();
  servers.nodes[0]->service->release(
    chunk, grant.epoch, [promised](const auto& x) { promised->set_value(x); });
  EXPECT_EQ(write(grant, 0, "late!"), ec::not_primary);
  next.answer(mutation_serial{1});
  EXPECT_EQ(refusal(open.get().message), std::nullopt);
  const auto released = promised->get_future().get();
  ASSERT_TRUE(released);
  EXPECT_EQ(released->state.extent.serial, mutation_serial{1});
  EXPECT_TRUE(released->settled);
  EXPECT_EQ(write(grant, 0, "late!"), ec::not_primary);
}

TEST_F(DataLease, ASuccessorThatDiesEndsTheLeaseAtOnce) { // SPEC G14
  const auto grant = servers.grant(chunk);
  ASSERT_EQ(write(grant, 0, "bytes"), std::nullopt);
  servers.stop(2);
  const auto began = instant::clock::now();
  EXPECT_EQ(write(grant, 5, " more"), ec::no_redundancy);
  EXPECT_LT(instant::clock::now() - began, 900ms) << "not after a time-out";
  msg::chunk_grant next;
  const auto taken = servers.recover(chunk, second, {0, 1}, next);
  ASSERT_TRUE(taken) << taken.error().context;
  EXPECT_EQ(taken->state.extent.serial, mutation_serial{2});
  EXPECT_TRUE(taken->behind.empty());
  EXPECT_EQ(write(next, 5, " again"), std::nullopt);
  expect_equal({0, 1}, "bytes again");
}

TEST_F(DataLease, ASilentSuccessorEndsTheLeaseAfterASecond) { // Changes 5
  boost::asio::io_context io;
  boost::asio::ip::tcp::acceptor silent{
    io, {boost::asio::ip::make_address("127.0.0.1"), 0}};
  auto grant = servers.grant(chunk, {0});
  grant.chain.push_back(
    {store_id{999},
     *endpoint::parse("127.0.0.1:"
                      + std::to_string(silent.local_endpoint().port()))});
  servers.seal(grant);
  const auto began = instant::clock::now();
  EXPECT_EQ(write(grant, 0, "bytes"), ec::no_redundancy);
  const auto took = instant::clock::now() - began;
  EXPECT_GE(took, 900ms);
  EXPECT_LT(took, 3s);
}

TEST_F(DataLease, ASlowDiskIsNoSilence) {
  test::hesitant_server next;
  const auto grant = hesitant_grant(next);
  auto open = start(grant, 0, "bytes");
  ASSERT_TRUE(test::eventually([&] { return next.waiting() == 1; }));
  // Its loop turns and answers pings: it is waited for.
  EXPECT_EQ(open.wait_for(2s), std::future_status::timeout);
  next.answer(mutation_serial{1});
  EXPECT_EQ(refusal(open.get().message), std::nullopt);
}

TEST_F(DataLease, WhatOverlapsWaitsUntilTheOtherIsDecided) { // I7; SPEC G5
  test::hesitant_server next;
  const auto grant = hesitant_grant(next);
  auto base = start(grant, 0, "0123456789");
  ASSERT_TRUE(test::eventually([&] { return next.waiting() == 1; }));
  next.answer(mutation_serial{1});
  ASSERT_TRUE(base.get().message);
  auto one = start(grant, 2, "ab");
  auto beside = start(grant, 4, "cd");
  auto over = start(grant, 3, "XY");
  auto behind = start(grant, 10, "more"); // A chunk's changes keep their order.
  ASSERT_TRUE(test::eventually([&] { return next.waiting() == 2; }));
  EXPECT_EQ(over.wait_for(50ms), std::future_status::timeout);
  EXPECT_EQ(next.waiting(), 2u);
  next.answer(mutation_serial{2});
  ASSERT_TRUE(one.get().message);
  EXPECT_EQ(over.wait_for(50ms), std::future_status::timeout);
  EXPECT_EQ(next.waiting(), 1u) << "the other one it overlaps is open";
  next.answer(mutation_serial{3});
  ASSERT_TRUE(beside.get().message);
  ASSERT_TRUE(test::eventually([&] { return next.waiting() == 2; }));
  next.answer(mutation_serial{4});
  next.answer(mutation_serial{5});
  ASSERT_TRUE(over.get().message);
  ASSERT_TRUE(behind.get().message);
  EXPECT_EQ(servers.bytes(0, chunk), "01aXYd6789more");
}

TEST_F(DataLease, WhatWaitsForAnotherChangeIsRefusedWithIt) { // I7
  test::hesitant_server next;
  const auto grant = hesitant_grant(next);
  auto one = start(grant, 0, "ab");
  ASSERT_TRUE(test::eventually([&] { return next.waiting() == 1; }));
  auto over = start(grant, 0, "XY");
  EXPECT_EQ(over.wait_for(50ms), std::future_status::timeout);
  ASSERT_TRUE(fence(0, second));
  EXPECT_EQ(refusal(one.get().message), ec::stale);
  EXPECT_NE(refusal(over.get().message), std::nullopt);
  EXPECT_EQ(servers.bytes(0, chunk), "ab");
}

// As many changes as may be under way, and the store must know them all.
static_assert(core::replica_order::under_way_max
              <= storage::remembered_mutations);

TEST_F(DataLease, APrimaryLetsReadersWaitForWhatIsUndecided) { // Reads, I3
  test::hesitant_server next;
  const auto grant = hesitant_grant(next);
  auto base = start(grant, 0, "bytes");
  ASSERT_TRUE(test::eventually([&] { return next.waiting() == 1; }));
  next.answer(mutation_serial{1});
  ASSERT_TRUE(base.get().message);
  auto open = start(grant, 2, "TES");
  ASSERT_TRUE(test::eventually([&] { return next.waiting() == 1; }));
  auto reader = servers.caller(0, rights::reader);
  EXPECT_EQ(reader->call(read_of(chunk, first, {}, 0, 2)).data, "by")
    << "nothing is changed there";
  auto read = reader->start(read_of(chunk, first, {}, 0, 5));
  EXPECT_EQ(read.wait_for(100ms), std::future_status::timeout);
  const auto extent = reader->call(
    msg::get_extent{.chunk = chunk, .version = first, .serial = {}});
  EXPECT_EQ(extent.message->serial, mutation_serial{1});
  next.answer(mutation_serial{2});
  ASSERT_TRUE(open.get().message);
  EXPECT_EQ(read.get().data, "byTES");
}

TEST_F(DataLease, TellsWhatItLeadsUntilTheMasterKnows) { // SPEC G3
  const auto grant = servers.grant(chunk);
  const auto other = servers.grant(chunk_id{9});
  ASSERT_EQ(write(grant, 0, "bytes"), std::nullopt);
  ASSERT_EQ(write(other, 0, "others"), std::nullopt);
  auto page = told(0, 0);
  ASSERT_EQ(page.leases.size(), 2u);
  EXPECT_TRUE(page.complete);
  EXPECT_EQ(page.leases[0].chunk, chunk);
  EXPECT_EQ(page.leases[0].epoch, grant.epoch);
  EXPECT_EQ(page.leases[0].committed.length, 5u);
  EXPECT_TRUE(page.leases[0].active);
  EXPECT_TRUE(page.leases[0].settled);
  EXPECT_FALSE(page.leases[0].over);
  EXPECT_TRUE(told(0, page.upto).leases.empty()) << "nothing since";
  EXPECT_EQ(servers.nodes[0]->service->counters().chunks_led, 2u);
  ASSERT_EQ(write(other, 0, "OTHERS"), std::nullopt);
  page = told(0, page.upto);
  ASSERT_EQ(page.leases.size(), 1u);
  EXPECT_EQ(page.leases[0].chunk, chunk_id{9});
  EXPECT_EQ(page.leases[0].committed.serial, mutation_serial{2});
  EXPECT_TRUE(page.leases[0].settled);
  ASSERT_TRUE(fence(0, second));
  page = told(0, page.upto);
  ASSERT_EQ(page.leases.size(), 1u);
  EXPECT_TRUE(page.leases[0].over);
  EXPECT_EQ(page.leases[0].committed.length, 5u);
  servers.nodes[0]->service->end_leases({grant.epoch});
  ASSERT_EQ(led(0).size(), 1u);
  servers.nodes[0]->service->end_leases({other.epoch});
  EXPECT_TRUE(led(0).empty());
  EXPECT_NE(write(other, 0, "others"), std::nullopt);
}

// How far it came must be told though it was told of while it was under way.
TEST_F(DataLease, TellsThatAChangeIsCommitted) { // SPEC G3
  test::hesitant_server next;
  const auto grant = hesitant_grant(next);
  auto open = start(grant, 0, "bytes");
  ASSERT_TRUE(test::eventually([&] { return next.waiting() == 1; }));
  auto page = told(0, 0);
  ASSERT_EQ(page.leases.size(), 1u);
  EXPECT_FALSE(page.leases[0].settled);
  EXPECT_EQ(page.leases[0].committed.serial, mutation_serial{});
  next.answer(mutation_serial{1});
  ASSERT_TRUE(open.get().message);
  page = told(0, page.upto);
  ASSERT_EQ(page.leases.size(), 1u);
  EXPECT_TRUE(page.leases[0].settled);
  EXPECT_EQ(page.leases[0].committed.serial, mutation_serial{1});
}

TEST_F(DataLease, RemovesWhatIsNotNewerThanOrdered) { // I9, delete_chunks
  const auto grant = servers.grant(chunk);
  ASSERT_EQ(write(grant, 0, "bytes"), std::nullopt);
  ASSERT_TRUE(fence(1, second));
  const auto remove = [&](std::size_t i) {
    return *test::data_chain::wait<std::vector<chunk_id>>([&](auto done) {
      servers.nodes[i]->service->remove(
        {{.chunk = chunk, .extent = {.version = first}}}, done);
    });
  };
  for (int i = 0; i < 2; ++i) // Repeatable.
    EXPECT_EQ(remove(0), std::vector{chunk});
  EXPECT_TRUE(remove(1).empty()) << "a newer version is here";
  // Elsewhere its version is in force: an empty one would be served as current.
  EXPECT_EQ(write(grant, 0, "bytes"), ec::not_primary) << "an old grant";
  EXPECT_FALSE(servers.nodes[0]->store->state(chunk));
  EXPECT_TRUE(servers.nodes[1]->store->state(chunk));
}

} // namespace
} // namespace dfs::chunkserver
