#include "chunkserver/lease_steps.hpp"


// SPEC G5, G6, G14: servers that die, and new primaries, on whole data servers.

namespace dfs::chunkserver {
namespace {

using namespace std::chrono_literals;
using namespace test_steps;
using test::append_of;
using test::pattern;

using NewPrimary = DataLease;

TEST_F(NewPrimary, APrimaryThatDiesIsFollowedByTheLongestReplica) { // SPEC G5
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

TEST_F(NewPrimary, BringsALaggardLevel) { // take_lease, I4
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

TEST_F(NewPrimary, LeavesOutWhoLacksMoreThanItRemembers) { // `behind`
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
TEST_F(NewPrimary, LeavesOutWhoLacksChangesThatOverlap) { // `behind`, I4
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
TEST_F(NewPrimary, AReplicaThatWasLostIsNotMadeAnewEmpty) {
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

TEST_F(NewPrimary, WritersGoOnWhenAServerDiesInTheMiddle) { // SPEC G5, G14
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

TEST_F(NewPrimary, ARestartedServerWaitsToBeTold) { // Reads: "what it is told"
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

// What is on its way to a server when it dies may come to its next life, which
// was told of nothing that was revoked meanwhile.
TEST_F(NewPrimary, AGrantToAFormerLifeMakesNothing) { // SPEC I3
  const auto grant = servers.grant(chunk);
  servers.stop(1);
  servers.start(1);
  servers.nodes[1]->service->begin_life(grant.epoch);
  EXPECT_EQ(write(grant, 0, "bytes"), ec::no_redundancy);
  EXPECT_FALSE(servers.nodes[1]->store->state(chunk));
  const auto later = servers.grant(chunk_id{9});
  ASSERT_GT(later.epoch, grant.epoch);
  EXPECT_EQ(write(later, 0, "bytes"), std::nullopt);
}

} // namespace
} // namespace dfs::chunkserver
