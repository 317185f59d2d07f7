#include "support/chunk_data.hpp"
#include "support/data_chain.hpp"
#include "support/refusal.hpp"

#include <gtest/gtest.h>

#include <array>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// SPEC G5, exactly once: writes whose answers are lost and that are repeated
// after somebody else wrote there, on whole data servers
// (docs/protocols/chunk_data.md, "Writes: exactly once").

namespace dfs::chunkserver {
namespace {

using namespace std::chrono_literals;
using test::pattern;
using test::refusal;
using test::write_of;

constexpr chunk_id chunk{7};
constexpr chunk_version second{2};
constexpr writer_id alice{11};
constexpr writer_id bob{12};

struct DataOnce : ::testing::Test {
  test::data_chain servers{4};
  msg::chunk_grant grant = servers.grant(chunk, {0, 1, 2});
  std::string expected = pattern(200'000, 1);

  DataOnce() {
    EXPECT_EQ(refusal(send(grant, {}, 0, expected)), std::nullopt);
  }

  std::size_t primary_of(const msg::chunk_grant& x) const {
    return x.chain.front().store.value() - 100;
  }

  /// On a connection of its own.
  result<msg::chunk_changed>
  send(const msg::chunk_grant& to, std::optional<msg::write_identity> once,
       std::uint32_t offset, const std::string& bytes,
       msg::change_ack ack = msg::change_ack::durable) {
    auto message = write_of(to, offset, bytes);
    message.ack = ack;
    if (once)
      message.once.push_back(*once);
    return servers.caller(primary_of(to))->call(message, bytes).message;
  }

  static msg::write_identity
  of(writer_id writer, std::uint64_t sequence, std::uint64_t since = 1) {
    return {writer, sequence, mutation_serial{since}};
  }

  /// What the replicas must hold now.
  void wrote(std::uint32_t offset, const std::string& bytes) {
    expected.replace(offset, bytes.size(), bytes);
  }

  void expect_equal(std::vector<std::size_t> at) {
    const auto writes = servers.nodes[at[0]]->store->writes(chunk);
    for (const auto i : at) {
      EXPECT_TRUE(servers.bytes(i, chunk) == expected) << "replica " << i;
      EXPECT_EQ(*servers.nodes[i]->store->writes(chunk), *writes)
        << "replica " << i;
      EXPECT_EQ(servers.state(i, chunk).serial,
                servers.state(at[0], chunk).serial);
    }
  }

  /// A new life of the server and of its store.
  void restart(std::size_t i) {
    servers.stop(i);
    servers.nodes[i]->store.reset();
    servers.start(i);
  }

  msg::chunk_grant
  recover(chunk_version version, const std::vector<std::size_t>& chain) {
    msg::chunk_grant next;
    const auto taken = servers.recover(chunk, version, chain, next);
    EXPECT_TRUE(taken) << (taken ? "" : taken.error().context);
    EXPECT_TRUE(taken && taken->behind.empty());
    return next;
  }

  const std::string one = pattern(70'000, 2);
  const std::string other = pattern(30'000, 3);
};

TEST_F(DataOnce, ALostAnswerAndAnotherWriterInBetween) { // SPEC G5, G4
  ASSERT_EQ(refusal(send(grant, of(alice, 1), 1'000, one)), std::nullopt);
  wrote(1'000, one);
  ASSERT_EQ(refusal(send(grant, of(bob, 1), 5'000, other)), std::nullopt);
  wrote(5'000, other);
  const auto again = send(grant, of(alice, 1), 1'000, one);
  ASSERT_TRUE(again) << again.error().context;
  EXPECT_EQ(again->offset, 1'000u);
  EXPECT_EQ(again->extent.serial, mutation_serial{3});
  expect_equal({0, 1, 2});
  // What comes after it goes on.
  ASSERT_EQ(refusal(send(grant, of(alice, 2), 0, "next")), std::nullopt);
  wrote(0, "next");
  expect_equal({0, 1, 2});
  // Without an identity each try writes, as the chunks of a put bear it.
  ASSERT_EQ(refusal(send(grant, {}, 0, "put")), std::nullopt);
  wrote(0, "put");
  expect_equal({0, 1, 2});
}

TEST_F(DataOnce, ManyTriesAtOnce) { // SPEC G5
  std::vector<std::unique_ptr<test::data_caller>> callers;
  std::vector<std::future<test::data_reply<msg::chunk_changed>>> open;
  auto message = write_of(grant, 1'000, one);
  message.once = {of(alice, 1)};
  for (int i = 0; i < 8; ++i) {
    callers.push_back(servers.caller(0));
    open.push_back(callers.back()->start(message, one));
  }
  for (auto& each : open) {
    const auto answer = each.get();
    ASSERT_TRUE(answer.message) << answer.message.error().context;
    EXPECT_EQ(answer.message->extent.serial, mutation_serial{2});
  }
  wrote(1'000, one);
  expect_equal({0, 1, 2});
}

TEST_F(DataOnce, PiecesComeInTheirOrder) { // W1
  EXPECT_EQ(refusal(send(grant, of(alice, 2), 0, "B")), ec::busy);
  ASSERT_EQ(refusal(send(grant, of(alice, 1), 0, "A")), std::nullopt);
  EXPECT_EQ(refusal(send(grant, of(alice, 3), 0, "C")), ec::busy);
  ASSERT_EQ(refusal(send(grant, of(alice, 2), 0, "B")), std::nullopt);
  EXPECT_EQ(refusal(send(grant, of(alice, 1), 0, "A")), std::nullopt)
    << "the first try, which its repetition overtook";
  wrote(0, "B");
  expect_equal({0, 1, 2});
}

TEST_F(DataOnce, ANewPrimaryKnows) { // SPEC G5, G6
  ASSERT_EQ(refusal(send(grant, of(alice, 1), 1'000, one)), std::nullopt);
  wrote(1'000, one);
  servers.stop(0);
  const auto next = recover(second, {1, 2});
  ASSERT_EQ(refusal(send(next, {}, 5'000, other)), std::nullopt);
  wrote(5'000, other);
  EXPECT_EQ(refusal(send(next, of(alice, 1), 1'000, one)), std::nullopt);
  expect_equal({1, 2});
  // The first one's late try finds nobody who takes it.
  EXPECT_EQ(refusal(send(grant, of(alice, 2), 0, "late")), ec::unavailable);
  servers.start(0);
  EXPECT_NE(refusal(send(grant, of(alice, 2), 0, "late")), std::nullopt);
  EXPECT_EQ(refusal(send(next, of(alice, 2), 0, "next")), std::nullopt);
  wrote(0, "next");
  expect_equal({1, 2});
}

// Goal: a change that only the primary had is there once, whoever leads next.
// Method: no secondary takes it; then the primary is in the next set, or not.
TEST_F(DataOnce, WhatOnlyThePrimaryHadIsBroughtToAll) { // SPEC G5
  servers.stop(1);
  EXPECT_EQ(refusal(send(grant, of(alice, 1), 1'000, one)), ec::no_redundancy);
  wrote(1'000, one);
  servers.start(1);
  restart(0);
  const auto next = recover(second, {0, 1, 2});
  EXPECT_EQ(primary_of(next), 0u);
  ASSERT_EQ(refusal(send(next, of(bob, 1), 5'000, other)), std::nullopt);
  wrote(5'000, other);
  EXPECT_EQ(refusal(send(next, of(alice, 1), 1'000, one)), std::nullopt);
  expect_equal({0, 1, 2});
  EXPECT_EQ(servers.state(0, chunk).serial, mutation_serial{3});
}

TEST_F(DataOnce, WhatOnlyALostPrimaryHadIsWrittenAgain) { // SPEC G5, G14
  servers.stop(1);
  EXPECT_EQ(refusal(send(grant, of(alice, 1), 1'000, one)), ec::no_redundancy);
  servers.start(1);
  servers.stop(0);
  const auto next = recover(second, {1, 2});
  ASSERT_EQ(refusal(send(next, of(alice, 1), 1'000, one)), std::nullopt);
  wrote(1'000, one);
  ASSERT_EQ(refusal(send(next, of(bob, 1), 5'000, other)), std::nullopt);
  wrote(5'000, other);
  EXPECT_EQ(refusal(send(next, of(alice, 1), 1'000, one)), std::nullopt);
  expect_equal({1, 2});
}

TEST_F(DataOnce, ACopyKnows) { // SPEC G5, G10
  ASSERT_EQ(refusal(send(grant, of(alice, 1), 1'000, one)), std::nullopt);
  wrote(1'000, one);
  ASSERT_EQ(refusal(send(grant, {}, 5'000, other)), std::nullopt);
  wrote(5'000, other);
  const msg::copy_chunk order{
    .term = master_term{1},
    .wanted
    = {.chunk = chunk,
       .extent = {.version = grant.version, .serial = mutation_serial{3}}},
    .from = {{servers.nodes[1]->id, servers.nodes[1]->address}},
    .chunk_size = test::data_chain::chunk_size};
  const auto copied = test::data_chain::wait<msg::chunk_state>(
    [&](auto done) { servers.nodes[3]->service->copy(order, done); });
  ASSERT_TRUE(copied) << copied.error().context;
  for (const auto i : {0u, 1u, 2u})
    servers.stop(i);
  servers.start(0);
  restart(3);
  const auto next = recover(second, {3, 0});
  ASSERT_EQ(primary_of(next), 3u);
  EXPECT_EQ(refusal(send(next, of(alice, 1), 1'000, one)), std::nullopt);
  expect_equal({3, 0});
}

TEST_F(DataOnce, AllThatRestartKnow) { // SPEC G5, S6
  ASSERT_EQ(refusal(send(grant, of(alice, 1), 1'000, one)), std::nullopt);
  wrote(1'000, one);
  ASSERT_EQ(refusal(send(grant, {}, 5'000, other)), std::nullopt);
  wrote(5'000, other);
  for (const auto i : {0u, 1u, 2u})
    restart(i);
  const auto next = recover(second, {2, 1, 0});
  EXPECT_EQ(refusal(send(next, of(alice, 1), 1'000, one)), std::nullopt);
  expect_equal({0, 1, 2});
}

// Goal: a writer who may have been forgotten is never applied a second time,
// and one who certainly was not is not refused.
TEST_F(DataOnce, AForgottenWriterIsToldSo) { // SPEC G5, S7
  ASSERT_EQ(refusal(send(grant, of(alice, 1), 1'000, one)), std::nullopt);
  wrote(1'000, one);
  auto caller = servers.caller(0);
  for (std::uint64_t i = 0; i < msg::recent_writes::most; ++i) {
    auto message = write_of(grant, 0, "x");
    message.once = {of(writer_id{1'000 + i}, 1)};
    ASSERT_TRUE(caller->call(message, "x").message);
  }
  wrote(0, "x");
  EXPECT_EQ(refusal(send(grant, of(alice, 1), 1'000, one)),
            ec::outcome_unknown);
  EXPECT_EQ(refusal(send(grant, of(bob, 1), 1'000, one)), ec::outcome_unknown)
    << "nobody can tell him from one that was here";
  expect_equal({0, 1, 2});
  const auto next = [&] {
    for (const auto i : {0u, 1u, 2u})
      restart(i);
    return recover(second, {0, 1, 2});
  }();
  EXPECT_EQ(refusal(send(next, of(alice, 1), 1'000, one)), ec::outcome_unknown);
  EXPECT_EQ(refusal(send(next, of(bob, 1, 2), 5'000, other)), std::nullopt);
  wrote(5'000, other);
  expect_equal({0, 1, 2});
}

TEST_F(DataOnce, IsDurableWhenItIsAnswered) { // W4
  const auto syncs
    = [&](std::size_t i) { return servers.nodes[i]->store->usage().syncs; };
  const std::array before{syncs(0), syncs(1), syncs(2)};
  ASSERT_EQ(
    refusal(send(grant, of(alice, 1), 0, one, msg::change_ack::applied)),
    std::nullopt);
  for (const auto i : {0u, 1u, 2u})
    EXPECT_GT(syncs(i), before[i]) << "server " << i;
}

} // namespace
} // namespace dfs::chunkserver
