#include "client/range_writer.hpp"

#include "support/fake_cluster.hpp"
#include "support/file_bytes.hpp"
#include "support/refusal.hpp"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace dfs::client {
namespace {

using namespace std::chrono_literals;
using test::fake_cluster;
using test::pipe_source;
using test::random_bytes;
using test::refusal;

constexpr auto chunk_size = fake_cluster::chunk_size;

struct RangeWriterTest : ::testing::Test {
  fake_cluster cluster;

  std::chrono::milliseconds timeout = 5s;

  result<std::uint64_t>
  write(std::uint64_t offset, std::shared_ptr<byte_source> source) {
    auto writer = std::make_shared<range_writer>(
      cluster.session, std::move(source),
      range_write{.path = "/f", .offset = offset, .timeout = timeout});
    std::optional<result<std::uint64_t>> outcome;
    writer->start([&](auto x) { outcome = std::move(x); });
    return cluster.wait(outcome);
  }

  result<std::uint64_t> write(std::uint64_t offset, const std::string& bytes) {
    return write(offset, std::make_shared<memory_source>(bytes));
  }
};

// Goal: a file is what an array of bytes would be (SPEC G5). Method: random
// ranges, over chunk boundaries and beyond the end, from files and pipes,
// compared.
TEST_F(RangeWriterTest, WritesAnyRange) {
  auto expected = random_bytes(chunk_size + 123'456);
  cluster.add_file("/f", expected);
  rng random{3};
  for (std::uint64_t i = 0; i < 30; ++i) {
    SCOPED_TRACE(i);
    const auto offset
      = random.one_in(4) ? expected.size() : random.below(expected.size());
    const auto bytes = random_bytes(
      random.below(random.one_in(3) ? 2 * chunk_size : 9'000), i);
    const auto written
      = random.one_in(2) ? write(offset, bytes)
                         : write(offset, std::make_shared<pipe_source>(bytes));
    ASSERT_TRUE(written) << written.error().context;
    EXPECT_EQ(*written, bytes.size());
    if (expected.size() < offset + bytes.size())
      expected.resize(offset + bytes.size());
    expected.replace(offset, bytes.size(), bytes);
    ASSERT_TRUE(cluster.content("/f") == expected);
  }
  EXPECT_EQ(cluster.session.memory->bytes_used(), 0u);
}

TEST_F(RangeWriterTest, WritesIntoAnEmptyFile) {
  cluster.add_file("/f", "");
  ASSERT_TRUE(write(0, "hello"));
  EXPECT_EQ(cluster.content("/f"), "hello");
  EXPECT_EQ(*write(3, ""), 0u);
}

TEST_F(RangeWriterTest, RefusesToLeaveAHole) { // SPEC S7
  cluster.add_file("/f", "hello", true);
  const auto refused = write(6, "x");
  ASSERT_EQ(refusal(refused), ec::invalid_argument);
  EXPECT_EQ(refused.error().context,
            "offset 6 is behind the end of /f (5 bytes)");
  EXPECT_TRUE(write(5, "!"));
  EXPECT_EQ(cluster.content("/f"), "hello!");
}

TEST_F(RangeWriterTest, LeavesPaddingWhereItIs) { // SPEC G7
  const auto bytes = random_bytes(2 * chunk_size);
  cluster.add_file("/f", bytes);
  auto& chunk = cluster.chunks.at(cluster.files["/f"].chunks[0]);
  chunk.bytes.resize(1'000);
  chunk.extent.padded_from = chunk.known.padded_from = 1'000;
  ASSERT_TRUE(write(900, random_bytes(200, 2)));
  auto expected = bytes.substr(0, 1'000) + bytes.substr(chunk_size);
  expected.replace(900, 200, random_bytes(200, 2));
  EXPECT_TRUE(cluster.content("/f") == expected);
}

TEST_F(RangeWriterTest, GoesOnWithoutAServerThatDies) { // SPEC G14
  auto expected = random_bytes(2 * chunk_size);
  cluster.add_file("/f", expected);
  int writes = 0;
  cluster.on_write = [&](store_id at, const auto&) -> std::optional<error> {
    if (++writes == 3)
      cluster.down.insert(at);
    return std::nullopt;
  };
  const auto bytes = random_bytes(chunk_size, 9);
  const auto written = write(chunk_size / 2, bytes);
  ASSERT_TRUE(written) << written.error().context;
  expected.replace(chunk_size / 2, bytes.size(), bytes);
  EXPECT_TRUE(cluster.content("/f") == expected);
}

TEST_F(RangeWriterTest, NumbersEachPieceAndAsksForItsDurability) { // W1, W4
  cluster.add_file("/f", random_bytes(2 * chunk_size));
  std::map<chunk_id, std::vector<msg::write_chunk>> sent;
  cluster.on_write = [&](auto, const msg::write_chunk& x) {
    sent[x.chunk].push_back(x);
    return std::optional<error>{};
  };
  ASSERT_TRUE(write(chunk_size / 2, random_bytes(chunk_size, 2)));
  ASSERT_EQ(sent.size(), 2u);
  std::set<writer_id> writers;
  for (const auto& [id, all] : sent) {
    std::uint64_t sequence = 0;
    for (const auto& x : all) {
      ASSERT_EQ(x.once.size(), 1u);
      EXPECT_EQ(x.once[0].sequence, ++sequence);
      EXPECT_EQ(x.once[0].writer, all[0].once[0].writer);
      EXPECT_EQ(x.ack, msg::change_ack::durable);
    }
    writers.insert(all[0].once[0].writer);
  }
  EXPECT_EQ(writers.size(), 2u) << "one for each chunk";
}

// Goal: what somebody else wrote since stays on top. Method: answers are lost
// after the change was made, and another writer comes at once.
TEST_F(RangeWriterTest, WritesOnceThoughAnswersAreLost) { // SPEC G5
  auto expected = random_bytes(chunk_size);
  cluster.add_file("/f", expected);
  const auto bytes = random_bytes(3 * chunk_size / 4, 2);
  expected.replace(0, bytes.size(), bytes);
  int changes = 0;
  cluster.after_change = [&](auto) -> std::optional<error> {
    if (++changes != 2)
      return std::nullopt;
    auto& x = cluster.chunks.at(cluster.files["/f"].chunks[0]);
    x.bytes.replace(0, 9, "the other");
    x.bytes.replace(1'500'000, 9, "the other");
    expected.replace(0, 9, "the other");
    expected.replace(1'500'000, 9, "the other");
    return fail(ec::unavailable, "the connection broke");
  };
  const auto written = write(0, bytes);
  ASSERT_TRUE(written) << written.error().context;
  EXPECT_EQ(*written, bytes.size());
  EXPECT_TRUE(cluster.content("/f") == expected);
  EXPECT_EQ(changes, 3);
}

TEST_F(RangeWriterTest, SaysThatTheOutcomeIsUnknown) { // SPEC S7
  auto expected = random_bytes(100'000);
  cluster.add_file("/f", expected);
  auto& x = cluster.chunks.at(cluster.files["/f"].chunks[0]);
  cluster.after_change = [&](auto) -> std::optional<error> {
    x.forget_writers();
    return fail(ec::timed_out, "the answer is lost");
  };
  EXPECT_EQ(refusal(write(10, "patch")), ec::outcome_unknown);
  expected.replace(10, 5, "patch");
  EXPECT_EQ(cluster.content("/f"), expected);
  EXPECT_EQ(x.extent.serial, mutation_serial{2}) << "nothing was written twice";
  // Nobody answers any more.
  cluster.after_change = [](auto) -> std::optional<error> {
    return fail(ec::timed_out, "the answer is lost");
  };
  int leases = 0;
  cluster.on_master = [&](const std::string& name) -> std::optional<error> {
    if (name != "lease_chunk" || ++leases == 1)
      return std::nullopt;
    return fail(ec::unavailable, "no master");
  };
  timeout = 200ms;
  EXPECT_EQ(refusal(write(10, "PATCH")), ec::outcome_unknown);
}

// Goal: who certainly did not write is not stopped by being unknown. Method: so
// many others write that a writer is forgotten before his first piece, and
// between two of them.
TEST_F(RangeWriterTest, GoesOnAsSomebodyElseWhereHeIsForgotten) { // SPEC G5
  auto expected = random_bytes(chunk_size);
  cluster.add_file("/f", expected);
  auto& x = cluster.chunks.at(cluster.files["/f"].chunks[0]);
  int tries = 0;
  std::set<writer_id> writers;
  cluster.on_write = [&](auto, const auto& what) -> std::optional<error> {
    writers.insert(what.once[0].writer);
    if (++tries == 1)
      x.extent.serial = mutation_serial{300};
    if (tries == 1 || (x.writes.entries.size() == 1 && writers.size() == 2))
      x.forget_writers();
    return std::nullopt;
  };
  const auto bytes = random_bytes(3 * chunk_size / 4, 2);
  const auto written = write(0, bytes);
  ASSERT_TRUE(written) << written.error().context;
  expected.replace(0, bytes.size(), bytes);
  EXPECT_TRUE(cluster.content("/f") == expected);
  EXPECT_EQ(writers.size(), 3u);
  EXPECT_EQ(x.extent.serial, mutation_serial{303}) << "three pieces, once each";
}

} // namespace
} // namespace dfs::client
