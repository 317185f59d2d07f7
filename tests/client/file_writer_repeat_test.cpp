#include "file_writing.hpp"

#include "support/refusal.hpp"

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// A put that is asked for again, or whose answer was lost (SPEC S11).

namespace dfs::client {
namespace {

using namespace std::chrono_literals;
using test::fake_cluster;
using test::pipe_source;
using test::random_bytes;
using test::refusal;

constexpr auto mib = 1024 * 1024;
constexpr auto chunk_size = fake_cluster::chunk_size;

using FileWriterRepeats = file_writing;

// SPEC S7: each change has one effect, however often it is asked for.
TEST_F(FileWriterRepeats, RepeatsRequestsUnderTheirNumbers) {
  cluster.after_master = [](const auto&) { return std::nullopt; };
  int lost = 0;
  cluster.after_master = [&](const std::string&) -> std::optional<error> {
    ++lost;
    return fail(ec::unavailable, "the answer was lost");
  };
  const auto bytes = random_bytes(5 * chunk_size + 1);
  ASSERT_TRUE(put(bytes));
  EXPECT_TRUE(cluster.content("/f") == bytes);
  EXPECT_GT(lost, 5);
}

// SPEC S11: by the same command, under the number that it was told, whatever
// came between: a lost answer, or grants that the master took no more.
TEST_F(FileWriterRepeats, ARepeatedPutHasItsEffectOnce) {
  int commits = 0;
  cluster.on_master = [&](const std::string& name) -> std::optional<error> {
    if (name != "commit_file" || ++commits != 1)
      return std::nullopt;
    for (auto& [id, x] : cluster.chunks) {
      x.leased = false;
      static_cast<void>(cluster.lease(x));
    }
    return std::nullopt;
  };
  std::uint64_t number = 4'711;
  for (const auto size : {5, 5 * mib}) {
    for (const auto force : {false, true}) {
      const auto bytes = random_bytes(static_cast<std::size_t>(size));
      file_write what{.path = "/f" + std::to_string(++number),
                      .force = force,
                      .request = number};
      const auto made = put(bytes, what);
      ASSERT_TRUE(made) << made.error().context;
      what.repeats = true;
      const auto again = put(bytes, what);
      ASSERT_TRUE(again) << again.error().context;
      EXPECT_EQ(again->inode, made->inode) << "a second file";
    }
  }
  // What was not done is done, by one that says that it repeats, too.
  const auto made
    = put("hello", {.path = "/new", .request = ++number, .repeats = true});
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_EQ(cluster.content("/new"), "hello");
}

// Goal: a commit that nobody answered, and that was then refused, ends as it
// became. Method: the number is asked; the grants are renewed if it is not
// known.
TEST_F(FileWriterRepeats, ACommitThatNobodyAnsweredIsAskedFor) { // SPEC S11
  std::vector<std::string> asked;
  std::optional<error> question;
  bool lost = false;
  cluster.on_master = [&](const std::string& name) -> std::optional<error> {
    asked.push_back(name);
    if (name == "commit_file" && !std::exchange(lost, true))
      return fail(ec::outcome_unknown, "another life of the master");
    return name == "finish_upload" ? question : std::nullopt;
  };
  const auto made = put("hello", {.path = "/f"});
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_EQ(cluster.content("/f"), "hello");
  EXPECT_EQ(std::count(asked.begin(), asked.end(), "commit_file"), 2);
  // Done, and answered by nobody: no second file.
  for (const auto code : {ec::invalid_argument, ec::stale, ec::denied}) {
    lost = false;
    question = fail(code, "no");
    const auto second
      = put("hello", {.path = "/" + std::string{to_string(code)}});
    EXPECT_EQ(static_cast<bool>(second), code == ec::invalid_argument)
      << to_string(code);
  }
  lost = false;
  EXPECT_EQ(refusal(put("hello", {.path = "/g"})), ec::outcome_unknown)
    << "the metadata may be older than what was done";
  // A command that repeats learns as little.
  lost = true;
  for (const auto code : {ec::stale, ec::denied, ec::unavailable}) {
    question = fail(code, "no");
    EXPECT_EQ(
      refusal(put("hello", {.path = "/h", .request = 9, .repeats = true})),
      ec::outcome_unknown)
      << to_string(code);
  }
  question = fail(ec::full, "no");
  EXPECT_EQ(
    refusal(put("hello", {.path = "/h", .request = 9, .repeats = true})),
    ec::full);
}

// Goal: who uses a number again for something else is not told that it was
// stored: another file, or what a file has become since.
TEST_F(FileWriterRepeats, ANumberIsOfOnePut) { // SPEC S11
  const auto file = [](const std::string& bytes, const std::string& mark) {
    auto made = std::make_shared<changing_source>(bytes);
    made->mark = mark;
    return made;
  };
  std::uint64_t number = 4'711;
  for (const auto size : {5, 5 * mib}) {
    SCOPED_TRACE(size);
    const auto old = random_bytes(static_cast<std::size_t>(size));
    const auto now = random_bytes(static_cast<std::size_t>(size));
    const file_write first{.path = "/a" + std::to_string(++number),
                           .request = number};
    ASSERT_TRUE(put(file(old, "1"), first));
    auto other = first;
    other.path = "/b" + std::to_string(number);
    other.repeats = true;
    ASSERT_TRUE(put(file(now, "1"), other));
    EXPECT_TRUE(cluster.content(other.path) == now) << "another file";
    auto changed = first;
    changed.repeats = true;
    EXPECT_EQ(refusal(put(file(now, "2"), changed)), ec::exists);
    EXPECT_TRUE(cluster.content(first.path) == old);
    changed.force = true;
    ASSERT_TRUE(put(file(now, "2"), changed));
    EXPECT_TRUE(cluster.content(first.path) == now) << "it has changed since";
  }
}

// Goal: what was done is told, whatever has become of the servers since.
TEST_F(FileWriterRepeats, APutThatWasDoneIsNotWrittenAgain) { // SPEC S11
  std::uint64_t number = 4'711;
  for (const auto size : {5, 5 * mib}) {
    SCOPED_TRACE(size);
    const auto bytes = random_bytes(static_cast<std::size_t>(size));
    file_write what{.path = "/f" + std::to_string(++number), .request = number};
    const auto made = put(bytes, what);
    ASSERT_TRUE(made);
    for (int i = 1; i <= cluster.servers; ++i)
      cluster.down.insert(cluster.store(i));
    what.repeats = true;
    const auto again = put(bytes, what);
    ASSERT_TRUE(again) << again.error().context;
    EXPECT_EQ(again->inode, made->inode);
    cluster.down.clear();
  }
}

} // namespace
} // namespace dfs::client
