#include "chunkserver/copy_steps.hpp"
#include "support/eventually.hpp"
#include "support/refusal.hpp"

#include <gtest/gtest.h>

// SPEC G9, G10: replicas made from others, bad bytes found and never served, on
// whole data servers.

namespace dfs::chunkserver::copy_steps {
namespace {

using namespace std::chrono_literals;
using test::append_of;
using test::read_of;
using test::refusal;

TEST_F(DataCopy, MakesAReplicaFromAnother) { // SPEC G10
  const auto bytes = pattern(3'333'333, 1);
  for (std::uint32_t at = 0; at < bytes.size(); at += 1u << 20)
    write(at, bytes.substr(at, 1u << 20));
  const auto copied = copy(2, order({0}, 4));
  ASSERT_TRUE(copied) << copied.error().context;
  EXPECT_EQ(copied->extent, (msg::chunk_extent{first, mutation_serial{4},
                                               3'333'333, 3'333'333}));
  EXPECT_EQ(servers.bytes(2, chunk), bytes);
  EXPECT_TRUE(servers.nodes[2]->store->verify(chunk)->empty());
  const auto read = servers.caller(2)->call(
    read_of(chunk, first, mutation_serial{4}, 1u << 20, 1u << 20));
  ASSERT_TRUE(read.message);
  EXPECT_EQ(read.data, bytes.substr(1u << 20, 1u << 20));
  {
    const std::lock_guard guard{servers.nodes[2]->mutex};
    EXPECT_EQ(servers.nodes[2]->arrived.size(), 1u);
  }
  // Once more: it is here already.
  EXPECT_TRUE(copy(2, order({0}, 4)));
  EXPECT_EQ(servers.nodes[2]->service->counters().bytes_copied, 3'333'333u);
}

TEST_F(DataCopy, BringsThePaddingAndTheAppendsAlong) { // SPEC G7
  const std::string record(test::data_chain::record_max, 'x');
  for (std::uint64_t i = 1; i <= 4; ++i) {
    const auto piece = i == 4 ? record.substr(100) : record;
    ASSERT_TRUE(writer->call(append_of(grant, alice, i, piece), piece).message);
  }
  EXPECT_EQ(
    refusal(writer->call(append_of(grant, alice, 5, record), record).message),
    ec::chunk_full);
  ASSERT_TRUE(copy(2, order({1}, 5)));
  EXPECT_EQ(servers.state(2, chunk), servers.state(0, chunk));
  EXPECT_EQ(servers.nodes[2]->store->appends(chunk)->size(), 1u);
  EXPECT_EQ(servers.nodes[2]->store->last_append(chunk, alice)->sequence, 4u);
  // It can take part, and lead.
  msg::chunk_grant next;
  const auto taken = servers.recover(chunk, chunk_version{2}, {2, 0}, next);
  ASSERT_TRUE(taken) << taken.error().context;
  const auto again = servers.caller(2)->call(
    append_of(next, alice, 4, record.substr(100)), record.substr(100));
  ASSERT_TRUE(again.message) << again.message.error().context;
  EXPECT_EQ(again.message->offset, 3 * test::data_chain::record_max);
}

TEST_F(DataCopy, AnEmptyChunkIsCopied) {
  write(0, "x");
  ASSERT_TRUE(test::data_chain::wait<msg::chunk_state>([&](auto done) {
    servers.nodes[0]->service->fence(chunk, chunk_version{2}, done);
  }));
  auto what = order({0});
  what.wanted.extent.version = chunk_version{3};
  EXPECT_EQ(refusal(copy(2, what)), ec::stale) << "nobody has that";
  EXPECT_FALSE(servers.nodes[2]->store->state(chunk));
}

// The bad one has been replaced here: no order to delete it will ever come.
TEST_F(DataCopy, FreesWhatItReplacesInQuarantine) { // SPEC G9
  write(0, pattern(300'000, 3));
  ASSERT_TRUE(copy(2, order({0})));
  flip_byte(*servers.nodes[2], 70'000);
  EXPECT_EQ(refusal(test::data_chain::wait<nothing>([&](auto done) {
              servers.nodes[2]->service->verify(chunk, done);
            })),
            ec::integrity);
  auto& store = *servers.nodes[2]->store;
  EXPECT_EQ(store.quarantined(), std::vector{chunk});
  ASSERT_TRUE(copy(2, order({0})));
  EXPECT_TRUE(store.quarantined().empty());
  EXPECT_EQ(servers.bytes(2, chunk), pattern(300'000, 3));
}

TEST_F(DataCopy, ReplacesAnOlderReplica) {
  write(0, pattern(100'000, 2));
  ASSERT_TRUE(copy(2, order({0})));
  msg::chunk_grant next;
  ASSERT_TRUE(servers.recover(chunk, chunk_version{2}, {0, 1}, next));
  const auto bytes = pattern(200'000, 3);
  ASSERT_TRUE(writer->call(write_of(next, 0, bytes), bytes).message);
  auto what = order({1, 0}, 2);
  what.wanted.extent.version = chunk_version{2};
  // Node 1 may not know yet that it is committed; then node 0 is asked.
  const auto copied = copy(2, what);
  ASSERT_TRUE(copied) << copied.error().context;
  EXPECT_EQ(servers.bytes(2, chunk), bytes);
  EXPECT_EQ(servers.state(2, chunk).version, chunk_version{2});
}

// It may be the last but one.
TEST_F(DataCopyBeside, KeepsTheOlderReplicaUntilTheCopyIsWhole) { // SPEC G10
  flip_byte(*servers.nodes[0], 2'500'000); // The source fails near its end.
  const auto outcome = copy(2, what);
  EXPECT_FALSE(outcome);
  expect_the_old_one();
  EXPECT_EQ(servers.nodes[2]->store->usage().chunks, 1u);
  restart();
  expect_the_old_one();
}

TEST_F(DataCopyBeside, LeavesNothingOfTheOlderOne) { // SPEC G10
  ASSERT_TRUE(copy(2, what));
  for (int lives = 0; lives < 2; ++lives) {
    EXPECT_EQ(servers.bytes(2, chunk), fresh);
    EXPECT_EQ(servers.nodes[2]->store->list().size(), 1u);
    EXPECT_EQ(servers.nodes[2]->store->usage().data, fresh.size());
    restart();
  }
}

// It is looked at while a copy takes its place. SPEC G9
TEST_F(DataCopyBeside, WhatIsFoundOfTheOlderOneSaysNothingOfTheCopy) {
  auto& node = *servers.nodes[2];
  flip_byte(node, 10);
  std::promise<void> release;
  auto reading
    = files.hold_read(node.directory / "volume", release.get_future().share());
  std::promise<void> looked;
  node.service->verify(chunk, [&](const auto&) { looked.set_value(); });
  reading.wait();
  ASSERT_TRUE(copy(2, what));
  release.set_value();
  looked.get_future().wait();
  EXPECT_EQ(corrupt(2), std::vector<chunk_id>{});
  EXPECT_EQ(servers.state(2, chunk).version, chunk_version{2});
  EXPECT_EQ(servers.bytes(2, chunk), fresh);
}

// Fenced while the copy was under way: a grant counts on what is here.
TEST_F(DataCopyBeside, ReplacesNothingThatWasFencedMeanwhile) { // SPEC G3
  ASSERT_TRUE(test::data_chain::wait<msg::chunk_state>([&](auto done) {
    servers.nodes[2]->service->fence(chunk, chunk_version{3}, done);
  }));
  EXPECT_EQ(refusal(copy(2, what)), ec::stale);
  EXPECT_EQ(servers.bytes(2, chunk), old);
}

TEST_F(DataCopy, GoesOnWhileTheChunkGrows) { // SPEC G14
  std::string bytes;
  std::atomic<bool> over{false};
  std::thread appender{[&] {
    for (std::uint64_t i = 1; i <= 300 && !over; ++i) {
      const auto record = pattern(5'000, i);
      if (!writer->call(append_of(grant, alice, i, record), record).message)
        break;
      bytes += record;
    }
  }};
  EXPECT_TRUE(test::eventually(
    [&] { return servers.state(0, chunk).serial > mutation_serial{20}; }));
  const auto copied = copy(2, order({0}));
  over = true;
  appender.join();
  ASSERT_TRUE(copied) << copied.error().context;
  const auto copy = servers.bytes(2, chunk);
  EXPECT_EQ(copy, bytes.substr(0, copy.size()));
  EXPECT_EQ(copy.size(), copied->extent.length);
  msg::chunk_grant next;
  const auto taken = servers.recover(chunk, chunk_version{2}, {0, 1, 2}, next);
  ASSERT_TRUE(taken) << taken.error().context;
  EXPECT_TRUE(taken->behind.empty());
  EXPECT_EQ(servers.bytes(2, chunk), bytes);
}

TEST_F(DataCopy, TakesTheNextSourceWhenOneIsGone) { // SPEC G10
  const auto bytes = pattern(500'000, 4);
  write(0, bytes);
  EXPECT_EQ(refusal(copy(2, order({}))), ec::unavailable);
  EXPECT_EQ(refusal(copy(2, order({3}))), ec::unavailable)
    << "it has no such chunk";
  servers.stop(1);
  EXPECT_EQ(refusal(copy(2, order({1}))), ec::unavailable);
  const auto copied = copy(2, order({1, 3, 0}));
  ASSERT_TRUE(copied) << copied.error().context;
  EXPECT_EQ(servers.bytes(2, chunk), bytes);
}

// After a start a server knows what it has, and not what of it is committed.
TEST_F(DataCopy, ASourceThatKnowsNothingDoesNotAnswerNothing) { // SPEC G10
  write(0, pattern(100'000, 9));
  servers.stop(0);
  servers.start(0);
  EXPECT_EQ(refusal(copy(2, order({0}, 0))), ec::unavailable);
  EXPECT_FALSE(servers.nodes[2]->store->state(chunk));
  ASSERT_TRUE(copy(2, order({0}, 1))) << "the master knows";
  EXPECT_EQ(servers.bytes(2, chunk), pattern(100'000, 9));
}

TEST_F(DataCopy, WhatAGrantHasOvertakenIsNotTaken) { // SPEC G3, G10
  write(0, pattern(100'000, 10));
  msg::chunk_grant next;
  ASSERT_TRUE(servers.recover(chunk, chunk_version{2}, {0, 1}, next));
  const std::string more(100, 'x');
  ASSERT_TRUE(writer->call(write_of(next, 0, more), more).message);
  EXPECT_EQ(refusal(copy(2, order({0}))), ec::stale);
  EXPECT_FALSE(servers.nodes[2]->store->state(chunk));
}

TEST_F(DataCopy, WhatWasRevokedDoesNotCount) { // SPEC G3, G10
  write(0, pattern(100'000, 11));
  ASSERT_TRUE(test::data_chain::wait<nothing>([&](auto done) {
    servers.nodes[2]->service->revoke(
      {{.chunk = chunk, .extent = {.version = chunk_version{2}}}},
      [done] { done(dfs::done); });
  }));
  EXPECT_EQ(refusal(copy(2, order({0}))), ec::stale);
  EXPECT_FALSE(servers.nodes[2]->store->state(chunk));
}

// The master that ordered it is over; the new one does not know of it.
TEST_F(DataCopy, WhatAFormerMasterOrderedDoesNotCount) { // SPEC G3, G10
  write(0, pattern(100'000, 12));
  ASSERT_TRUE(test::data_chain::wait<nothing>([&](auto done) {
    servers.nodes[2]->service->obey(master_term{2},
                                    [done] { done(dfs::done); });
  }));
  EXPECT_EQ(refusal(copy(2, order({0}))), ec::stale);
  auto again = order({0});
  again.term = master_term{2};
  EXPECT_TRUE(copy(2, again));
}

TEST_F(DataCopy, ManyChunksAtOnce) {
  std::vector<std::future<result<msg::chunk_state>>> open;
  for (std::uint64_t i = 100; i < 120; ++i) {
    const auto x = servers.grant(chunk_id{i}, {0, 1});
    const auto bytes = pattern(200'000, i);
    ASSERT_TRUE(writer->call(write_of(x, 0, bytes), bytes).message);
  }
  for (std::uint64_t i = 100; i < 120; ++i) {
    auto what = order({0});
    what.wanted.chunk = chunk_id{i};
    open.push_back(
      std::async(std::launch::async, [this, what] { return copy(2, what); }));
  }
  for (auto& each : open)
    EXPECT_TRUE(each.get());
  for (std::uint64_t i = 100; i < 120; ++i)
    EXPECT_EQ(servers.bytes(2, chunk_id{i}), pattern(200'000, i));
}

TEST_F(DataCopy, ABadSourceIsNotCopied) { // SPEC G9
  const auto bytes = pattern(2'000'000, 5);
  write(0, bytes.substr(0, 1u << 20));
  write(1u << 20, bytes.substr(1u << 20));
  flip_byte(*servers.nodes[1], 1'500'000);
  const auto copied = copy(2, order({1, 0}, 2));
  ASSERT_TRUE(copied) << copied.error().context;
  EXPECT_EQ(servers.bytes(2, chunk), bytes);
  // Where it read the block itself, it has moved the replica aside.
  const auto alone = refusal(copy(3, order({1}, 2)));
  EXPECT_TRUE(alone == ec::integrity || alone == ec::unavailable);
  EXPECT_FALSE(servers.nodes[3]->store->state(chunk));
}

// It had sent them as they are. Nobody else may read them for long.
TEST_F(DataCopy, ASourceThatSentBadBytesLooksAtThem) { // SPEC G9
  const auto bytes = pattern(2'000'000, 5);
  write(0, bytes.substr(0, 1u << 20));
  write(1u << 20, bytes.substr(1u << 20));
  flip_byte(*servers.nodes[1], 1'500'000);
  files.in_memory = true; // It is not looked at before it is sent.
  ASSERT_TRUE(copy(2, order({1, 0}, 2)));
  EXPECT_TRUE(test::eventually(
    [&] { return corrupt(1) == std::vector<chunk_id>{chunk}; }));
  EXPECT_EQ(servers.nodes[1]->service->counters().cold_reads, 0u);
}

TEST_F(DataCopy, BadBytesAreFoundByTheServer) { // SPEC G9
  write(0, pattern(1'000'000, 6));
  flip_byte(*servers.nodes[1], 500'000);
  auto reader = servers.caller(1, rights::reader);
  const auto read = [&](std::uint32_t offset, std::uint32_t length) {
    return reader->call(
      read_of(chunk, first, mutation_serial{1}, offset, length));
  };
  EXPECT_EQ(refusal(read(0, 4'096).message), std::nullopt);
  EXPECT_EQ(refusal(read(500'000, 4'096).message), ec::integrity);
  EXPECT_EQ(refusal(read(0, 4'096).message), ec::not_found) << "moved aside";
  EXPECT_EQ(corrupt(1), std::vector{chunk});
  EXPECT_EQ(servers.nodes[1]->store->quarantined(), std::vector{chunk});
  EXPECT_EQ(servers.nodes[1]->service->counters().integrity_faults, 1u);
}

TEST_F(DataCopy, BadBytesAreFoundByTheReader) { // SPEC G9
  const auto bytes = pattern(1'000'000, 7);
  write(0, bytes);
  flip_byte(*servers.nodes[0], 500'000);
  const auto read = servers.caller(0)->call(
    read_of(chunk, first, mutation_serial{1}, 0, 1u << 20));
  if (read.message) { // Sent as it is: the checksums tell.
    EXPECT_FALSE(wire::pieces_match(0, read.data, read.message->crcs));
  }
  // Whoever hears of it has the replica looked at.
  const auto verified = test::data_chain::wait<nothing>(
    [&](auto done) { servers.nodes[0]->service->verify(chunk, done); });
  EXPECT_TRUE(refusal(verified) == ec::integrity
              || refusal(verified) == ec::not_found);
  EXPECT_EQ(corrupt(0), std::vector{chunk});
  const auto good = test::data_chain::wait<nothing>(
    [&](auto done) { servers.nodes[1]->service->verify(chunk, done); });
  EXPECT_EQ(refusal(good), std::nullopt);
}

TEST_F(DataCopy, AChangeOfABadBlockIsRefused) { // SPEC G9
  write(0, pattern(1'000'000, 8));
  flip_byte(*servers.nodes[0], 500'000);
  const std::string bytes(100, 'x');
  EXPECT_EQ(
    refusal(writer->call(write_of(grant, 500'100, bytes), bytes).message),
    ec::no_redundancy);
  EXPECT_EQ(corrupt(0), std::vector{chunk});
  EXPECT_EQ(servers.state(1, chunk).serial, mutation_serial{1});
}

} // namespace
} // namespace dfs::chunkserver::copy_steps
