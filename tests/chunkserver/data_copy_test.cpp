#include "support/chunk_data.hpp"
#include "support/data_chain.hpp"
#include "support/eventually.hpp"
#include "support/held_files.hpp"
#include "support/refusal.hpp"

#include <gtest/gtest.h>

// SPEC G9, G10: replicas made from others, bad bytes found and never served, on
// whole data servers.

namespace dfs::chunkserver {
namespace {

using namespace std::chrono_literals;
using test::append_of;
using test::flip_byte;
using test::pattern;
using test::read_of;
using test::refusal;
using test::write_of;

constexpr chunk_id chunk{7};
constexpr chunk_version first{1};
constexpr writer_id alice{11};

/// The machine's files; a volume can be made to have no room.
class crowded_files : public test::held_files {
public:
  void fill(const std::filesystem::path& volume) {
    const std::lock_guard guard{mutex_};
    full_ = volume;
  }

  result<storage::disk_space> space(const std::string& path) override {
    auto found = test::held_files::space(path);
    const std::lock_guard guard{mutex_};
    if (found && path == full_)
      found->available = 0;
    return found;
  }

private:
  std::mutex mutex_;
  std::filesystem::path full_;
};

struct DataCopy : ::testing::Test {
  crowded_files files;
  test::data_chain servers{
    test::data_chain_options{.count = 4, .tls = {}, .files = &files}};
  msg::chunk_grant grant = servers.grant(chunk, {0, 1});
  std::unique_ptr<test::data_caller> writer = servers.caller(0);

  void write(std::uint32_t offset, const std::string& bytes) {
    const auto answer = writer->call(write_of(grant, offset, bytes), bytes);
    ASSERT_TRUE(answer.message) << answer.message.error().context;
  }

  msg::copy_chunk
  order(std::vector<std::size_t> from, std::uint64_t serial = 1) {
    msg::copy_chunk x{.term = master_term{1},
                      .wanted = {.chunk = chunk,
                                 .extent = {.version = first,
                                            .serial = mutation_serial{serial}}},
                      .from = {},
                      .chunk_size = test::data_chain::chunk_size};
    for (const auto i : from)
      x.from.push_back({servers.nodes[i]->id, servers.nodes[i]->address});
    return x;
  }

  result<msg::chunk_state> copy(std::size_t to, const msg::copy_chunk& what) {
    return test::data_chain::wait<msg::chunk_state>(
      [&](auto done) { servers.nodes[to]->service->copy(what, done); });
  }

  std::vector<chunk_id> corrupt(std::size_t i) {
    const std::lock_guard guard{servers.nodes[i]->mutex};
    return servers.nodes[i]->corrupt;
  }
};

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

/// An older replica at node 2; whoever has the newer one is gone.
struct DataCopyBeside : DataCopy {
  std::string old = pattern(300'000, 2);
  std::string fresh = pattern(3'000'000, 3);
  msg::copy_chunk what;

  void SetUp() override {
    write(0, old);
    ASSERT_TRUE(copy(2, order({0})));
    msg::chunk_grant next;
    ASSERT_TRUE(servers.recover(chunk, chunk_version{2}, {0, 1}, next));
    for (std::uint32_t at = 0; at < fresh.size(); at += 1u << 20) {
      const auto bytes = fresh.substr(at, 1u << 20);
      ASSERT_TRUE(writer->call(write_of(next, at, bytes), bytes).message);
    }
    what = order({0}, 2);
    what.wanted.extent.version = chunk_version{2};
  }

  /// From its disk.
  void restart() {
    servers.stop(2);
    servers.nodes[2]->store.reset();
    servers.start(2);
  }

  void expect_the_old_one() {
    EXPECT_EQ(servers.state(2, chunk).version, first);
    EXPECT_EQ(servers.bytes(2, chunk), old);
    EXPECT_TRUE(servers.nodes[2]->store->verify(chunk)->empty());
  }
};

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

// Fenced while the copy was under way: a grant counts on what is here.
TEST_F(DataCopyBeside, ReplacesNothingThatWasFencedMeanwhile) { // SPEC G3
  ASSERT_TRUE(test::data_chain::wait<msg::chunk_state>([&](auto done) {
    servers.nodes[2]->service->fence(chunk, chunk_version{3}, done);
  }));
  EXPECT_EQ(refusal(copy(2, what)), ec::stale);
  EXPECT_EQ(servers.bytes(2, chunk), old);
}

/// Node 2 has two volumes; the one with the replica has failed.
struct DataCopyTwoVolumes : DataCopyBeside {
  void SetUp() override {
    DataCopyBeside::SetUp();
    servers.add_volume(2);
  }

  void fail_the_first() {
    servers.nodes[2]->store->give_up(fail(ec::io_error, "the disk is gone"));
  }

  void expect_on_the_second(chunk_version version, const std::string& bytes) {
    const auto& second = *servers.nodes[2]->second;
    const auto state = second.state(chunk);
    ASSERT_TRUE(state);
    EXPECT_EQ(state->version, version);
    const auto read = servers.caller(2)->call(
      read_of(chunk, version, state->serial, 0, 1u << 18));
    ASSERT_TRUE(read.message) << read.message.error().context;
    EXPECT_EQ(read.data, bytes.substr(0, 1u << 18));
    const auto listed = servers.nodes[2]->service->list();
    ASSERT_EQ(listed.size(), 1u) << "what is on the first one is lost";
    EXPECT_EQ(listed[0].extent.version, version);
  }
};

// Equal in version and changes: it is here, and nobody can read it.
TEST_F(DataCopyTwoVolumes, MakesTheLostReplicaOnTheOtherOne) { // SPEC G3, I9
  ASSERT_TRUE(copy(2, what));
  const auto read = servers.caller(2)->call(
    read_of(chunk, chunk_version{2}, what.wanted.extent.serial, 0, 1'000));
  EXPECT_TRUE(read.message) << "now it is in use";
  fail_the_first();
  const auto copied = copy(2, what);
  ASSERT_TRUE(copied) << copied.error().context;
  expect_on_the_second(chunk_version{2}, fresh);
}

TEST_F(DataCopyTwoVolumes, LeavesAnOlderReplicaWhereNothingCanReplaceIt) {
  fail_the_first(); // SPEC G10
  const auto copied = copy(2, what);
  ASSERT_TRUE(copied) << copied.error().context;
  expect_on_the_second(chunk_version{2}, fresh);
}

/// … or has room for the replica that is there, and for no copy.
struct DataCopyCrowded : DataCopyTwoVolumes {
  void SetUp() override {
    DataCopyTwoVolumes::SetUp();
    files.fill(servers.nodes[2]->directory / "volume");
    restart();
  }
};

// Nothing is missing at any moment.
TEST_F(DataCopyCrowded, MakesTheCopyOnTheOtherOne) { // SPEC G10
  const auto copied = copy(2, what);
  ASSERT_TRUE(copied) << copied.error().context;
  expect_on_the_second(chunk_version{2}, fresh);
  EXPECT_FALSE(servers.nodes[2]->store->state(chunk));
}

TEST_F(DataCopyCrowded, KeepsTheReplicaIfTheSourceFails) { // SPEC G10
  flip_byte(*servers.nodes[0], 2'500'000);
  EXPECT_FALSE(copy(2, what));
  expect_the_old_one();
  EXPECT_TRUE(servers.nodes[2]->second->list().empty());
}

TEST_F(DataCopyTwoVolumes, TellsNoReplicaOfAFailedOne) { // SPEC G3
  EXPECT_EQ(servers.nodes[2]->service->list().size(), 1u);
  fail_the_first();
  EXPECT_TRUE(servers.nodes[2]->service->list().empty());
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
} // namespace dfs::chunkserver
