#include "support/chunk_data.hpp"
#include "support/data_chain.hpp"
#include "support/data_port.hpp"
#include "support/eventually.hpp"
#include "support/hesitant_server.hpp"
#include "support/refusal.hpp"

#include "core/chunks/replica_order.hpp"
#include "storage/store/chunk_table.hpp"

#include <gtest/gtest.h>

#include <array>

// SPEC G5, G6, G14: leases, fences, servers that die or hang, and new
// primaries, on whole data servers.

namespace dfs::chunkserver {
namespace {

using namespace std::chrono_literals;
using test::append_of;
using test::pattern;
using test::read_of;
using test::refusal;
using test::write_of;

constexpr chunk_id chunk{7};
constexpr chunk_version first{1};
constexpr chunk_version second{2};
constexpr writer_id alice{11};

struct DataLease : ::testing::Test {
  test::data_chain servers{3};

  std::unique_ptr<test::data_caller> writer = servers.caller(0);

  std::future<test::data_reply<msg::chunk_changed>>
  start(const msg::chunk_grant& grant, std::uint32_t offset,
        const std::string& bytes) {
    return writer->start(write_of(grant, offset, bytes), bytes);
  }

  std::optional<ec> write(const msg::chunk_grant& grant, std::uint32_t offset,
                          const std::string& bytes) {
    auto answer = start(grant, offset, bytes).get();
    return refusal(answer.message);
  }

  std::optional<ec>
  read(std::size_t i, chunk_version version, std::uint32_t length = 1) {
    return refusal(servers.caller(i, rights::reader)
                     ->call(read_of(chunk, version,
                                    servers.state(i, chunk).serial, 0, length))
                     .message);
  }

  result<msg::chunk_state>
  fence(std::size_t i, chunk_version version, bool fresh = false) {
    return test::data_chain::wait<msg::chunk_state>([&](auto done) {
      servers.nodes[i]->service->fence(chunk, version, done, fresh);
    });
  }

  /// Led by node 0, followed by one that answers when it is told to.
  msg::chunk_grant hesitant_grant(const test::hesitant_server& next) {
    auto grant = servers.grant(chunk, {0});
    grant.chain.push_back({store_id{999}, next.port.where()});
    servers.seal(grant);
    return grant;
  }

  void expect_equal(std::vector<std::size_t> which, const std::string& bytes) {
    for (const auto i : which)
      EXPECT_EQ(servers.bytes(i, chunk), bytes) << "replica " << i;
  }

  std::vector<msg::led_chunk> led(std::size_t i) {
    auto promised
      = std::make_shared<std::promise<std::vector<msg::led_chunk>>>();
    servers.nodes[i]->service->led(
      {}, 10, [promised](auto x) { promised->set_value(std::move(x)); });
    return promised->get_future().get();
  }

  core::led_page told(std::size_t i, std::uint64_t after) {
    auto promised = std::make_shared<std::promise<core::led_page>>();
    servers.nodes[i]->service->led_since(
      after, 10, [promised](auto x) { promised->set_value(std::move(x)); });
    return promised->get_future().get();
  }

  std::vector<ec> ended(std::size_t i) {
    const std::lock_guard guard{servers.nodes[i]->mutex};
    std::vector<ec> codes;
    for (const auto& [id, code] : servers.nodes[i]->ended)
      codes.push_back(code);
    return codes;
  }
};

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

TEST_F(DataLease, APrimaryThatDiesIsFollowedByTheLongestReplica) { // SPEC G5
  const auto grant = servers.grant(chunk, {2, 0, 1});
  auto first_writer = servers.caller(2);
  std::string bytes;
  for (std::uint64_t i = 1; i <= 20; ++i) {
    const auto record = pattern(1'000 + i, i);
    ASSERT_TRUE(
      first_writer->call(append_of(grant, alice, i, record), record).message);
    bytes += record;
  }
  servers.stop(2);
  msg::chunk_grant next;
  const auto taken = servers.recover(chunk, second, {0, 1}, next);
  ASSERT_TRUE(taken) << taken.error().context;
  expect_equal({0, 1}, bytes);
  // A record that was answered is not appended again.
  auto now_at
    = servers.caller(next.chain.front().store == store_id{100} ? 0 : 1);
  const auto record = pattern(1'020, 20);
  const auto again = now_at->call(append_of(next, alice, 20, record), record);
  ASSERT_TRUE(again.message) << again.message.error().context;
  EXPECT_EQ(again.message->offset, bytes.size() - 1'020);
  const auto more
    = now_at->call(append_of(next, alice, 21, "end"), std::string{"end"});
  ASSERT_TRUE(more.message);
  expect_equal({0, 1}, bytes + "end");
}

TEST_F(DataLease, BringsALaggardLevel) { // take_lease, I4
  const auto grant = servers.grant(chunk);
  std::string bytes = pattern(200'000, 1);
  ASSERT_EQ(write(grant, 0, bytes), std::nullopt);
  servers.stop(2);
  // All of these are on 0, and some on 1: none is decided.
  std::vector<std::future<test::data_reply<msg::chunk_changed>>> open;
  for (std::uint32_t i = 0; i < 10; ++i) {
    const auto piece = pattern(30'000, 10 + i);
    open.push_back(start(grant, 200'000 + i * 30'000, piece));
  }
  for (auto& each : open)
    each.wait();
  servers.start(2);
  msg::chunk_grant next;
  const auto taken = servers.recover(chunk, second, {0, 1, 2}, next);
  ASSERT_TRUE(taken) << taken.error().context;
  EXPECT_TRUE(taken->behind.empty());
  const auto whole = servers.bytes(0, chunk);
  EXPECT_EQ(whole.substr(0, bytes.size()), bytes);
  EXPECT_GE(whole.size(), 230'000u);
  expect_equal({0, 1, 2}, whole);
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(servers.state(i, chunk).serial, taken->state.extent.serial);
  EXPECT_EQ(write(next, 0, pattern(1'000, 99)), std::nullopt);
  expect_equal({0, 1, 2}, servers.bytes(1, chunk));
}

TEST_F(DataLease, LeavesOutWhoLacksMoreThanItRemembers) { // `behind`
  const auto grant = servers.grant(chunk);
  ASSERT_EQ(write(grant, 0, "bytes"), std::nullopt);
  msg::chunk_grant pair;
  ASSERT_TRUE(servers.recover(chunk, second, {0, 1}, pair));
  std::string bytes = "bytes";
  for (int i = 0; i < 300; ++i) {
    ASSERT_EQ(write(pair, static_cast<std::uint32_t>(bytes.size()), "x"),
              std::nullopt);
    bytes += "x";
  }
  msg::chunk_grant next;
  const auto taken = servers.recover(chunk, chunk_version{3}, {0, 1, 2}, next);
  ASSERT_TRUE(taken) << taken.error().context;
  EXPECT_EQ(taken->behind, std::vector{store_id{102}});
  // That one has the version and lacks changes: it must not be in force.
  EXPECT_NE(write(next, 0, "never"), std::nullopt);
  ASSERT_TRUE(servers.recover(chunk, chunk_version{4}, {0, 1}, next));
  EXPECT_EQ(write(next, 0, "BYTES"), std::nullopt);
  bytes.replace(0, 5, "BYTES");
  expect_equal({0, 1}, bytes);
  expect_equal({2}, "bytes");
}

// SPEC G5: sent one by one with the bytes of today, the first of them would be
// there with bytes of the second, beside a replica that has it without them.
TEST_F(DataLease, LeavesOutWhoLacksChangesThatOverlap) { // `behind`, I4
  const auto grant = servers.grant(chunk);
  const auto base = pattern(100'000, 1);
  ASSERT_EQ(write(grant, 0, base), std::nullopt);
  for (std::size_t i = 0; i < 3; ++i)
    servers.stop(i);
  // As primaries of earlier releases left it, or disks that forgot something.
  const auto apply = [&](std::size_t i, std::uint64_t serial,
                         std::uint32_t offset) {
    const auto bytes = pattern(10'000, serial);
    const auto crcs = wire::piece_crcs(offset, bytes);
    const std::array<std::string_view, 1> pieces{bytes};
    const auto applied
      = servers.nodes[i]->store->apply({.chunk = chunk,
                                        .version = first,
                                        .serial = mutation_serial{serial},
                                        .kind = storage::mutation_kind::write,
                                        .offset = offset,
                                        .length = 10'000,
                                        .writer = {},
                                        .sequence = 0},
                                       {.pieces = pieces, .crcs = crcs});
    ASSERT_TRUE(applied) << applied.error().context;
  };
  for (const std::size_t i : {0, 1})
    apply(i, 2, 70'000);
  apply(0, 3, 65'000);
  for (std::size_t i = 0; i < 3; ++i)
    servers.start(i);
  writer = servers.caller(0);
  msg::chunk_grant next;
  auto taken = servers.recover(chunk, second, {0, 1, 2}, next);
  ASSERT_TRUE(taken) << taken.error().context;
  EXPECT_EQ(taken->behind, std::vector{store_id{102}});
  EXPECT_EQ(servers.state(2, chunk).serial, mutation_serial{1});
  expect_equal({2}, base);
  taken = servers.recover(chunk, chunk_version{3}, {0, 1}, next);
  ASSERT_TRUE(taken) << taken.error().context;
  EXPECT_TRUE(taken->behind.empty());
  expect_equal({1}, servers.bytes(0, chunk));
}

// SPEC G4: empty, it would count as one that has everything, and be read.
TEST_F(DataLease, AReplicaThatWasLostIsNotMadeAnewEmpty) {
  const auto grant = servers.grant(chunk);
  ASSERT_EQ(write(grant, 0, "bytes"), std::nullopt);
  for (const std::size_t i : {1, 2})
    servers.stop(i);
  ASSERT_TRUE(servers.nodes[1]->store->quarantine(chunk));
  ASSERT_TRUE(servers.nodes[2]->store->remove(chunk));
  for (const std::size_t i : {1, 2})
    servers.start(i);
  EXPECT_EQ(write(grant, 5, "m"), ec::no_redundancy);
  EXPECT_EQ(refusal(fence(1, second, true)), ec::not_found);
  for (const std::size_t i : {1, 2})
    EXPECT_FALSE(servers.nodes[i]->store->state(chunk)) << "node " << i;
  EXPECT_TRUE(fence(2, second, true)) << "the master wants another one";
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

TEST_F(DataLease, WritersGoOnWhenAServerDiesInTheMiddle) { // SPEC G5, G14
  auto grant = servers.grant(chunk);
  const auto base = pattern(300'000, 1);
  ASSERT_EQ(write(grant, 0, base), std::nullopt);
  std::vector<std::unique_ptr<test::data_caller>> callers;
  for (int i = 0; i < 4; ++i)
    callers.push_back(servers.caller(0));
  rng random{5};
  std::vector<std::future<test::data_reply<msg::chunk_changed>>> open;
  for (std::uint64_t i = 0; i < 120; ++i) {
    const auto piece = pattern(1 + random.below(80'000), 100 + i);
    const auto offset = static_cast<std::uint32_t>(random.below(220'000));
    open.push_back(
      callers[i % 4]->start(write_of(grant, offset, piece), piece));
    if (i == 60)
      servers.stop(1);
  }
  for (auto& each : open)
    each.wait();
  servers.start(1);
  msg::chunk_grant next;
  const auto taken = servers.recover(chunk, second, {0, 1, 2}, next);
  ASSERT_TRUE(taken) << taken.error().context;
  expect_equal({0, 1, 2}, servers.bytes(0, chunk));
  for (auto& node : servers.nodes)
    EXPECT_TRUE(node->store->verify(chunk)->empty());
}

TEST_F(DataLease, ARestartedServerWaitsToBeTold) { // Reads: "what it is told"
  const auto grant = servers.grant(chunk);
  ASSERT_EQ(write(grant, 0, "bytes"), std::nullopt);
  const auto before = servers.caller(1, rights::reader);
  ASSERT_TRUE(test::eventually([&] { // The note is not to come to a later life.
    return before->call(read_of(chunk, first, {}, 0, 5)).data == "bytes";
  }));
  servers.stop(1);
  servers.start(1);
  auto reader = servers.caller(1, rights::reader);
  EXPECT_EQ(refusal(reader->call(read_of(chunk, first, {}, 0, 5)).message),
            ec::not_primary);
  const auto known
    = reader->call(read_of(chunk, first, mutation_serial{1}, 0, 5));
  ASSERT_TRUE(known.message) << known.message.error().context;
  EXPECT_EQ(known.data, "bytes");
  // A grant of its former life is worth nothing.
  servers.stop(0);
  servers.start(0);
  writer = servers.caller(0);
  EXPECT_EQ(write(grant, 0, "again"), ec::stale);
}

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
