#include "base/key_lines.hpp"

#include <gtest/gtest.h>

namespace dfs {
namespace {

using lines = std::map<std::string, std::string>;

TEST(KeyLines, AreReadWithAndWithoutTheLastEnd) {
  for (const auto* text : {"a = 1\nb = x = y\n", "a = 1\nb = x = y"}) {
    lines found;
    EXPECT_TRUE(parse_key_lines(text, found));
    EXPECT_EQ(found, (lines{{"a", "1"}, {"b", "x = y"}}));
  }
}

TEST(KeyLines, RefuseWhatIsNoneAndWhatIsSaidTwice) {
  for (const auto* text : {"a=1\n", "a = 1\n\nb = 2\n", "a = 1\na = 2\n"}) {
    lines found;
    EXPECT_FALSE(parse_key_lines(text, found)) << text;
  }
}

TEST(KeyLines, TakeWholeNumbersOnly) {
  std::uint64_t number = 7;
  EXPECT_TRUE(parse_whole_number("ff", 16, number));
  EXPECT_EQ(number, 255u);
  for (const auto* text :
       {"", " 1", "1 ", "+1", "-1", "0x1", "10000000000000000"})
    EXPECT_FALSE(parse_whole_number(text, 16, number)) << text;
}

} // namespace
} // namespace dfs
