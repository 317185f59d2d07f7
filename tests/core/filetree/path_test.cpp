#include "core/filetree/glob.hpp"
#include "core/filetree/path.hpp"

#include "base/rng.hpp"
#include "support/refusal.hpp"

#include <gtest/gtest.h>

namespace dfs::core {
namespace {

using test::refusal;

std::string rule_broken(std::string_view path) {
  const auto checked = check_path(path);
  if (checked)
    return {};
  EXPECT_EQ(checked.error().code, ec::invalid_argument);
  return checked.error().context;
}

TEST(Path, TakesWhatIsAllowed) { // SPEC G1
  const std::string longest_name(name_bytes_max, 'x');
  std::string longest;
  while (longest.size() + 256 <= path_bytes_max)
    longest += "/" + longest_name;
  for (const std::string& path :
       {std::string{"/"}, std::string{"/a"}, std::string{"/a/b"},
        std::string{"/..."}, std::string{"/ "}, std::string{"/a\nb"},
        std::string{"/grün/日本/😀"}, "/" + longest_name, longest})
    EXPECT_EQ(rule_broken(path), "") << path;
  EXPECT_EQ(longest.size(), path_bytes_max);
}

TEST(Path, SaysWhichRuleIsBroken) { // SPEC G1
  const std::string name(name_bytes_max + 1, 'x');
  const std::string zero{"/a\0b", 4};
  EXPECT_EQ(rule_broken(""), "'': a path begins with '/'");
  EXPECT_EQ(rule_broken("a/b"), "'a/b': a path begins with '/'");
  EXPECT_EQ(rule_broken("/a/"), "'/a/': a component is empty");
  EXPECT_EQ(rule_broken("//a"), "'//a': a component is empty");
  EXPECT_EQ(rule_broken("/a/./b"), "'/a/./b': a component is '.'; paths are "
                                   "absolute and without dots");
  EXPECT_EQ(rule_broken("/.."), "'/..': a component is '..'; paths are "
                                "absolute and without dots");
  EXPECT_NE(rule_broken("/" + name).find("256 bytes, the limit is 255"),
            std::string::npos);
  EXPECT_NE(rule_broken("/" + std::string(path_bytes_max, 'x'))
              .find("4097 bytes, the limit is 4096"),
            std::string::npos);
  EXPECT_EQ(rule_broken(zero), "'/a?b': a component holds a zero byte");
  EXPECT_EQ(rule_broken("/a\xff"), "'/a?': a component is not UTF-8");
}

TEST(Path, KnowsUtf8) {
  for (const std::string_view good :
       {"", "a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
        "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
    EXPECT_TRUE(is_utf8(good)) << good;
  for (const std::string_view bad :
       {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41",
        "\xe0\x9f\xbf", "\xe0\xa0", "\xed\xa0\x80", "\xed\xbf\xbf",
        "\xf0\x8f\xbf\xbf", "\xf0\x90\x80", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xff", "a\xc3(", "\xfe\xfe"})
    EXPECT_FALSE(is_utf8(bad)) << bad;
}

TEST(Path, IsPrintedOnOneShortLine) {
  EXPECT_EQ(printable("/a\nb\x7f\xff/ü"), "/a?b?"
                                          "?/ü");
  EXPECT_EQ(printable(std::string(4'000, 'x')).size(), 303u);
}

TEST(Path, ComesApart) {
  EXPECT_EQ(parent_path("/a"), "/");
  EXPECT_EQ(parent_path("/a/b"), "/a");
  EXPECT_EQ(last_name("/a/b"), "b");
}

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
} // namespace dfs::core
