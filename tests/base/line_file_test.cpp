#include "base/line_file.hpp"

#include <gtest/gtest.h>

namespace dfs {
namespace {

using entries = std::vector<std::string>;

/// What is read, or the code of the refusal.
std::string read(std::string_view text) {
  const auto found = parse_line_file(text);
  if (!found)
    return std::string{to_string(found.error().code)};
  std::string all;
  for (const auto x : *found)
    all += "[" + std::string{x} + "]";
  return all;
}

TEST(LineFile, IsReadAsItWasWritten) {
  EXPECT_EQ(read(to_line_file({})), "");
  EXPECT_EQ(read(to_line_file({"a 1", "", "crc32c = 00000000"})),
            "[a 1][][crc32c = 00000000]");
}

TEST(LineFile, IsRefusedWithAnyByteOfAnotherValue) {
  const auto whole = to_line_file({"a 1", "b 2"});
  for (std::size_t i = 0; i < whole.size(); ++i) {
    auto text = whole;
    text[i] = static_cast<char>(text[i] ^ 1);
    EXPECT_FALSE(parse_line_file(text)) << i;
    EXPECT_FALSE(parse_line_file(whole.substr(0, i))) << i;
  }
  EXPECT_EQ(read(whole + "\n"), "malformed");
}

TEST(LineFile, OfAnotherFormatIsToldFromADamagedOne) {
  EXPECT_EQ(read("format = 2\nx\n"), "unsupported");
  EXPECT_EQ(read(""), "malformed");
  EXPECT_EQ(read("a 1\n"), "malformed");
}

} // namespace
} // namespace dfs
