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

/// One command's appends: tried until they are done, each time by a process
/// that knows no more than what was printed.
struct RepeatedAppends : FileAppenderTest {
  std::string printed;

  result<nothing> repeat(const std::vector<std::string>& appends) {
    std::optional<append_name> earlier;
    if (!printed.empty())
      earlier = *parse_append_name(printed);
    auto log
      = std::make_shared<file_appender>(cluster.session, "/log", 30ms, earlier);
    std::optional<result<nothing>> opened;
    log->open([&](auto x) { opened = x; });
    if (auto x = cluster.wait(opened); !x)
      return x;
    std::optional<error> failure;
    std::uint64_t answers = 0;
    for (const auto& each : appends) {
      log->append(each, [&](const auto& x) {
        ++answers;
        if (!x && !failure)
          failure = x.error();
      });
      cluster.io.poll();
    }
    std::optional<result<nothing>> outcome;
    log->flush([&](auto x) { outcome = x; });
    auto all = cluster.wait(outcome);
    while (answers < appends.size())
      cluster.io.run_one();
    if (!all)
      if (const auto name = log->name())
        printed = to_string(*name);
    return failure ? result<nothing>{*failure} : all;
  }

  /// One of the next appends: it, or its answer, is lost, and with it the
  /// master; unless nobody is to be lost any more.
  void lose_one(rng& random, bool nobody) {
    cluster.after_change = nullptr;
    cluster.on_append = nullptr;
    auto& which = random.one_in(2) ? cluster.after_change : cluster.on_append;
    which = [this, nobody, left = static_cast<int>(random.below(4))](
              store_id) mutable -> std::optional<error> {
      if (--left >= 0 || nobody)
        return std::nullopt;
      cluster.master_down = true;
      return fail(ec::unavailable, "the connection broke");
    };
  }
};

// Goal: appends that are repeated under a name that was printed are in the file
// once, each, in their order, in one piece, whichever of the names it is
// (SPEC S11, G7). Method: at a random append its answer and the master are
// lost, now after it was done, now before; others append and fill chunks in
// between.
TEST_F(RepeatedAppends, AreDoneOnceByWhoeverRepeatsThem) {
  int unknown = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    rng random{seed};
    printed.clear();
    cluster.add_file("/log", random.one_in(2) ? "" : "begun\n");
    std::vector<std::string> appends;
    const auto count = random.one_in(3) ? 1 : 1 + random.below(40);
    for (std::uint64_t i = 0; i < count; ++i) {
      auto line = "<" + std::to_string(i) + ">";
      line.resize(line.size() + random.below(100'000), '.');
      appends.push_back(line);
    }
    std::vector<std::string> names;
    for (int tries = 0;; ++tries) {
      ASSERT_LT(tries, 300);
      lose_one(random, tries >= 200);
      if (!names.empty() && random.one_in(2))
        printed = names[random.below(names.size())];
      const auto done = repeat(appends);
      cluster.master_down = false;
      if (done)
        break;
      if (!printed.empty()) {
        ++unknown;
        names.push_back(printed);
      }
      if (random.one_in(2)) { // Somebody else.
        cluster.after_change = nullptr;
        cluster.on_append = nullptr;
        auto other = open();
        ASSERT_TRUE(
          append(*other, std::string(random.below(1'000'000) + 1, '-')));
      }
    }
    cluster.after_change = nullptr;
    cluster.on_append = nullptr;
    const auto content = cluster.content("/log");
    std::size_t last = 0;
    for (const auto& each : appends) {
      const auto at = content.find(each);
      ASSERT_NE(at, std::string::npos);
      const auto name = each.substr(0, each.find('>') + 1);
      EXPECT_EQ(content.find(name, at + 1), std::string::npos) << name;
      EXPECT_GE(at, last);
      last = at;
    }
    // Once more, under each: somebody was slow.
    for (const auto& each : names) {
      printed = each;
      const auto again = repeat(appends);
      EXPECT_TRUE(again) << again.error().context;
    }
    EXPECT_TRUE(cluster.content("/log") == content);
  }
  EXPECT_GT(unknown, 60);
}

TEST_F(RepeatedAppends, RefuseOtherInput) { // SPEC S11
  cluster.add_file("/log", "");
  auto left = 1;
  cluster.after_change = [&](store_id) -> std::optional<error> {
    if (--left >= 0)
      return std::nullopt;
    cluster.master_down = true;
    return fail(ec::unavailable, "the connection broke");
  };
  const std::string long_one(200'000, 'x');
  ASSERT_EQ(refusal(repeat({long_one, long_one, "c"})), ec::outcome_unknown);
  cluster.master_down = false;
  cluster.after_change = nullptr;
  const auto content = cluster.content("/log");
  const auto name = printed;
  const std::vector<std::vector<std::string>> others{
    {}, {long_one}, {long_one, "y"}, {"y", long_one, "c"}};
  for (const auto& each : others) {
    printed = name;
    EXPECT_EQ(refusal(repeat(each)), ec::invalid_argument);
    EXPECT_EQ(printed, name);
  }
  EXPECT_TRUE(cluster.content("/log") == content);
  EXPECT_TRUE(repeat({long_one, long_one, "c"}));
  EXPECT_TRUE(cluster.content("/log") == long_one + long_one + "c");
}

TEST_F(RepeatedAppends, AreNotDoneAgainInAnotherFile) { // SPEC S11
  cluster.add_file("/log", "");
  cluster.after_change = [&](store_id) -> std::optional<error> {
    cluster.master_down = true;
    return fail(ec::unavailable, "the connection broke");
  };
  ASSERT_EQ(refusal(repeat({"one"})), ec::outcome_unknown);
  cluster.master_down = false;
  cluster.after_change = nullptr;
  cluster.add_file("/log", "new");
  EXPECT_EQ(refusal(repeat({"one"})), ec::outcome_unknown);
  EXPECT_EQ(cluster.content("/log"), "new");
}

} // namespace
} // namespace dfs::client
