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

  /// In another process, which knows no more than what was printed. What is to
  /// be printed next is left in `printed`.
  result<std::uint64_t>
  repeat(std::uint64_t offset, std::shared_ptr<byte_source> source) {
    range_write what{.path = "/f", .offset = offset, .timeout = timeout};
    if (!printed.empty())
      what.earlier = *parse_write_name(printed);
    auto writer = std::make_shared<range_writer>(
      cluster.session, std::move(source), std::move(what));
    std::optional<result<std::uint64_t>> outcome;
    writer->start([&](auto x) { outcome = std::move(x); });
    auto answer = cluster.wait(outcome);
    const auto name = writer->name();
    if (!answer)
      EXPECT_EQ(name.has_value(),
                answer.error().code == ec::outcome_unknown || !printed.empty());
    if (!answer && name)
      printed = to_string(*name);
    return answer;
  }

  static std::shared_ptr<byte_source>
  source_of(const std::string& bytes, bool piped) {
    if (piped)
      return std::make_shared<pipe_source>(bytes);
    return std::make_shared<memory_source>(bytes);
  }

  /// One of the next pieces: it, or its answer, is lost, and with it the
  /// master; unless nobody is to be lost any more.
  void lose_one(rng& random, bool nobody) {
    const auto lost = [this, nobody, left = static_cast<int>(random.below(6))](
                        auto&&...) mutable -> std::optional<error> {
      if (--left >= 0 || nobody)
        return std::nullopt;
      cluster.master_down = true;
      return fail(ec::unavailable, "the connection broke");
    };
    cluster.after_change = nullptr;
    cluster.on_write = nullptr;
    if (random.one_in(2))
      cluster.after_change = lost;
    else
      cluster.on_write = lost;
  }

  std::string printed;

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

// Goal: what is written whole needs nobody any more, and adds nothing (SPEC S7,
// G5). Method: writes that end where a chunk ends, of files and pipes; the
// master and its answers end with the first byte.
TEST_F(RangeWriterTest, NeedsNoChunkBehindTheOneItEndsIn) {
  for (const auto piped : {false, true})
    for (const auto chunks : {1u, 2u}) {
      SCOPED_TRACE(std::to_string(chunks) + (piped ? " piped" : ""));
      auto expected = random_bytes(chunks * chunk_size);
      cluster.add_file("/f", expected);
      const auto patch = random_bytes(4'096, 5);
      cluster.on_write = [&](auto, const auto&) {
        cluster.master_down = true;
        return std::optional<error>{};
      };
      const auto offset = chunk_size - patch.size();
      std::shared_ptr<byte_source> source
        = std::make_shared<memory_source>(patch);
      if (piped)
        source = std::make_shared<pipe_source>(patch);
      const auto written = write(offset, source);
      cluster.master_down = false;
      ASSERT_TRUE(written) << written.error().context;
      EXPECT_EQ(*written, patch.size());
      expected.replace(offset, patch.size(), patch);
      EXPECT_TRUE(cluster.content("/f") == expected);
      EXPECT_EQ(cluster.files["/f"].chunks.size(), chunks);
    }
}

TEST_F(RangeWriterTest, AddsNoChunkForNothing) { // SPEC G5
  cluster.add_file("/f", "");
  EXPECT_EQ(*write(0, std::make_shared<pipe_source>("")), 0u);
  EXPECT_TRUE(cluster.files["/f"].chunks.empty());
  cluster.add_file("/f", random_bytes(chunk_size));
  EXPECT_EQ(*write(chunk_size, std::make_shared<pipe_source>("")), 0u);
  EXPECT_EQ(cluster.files["/f"].chunks.size(), 1u);
}

// Goal: bytes of a pipe that were read ahead go where they belong, whatever the
// next chunk takes. Method: the chunk behind has become short by padding.
TEST_F(RangeWriterTest, WritesOnFromAPipeIntoAShortChunk) { // SPEC G5, G7
  const auto before = random_bytes(3 * chunk_size);
  cluster.add_file("/f", before);
  auto& chunk = cluster.chunks.at(cluster.files["/f"].chunks[1]);
  chunk.bytes.resize(100'001);
  chunk.extent.padded_from = chunk.known.padded_from = 100'001;
  auto expected
    = before.substr(0, chunk_size + 100'001) + before.substr(2 * chunk_size);
  const auto bytes = random_bytes(chunk_size, 7);
  const auto offset = chunk_size - 70'000u;
  const auto written = write(offset, std::make_shared<pipe_source>(bytes));
  ASSERT_TRUE(written) << written.error().context;
  expected.replace(offset, bytes.size(), bytes);
  EXPECT_TRUE(cluster.content("/f") == expected);
}

// Goal: "not now" means that nothing was done (SPEC S7, S11). Method: the
// master ends after the first of two chunks; or a primary refuses until the
// end.
TEST_F(RangeWriterTest, TellsHowFarItIsWritten) {
  timeout = 300ms;
  cluster.add_file("/f", random_bytes(2 * chunk_size));
  int leases = 0;
  cluster.on_master = [&](const std::string& name) -> std::optional<error> {
    if (name != "lease_chunk" || ++leases == 1)
      return std::nullopt;
    return fail(ec::unavailable, "no master");
  };
  const auto half = write(chunk_size - 5'000, random_bytes(10'000, 2));
  EXPECT_EQ(refusal(half), ec::outcome_unknown);
  EXPECT_EQ(half.error().context, "the first 5000 bytes are written, the rest "
                                  "is not: no master");
  cluster.on_master = nullptr;
  cluster.on_write = [](auto, const auto&) {
    return std::optional<error>{fail(ec::busy, "too many")};
  };
  const auto none = write(0, random_bytes(10'000, 2));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ec::busy) << "certainly not written";
}

// Goal: a write that is repeated under the name that was printed is done once,
// and what others wrote since stays, whichever of the names it is repeated
// under (SPEC S11). Method: random writes of files and pipes; at a random
// change its answer and the master are lost, now after it was done, now before;
// somebody else writes in between where this one has surely been.
TEST_F(RangeWriterTest, IsDoneOnceByWhoeverRepeatsIt) {
  timeout = 30ms;
  int unknown = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    rng random{seed};
    printed.clear();
    auto expected = random_bytes(2 * chunk_size + 100'000, seed);
    cluster.add_file("/f", expected);
    const auto offset = random.below(chunk_size + 1'000'000);
    const auto bytes
      = random_bytes(1 + random.below(2 * chunk_size), seed + 1'000);
    if (expected.size() < offset + bytes.size())
      expected.resize(offset + bytes.size());
    expected.replace(offset, bytes.size(), bytes);
    const auto piped = random.one_in(2);
    std::vector<std::string> names;
    std::size_t others = 0; // How far the other one has written over it.
    for (int tries = 0;; ++tries) {
      ASSERT_LT(tries, 200);
      lose_one(random, tries >= 100);
      if (!names.empty() && random.one_in(2))
        printed = names[random.below(names.size())];
      const auto done = repeat(offset, source_of(bytes, piped));
      cluster.master_down = false;
      if (done) {
        EXPECT_EQ(*done, bytes.size());
        break;
      }
      if (printed.empty()) { // Certainly nothing has happened.
        EXPECT_NE(done.error().code, ec::outcome_unknown);
        continue;
      }
      ++unknown;
      EXPECT_EQ(done.error().code, ec::outcome_unknown) << done.error().context;
      names.push_back(printed);
      const auto surely = parse_write_name(printed)->done;
      if (surely > others) {
        others = surely;
        const auto at = offset + surely - 1;
        auto& chunk
          = cluster.chunks.at(cluster.files["/f"].chunks[at / chunk_size]);
        chunk.bytes[at % chunk_size] = '!';
        expected[at] = '!';
      }
    }
    // Once more, under each: somebody was slow.
    cluster.after_change = nullptr;
    cluster.on_write = nullptr;
    for (const auto& each : names) {
      printed = each;
      EXPECT_TRUE(repeat(offset, source_of(bytes, piped)));
    }
    EXPECT_TRUE(cluster.content("/f") == expected);
  }
  EXPECT_GT(unknown, 60);
}

TEST_F(RangeWriterTest, RefusesAnotherContentUnderTheName) { // SPEC S11
  timeout = 30ms;
  const auto before = random_bytes(chunk_size);
  for (const auto piped : {false, true}) {
    SCOPED_TRACE(piped);
    printed.clear();
    cluster.add_file("/f", before);
    cluster.after_change = [&](auto) -> std::optional<error> {
      cluster.master_down = true;
      return fail(ec::unavailable, "the connection broke");
    };
    ASSERT_FALSE(repeat(10, source_of("what is wanted", piped)));
    cluster.master_down = false;
    cluster.after_change = nullptr;
    const auto after = cluster.content("/f");
    const auto name = printed;
    for (const auto* other : {"what is wantee", "what is", ""}) {
      printed = name;
      EXPECT_EQ(refusal(repeat(10, source_of(other, piped))),
                ec::invalid_argument);
    }
    EXPECT_EQ(refusal(repeat(11, source_of("what is wanted", piped))),
              ec::invalid_argument);
    EXPECT_EQ(printed, name);
    EXPECT_TRUE(cluster.content("/f") == after);
    EXPECT_TRUE(repeat(10, source_of("what is wanted", piped)));
    EXPECT_TRUE(cluster.content("/f") == after);
  }
}

// Goal: what nobody can tell any more is not done again, and said so (SPEC
// S11).
TEST_F(RangeWriterTest, RepeatsNothingThatCannotBeTold) {
  timeout = 30ms;
  cluster.add_file("/f", random_bytes(10'000));
  cluster.after_change = [&](auto) -> std::optional<error> {
    cluster.master_down = true;
    return fail(ec::unavailable, "the connection broke");
  };
  ASSERT_FALSE(repeat(10, source_of("patch", false)));
  cluster.master_down = false;
  cluster.after_change = nullptr;
  auto& chunk = cluster.chunks.at(cluster.files["/f"].chunks[0]);
  chunk.bytes.replace(10, 5, "other");
  chunk.forget_writers();
  EXPECT_EQ(refusal(repeat(10, source_of("patch", false))),
            ec::outcome_unknown);
  EXPECT_EQ(cluster.content("/f").substr(10, 5), "other");
  const auto other = random_bytes(10'000, 3);
  cluster.add_file("/f", other); // Another file under the name.
  EXPECT_EQ(refusal(repeat(10, source_of("patch", false))),
            ec::outcome_unknown);
  EXPECT_TRUE(cluster.content("/f") == other);
}

TEST(ChangeName, IsReadAsItWasPrinted) { // SPEC S7
  const write_name write{writer_id{~0ull},   inode_id{2}, chunk_id{3}, 4, 5,
                         mutation_serial{6}, 7,           8,           9};
  EXPECT_EQ(*parse_write_name(to_string(write)), write);
  const append_name append{
    writer_id{0xabc}, 1, inode_id{2}, chunk_id{3}, 4, 5, 6};
  const auto text = to_string(append);
  EXPECT_TRUE(text.starts_with("aabc.1.2.3.4.5.6-")) << text;
  EXPECT_EQ(*parse_append_name(text), append);
  EXPECT_EQ(refusal(parse_write_name(text)), ec::invalid_argument);
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto slip = text;
    slip[i] = slip[i] == '7' ? '8' : '7';
    EXPECT_EQ(refusal(parse_append_name(slip)), ec::invalid_argument) << slip;
    EXPECT_FALSE(parse_append_name(text.substr(0, i)));
  }
}

TEST(RequestNumber, IsOfOneFileOfOneCommand) { // SPEC S11
  const auto of = [](std::uint64_t command, std::string_view path,
                     std::string_view source) {
    return request_in(request_id{command}, path, source);
  };
  // Pinned: a command may be repeated with the next version of the program.
  EXPECT_EQ(of(42, "/a/b", "10 7 3 1"), 9'850'815'880'905'191'824u);
  std::set<std::uint64_t> all{of(42, "/a/b", "10 7 3 1")};
  EXPECT_TRUE(all.insert(of(43, "/a/b", "10 7 3 1")).second);
  EXPECT_TRUE(all.insert(of(42, "/a/c", "10 7 3 1")).second);
  EXPECT_TRUE(all.insert(of(42, "/a/b", "11 7 3 1")).second);
  EXPECT_TRUE(all.insert(of(42, "/a/b1", "0 7 3 1")).second);
  EXPECT_TRUE(all.insert(of(42, "/a/b", {})).second);
  EXPECT_EQ(all.count(0), 0u);
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
