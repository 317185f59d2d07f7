#include "base/glob.hpp"

#include "base/rng.hpp"
#include "support/refusal.hpp"

#include <gtest/gtest.h>

#include <string>

namespace dfs {
namespace {

using test::refusal;

TEST(Glob, MatchesNames) {
  const auto match = [](std::string_view pattern, std::string_view name) {
    EXPECT_TRUE(check_glob(pattern)) << pattern;
    return glob_matches(pattern, name);
  };
  EXPECT_TRUE(match("*", ""));
  EXPECT_TRUE(match("*.txt", "a.txt"));
  EXPECT_FALSE(match("*.txt", "a.txt.old"));
  EXPECT_TRUE(match("a*b*c", "a-b-b-c"));
  EXPECT_FALSE(match("a*b*c", "a-c-b"));
  EXPECT_TRUE(match("?", "ü"));
  EXPECT_FALSE(match("?", ""));
  EXPECT_FALSE(match("?", "ab"));
  EXPECT_TRUE(match("[a-cx]?", "b1"));
  EXPECT_FALSE(match("[!a-c]", "b"));
  EXPECT_TRUE(match("[^a-c]", "d"));
  EXPECT_TRUE(match("[]]", "]"));
  EXPECT_TRUE(match("[à-ü]", "é"));
  EXPECT_TRUE(match("[a-]", "-"));
  EXPECT_TRUE(match("\\*", "*"));
  EXPECT_FALSE(match("\\*", "a"));
  EXPECT_TRUE(match("[\\]-]x", "]x"));
  EXPECT_TRUE(match(".*", ".hidden"));
  EXPECT_TRUE(match("*", ".hidden"));
}

TEST(Glob, RefusesWhatNothingEnds) {
  EXPECT_EQ(refusal(check_glob("a[b")), ec::invalid_argument);
  EXPECT_EQ(refusal(check_glob("[]")), ec::invalid_argument);
  EXPECT_EQ(refusal(check_glob("a\\")), ec::invalid_argument);
  EXPECT_EQ(refusal(check_glob("[a\\")), ec::invalid_argument);
}

TEST(Glob, KnowsWhereMatchesBegin) {
  EXPECT_EQ(glob_prefix("ab*c"), "ab");
  EXPECT_EQ(glob_prefix("a\\*b?"), "a*b");
  EXPECT_EQ(glob_prefix("[ab]"), "");
  EXPECT_TRUE(is_glob("a?"));
  EXPECT_FALSE(is_glob("a\\?"));
}

// Goal: the matcher agrees with the definition. Method: the definition itself,
// which takes exponential time, on short random words.
bool by_definition(std::string_view pattern, std::string_view name) {
  if (pattern.empty())
    return name.empty();
  if (pattern[0] == '*')
    return by_definition(pattern.substr(1), name)
           || (!name.empty() && by_definition(pattern, name.substr(1)));
  return !name.empty() && (pattern[0] == '?' || pattern[0] == name[0])
         && by_definition(pattern.substr(1), name.substr(1));
}

TEST(Glob, AgreesWithItsDefinition) {
  rng random{1};
  const auto word = [&](std::string_view letters) {
    std::string text;
    for (auto i = random.below(8); i > 0; --i)
      text += letters[random.below(letters.size())];
    return text;
  };
  for (int i = 0; i < 50'000; ++i) {
    const auto pattern = word("ab*?");
    const auto name = word("ab");
    ASSERT_EQ(glob_matches(pattern, name), by_definition(pattern, name))
      << pattern << " " << name;
  }
}

// A pattern of stars does not stop the server.
TEST(Glob, TakesTimeByTheLengthOnly) {
  std::string pattern;
  for (int i = 0; i < 100; ++i)
    pattern += "*a";
  EXPECT_FALSE(glob_matches(pattern + "b", std::string(255, 'a')));
}

} // namespace
} // namespace dfs
