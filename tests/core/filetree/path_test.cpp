#include "core/filetree/path.hpp"

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
  EXPECT_EQ(printable("/a b"), "/a b");
  EXPECT_EQ(printable("/a\nb\x7f\xff/ü"), "/a?b?"
                                          "?/ü");
  EXPECT_EQ(printable(std::string(4'000, 'x')).size(), 303u);
}

TEST(Path, ComesApart) {
  EXPECT_EQ(parent_path("/a"), "/");
  EXPECT_EQ(parent_path("/a/b"), "/a");
  EXPECT_EQ(last_name("/a/b"), "b");
}

} // namespace
} // namespace dfs::core
