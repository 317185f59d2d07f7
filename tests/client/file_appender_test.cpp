#include "client/file_appender.hpp"

#include "support/fake_cluster.hpp"
#include "support/file_bytes.hpp"
#include "support/refusal.hpp"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <optional>
#include <vector>

namespace dfs::client {
namespace {

using namespace std::chrono_literals;
using test::fake_cluster;
using test::random_bytes;
using test::refusal;

constexpr auto chunk_size = fake_cluster::chunk_size;

struct FileAppenderTest : ::testing::Test {
  fake_cluster cluster;

  std::shared_ptr<file_appender> open(std::chrono::milliseconds timeout = 10s) {
    auto made
      = std::make_shared<file_appender>(cluster.session, "/log", timeout);
    std::optional<result<nothing>> outcome;
    made->open([&](auto x) { outcome = x; });
    EXPECT_TRUE(cluster.wait(outcome));
    return made;
  }

  result<append_done> append(file_appender& to, const std::string& bytes) {
    std::optional<result<append_done>> outcome;
    to.append(bytes, [&](auto x) { outcome = x; });
    return cluster.wait(outcome);
  }

  /// Runs until so many answers have come.
  void wait(const int& answers, int all) {
    while (answers < all)
      cluster.io.run_one();
  }
};

TEST_F(FileAppenderTest, AppendsToAnEmptyAndToAFullFile) { // SPEC G7
  cluster.add_file("/log", "");
  auto log = open();
  const auto first = append(*log, "one");
  ASSERT_TRUE(first) << first.error().context;
  EXPECT_EQ(first->position, 0u);
  EXPECT_EQ(append(*log, "two")->position, 3u);
  EXPECT_EQ(cluster.content("/log"), "onetwo");
  const auto bytes = random_bytes(2 * chunk_size);
  cluster.add_file("/log", bytes); // Its last chunk is full.
  log = open();
  EXPECT_EQ(append(*log, "three")->position, bytes.size());
  EXPECT_TRUE(cluster.content("/log") == bytes + "three");
}

TEST_F(FileAppenderTest, KeepsTheOrderAndSendsTogetherWhatWaits) { // I1
  cluster.add_file("/log", "");
  auto log = open();
  int requests = 0;
  cluster.on_append = [&](store_id) {
    ++requests;
    return std::nullopt;
  };
  std::string expected;
  int answers = 0;
  for (int i = 0; i < 1'000; ++i) {
    const auto line = "line " + std::to_string(i) + "\n";
    log->append(line, [&, at = expected.size()](const auto& x) {
      ++answers;
      ASSERT_TRUE(x);
      EXPECT_EQ(x->position, at);
    });
    expected += line;
  }
  wait(answers, 1'000);
  EXPECT_EQ(cluster.content("/log"), expected);
  EXPECT_LE(requests, 3);
  EXPECT_EQ(log->queued_bytes(), 0u);
}

TEST_F(FileAppenderTest, GoesToTheNextChunkWhenOneIsFull) { // SPEC G7
  cluster.add_file("/log", "");
  auto log = open();
  std::string expected;
  for (std::uint64_t i = 0; i < 12; ++i) {
    const auto record = random_bytes(chunk_size / 4 - 1'000 * i, i);
    const auto done = append(*log, record);
    ASSERT_TRUE(done) << done.error().context;
    EXPECT_EQ(done->position, expected.size());
    expected += record;
  }
  EXPECT_TRUE(cluster.content("/log") == expected);
  EXPECT_EQ(cluster.files["/log"].chunks.size(), 3u);
}

TEST_F(FileAppenderTest, RefusesWhatIsTooLong) { // SPEC G7
  cluster.add_file("/log", "x");
  auto log = open();
  EXPECT_EQ(refusal(append(*log, std::string(log->longest() + 1, 'x'))),
            ec::invalid_argument);
  EXPECT_TRUE(append(*log, std::string(log->longest(), 'x')));
}

TEST_F(FileAppenderTest, SettlesBeforeItGoesToAnotherChunk) { // SPEC G7, I2
  for (const auto was_done : {false, true}) {
    SCOPED_TRACE(was_done);
    cluster.on_append = nullptr;
    cluster.after_change = nullptr;
    cluster.add_file("/log", random_bytes(chunk_size - 1'000));
    auto log = open();
    int requests = 0;
    const auto id = cluster.files["/log"].chunks[0];
    const auto lose = [&](store_id) -> std::optional<error> {
      if (++requests > 1)
        return std::nullopt;
      // Meanwhile others fill the chunk.
      auto& chunk = cluster.chunks.at(id);
      chunk.extent.padded_from = static_cast<std::uint32_t>(chunk.bytes.size());
      chunk.extent.length = chunk_size;
      return fail(ec::unavailable, "connection reset");
    };
    if (was_done)
      cluster.after_change = lose;
    else
      cluster.on_append = lose;
    const auto x = append(*log, "record");
    ASSERT_TRUE(x) << x.error().context;
    const auto content = cluster.content("/log");
    EXPECT_EQ(content.substr(x->position), "record");
    EXPECT_EQ(content.size(), chunk_size - 1'000 + 6u);
    EXPECT_EQ(cluster.files["/log"].chunks.size(), was_done ? 1u : 2u);
  }
}

TEST_F(FileAppenderTest, SaysThatItDoesNotKnow) { // SPEC S7
  cluster.add_file("/log", "");
  auto log = open(300ms);
  ASSERT_TRUE(append(*log, "one"));
  cluster.after_change = [&](store_id) {
    cluster.master_down = true;
    return fail(ec::unavailable, "connection reset");
  };
  EXPECT_EQ(refusal(append(*log, "two")), ec::outcome_unknown);
  // What comes behind it was never sent.
  EXPECT_EQ(refusal(append(*log, "three")), ec::unavailable);
}

TEST_F(FileAppenderTest, SaysThatTheFileIsGone) {
  cluster.add_file("/log", "x");
  auto log = open();
  cluster.chunks.clear();
  cluster.files.clear();
  const auto x = append(*log, "two");
  EXPECT_FALSE(x);
}

// Goal: none lost, doubled, torn or out of order (SPEC G7). Method: several
// appenders under random refusals, lost answers and dying servers; each
// record names itself; the file is compared with the answers.
TEST_F(FileAppenderTest, AppendsExactlyOnceUnderRandomFaults) {
  constexpr std::array codes{
    ec::stale,       ec::not_primary, ec::lease_expired, ec::no_redundancy,
    ec::unavailable, ec::timed_out,   ec::busy,          ec::io_error};
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    rng random{seed};
    cluster.down.clear();
    cluster.on_append = nullptr;
    cluster.after_change = nullptr;
    cluster.add_file("/log", "");
    std::vector<std::shared_ptr<file_appender>> writers{open(), open(), open()};
    const auto fault = [&](store_id) -> std::optional<error> {
      if (!random.one_in(6))
        return std::nullopt;
      return fail(codes[random.below(codes.size())], "fault");
    };
    cluster.on_append = [&](store_id at) {
      if (random.one_in(100) && cluster.down.empty())
        cluster.down.insert(at);
      return fault(at);
    };
    // Only losing an answer may follow what was done.
    cluster.after_change = [&](store_id) -> std::optional<error> {
      if (!random.one_in(6))
        return std::nullopt;
      return fail(random.one_in(2) ? ec::unavailable : ec::timed_out, "lost");
    };
    std::map<std::string, std::uint64_t> positions;
    int answers = 0;
    for (int i = 0; i < 150; ++i) {
      const auto who = i % 3;
      const auto name
        = "<" + std::to_string(who) + ":" + std::to_string(1'000 + i) + ">";
      auto record = name;
      record.resize(1 + name.size() + random.below(80'000), '.');
      writers[static_cast<std::size_t>(who)]->append(
        record, [&, name](const auto& x) {
          ++answers;
          ASSERT_TRUE(x) << x.error().context;
          positions[name] = x->position;
        });
      if (random.one_in(3))
        cluster.io.poll();
    }
    wait(answers, 150);
    const auto content = cluster.content("/log");
    ASSERT_EQ(positions.size(), 150u);
    std::array<std::uint64_t, 3> last{};
    for (const auto& [name, position] : positions) {
      EXPECT_EQ(content.substr(position, name.size()), name);
      EXPECT_EQ(content.find(name, content.find(name) + 1), std::string::npos);
      auto& before = last[static_cast<std::size_t>(name[1] - '0')];
      EXPECT_GE(position, before); // By number, as the map is sorted.
      before = position;
    }
  }
}

} // namespace
} // namespace dfs::client
