#include "admin/text_diff.hpp"

#include "base/rng.hpp"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

namespace dfs::admin {
namespace {

std::string diff(std::string_view before, std::string_view after) {
  return unified_diff(before, after, "a", "b");
}

TEST(TextDiff, SaysNothingOfEqualTexts) {
  EXPECT_EQ(diff("", ""), "");
  EXPECT_EQ(diff("a\nb\n", "a\nb\n"), "");
}

TEST(TextDiff, PrintsWhatDiffPrints) { // Compared with GNU diff -u.
  EXPECT_EQ(diff("one\ntwo\nthree\n", "one\n2\nthree\n"),
            "--- a\n+++ b\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n");
  EXPECT_EQ(diff("", "x\n"), "--- a\n+++ b\n@@ -0,0 +1 @@\n+x\n");
  EXPECT_EQ(diff("x\n", ""), "--- a\n+++ b\n@@ -1 +0,0 @@\n-x\n");
  EXPECT_EQ(
    diff("a", "a\n"),
    "--- a\n+++ b\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n");
}

TEST(TextDiff, LeavesOutWhatIsFarFromAnyChange) {
  std::string before;
  for (int i = 1; i <= 20; ++i)
    before += std::to_string(i) + "\n";
  auto after = before;
  after.replace(after.find("3\n"), 2, "x\n");
  after.replace(after.find("18\n"), 3, "y\n");
  EXPECT_EQ(diff(before, after),
            "--- a\n+++ b\n"
            "@@ -1,6 +1,6 @@\n 1\n 2\n-3\n+x\n 4\n 5\n 6\n"
            "@@ -15,6 +15,6 @@\n 15\n 16\n 17\n-18\n+y\n 19\n 20\n");
}

/// The text that a unified diff makes of another.
std::string patched(const std::string& before, const std::string& change) {
  std::vector<std::string> lines;
  std::istringstream all{before};
  for (std::string x; std::getline(all, x);)
    lines.push_back(x);
  std::string out;
  std::size_t at = 0;
  std::istringstream steps{change};
  std::string x;
  std::getline(steps, x);
  std::getline(steps, x);
  while (std::getline(steps, x)) {
    if (x.starts_with("@@")) {
      const auto first = std::stoul(x.substr(4));
      const auto none = x.find(",0 +") != std::string::npos;
      while (at + (none ? 0 : 1) < first)
        out += lines[at++] + "\n";
      continue;
    }
    const auto text = x.substr(1) + "\n";
    if (x[0] != '+')
      EXPECT_EQ(lines[at++] + "\n", text);
    if (x[0] != '-')
      out += text;
  }
  while (at < lines.size())
    out += lines[at++] + "\n";
  return out;
}

// Goal: what it prints makes the one text out of the other, always.
TEST(TextDiff, IsAPatch) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed); // replays the failure
    rng random{seed};
    const auto text = [&] {
      std::string made;
      for (auto i = random.below(40); i > 0; --i)
        made += std::string(1, static_cast<char>('a' + random.below(4))) + "\n";
      return made;
    };
    const auto before = text();
    const auto after = text();
    const auto change = diff(before, after);
    EXPECT_EQ(change.empty(), before == after);
    if (!change.empty())
      EXPECT_EQ(patched(before, change), after) << change;
  }
}

TEST(TextDiff, EndsForTextsThatHaveNothingInCommon) {
  std::string before;
  std::string after;
  for (int i = 0; i < 3'000; ++i) {
    before += "a" + std::to_string(i) + "\n";
    after += "b" + std::to_string(i) + "\n";
  }
  EXPECT_EQ(patched(before, diff(before, after)), after);
}

TEST(TextDiff, KnowsBytesThatAreNoText) {
  EXPECT_TRUE(is_binary(std::string_view{"a\0b", 3}));
  EXPECT_FALSE(is_binary("æøå\n"));
}

} // namespace
} // namespace dfs::admin
