#include "settings/known_members.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace dfs::settings {
namespace {

using namespace std::chrono_literals;

known_members two() {
  return {{{*endpoint::parse("10.0.0.1:7401"),
            unix_milliseconds{1'795'266'307'000ms}},
           {*endpoint::parse("[fd00::2]:7401"), unix_milliseconds{5ms}}}};
}

TEST(KnownMembers, IsReadAsItWasWritten) { // SPEC M2
  const auto text = to_text(two());
  EXPECT_EQ(text.substr(0, text.find("crc32c")),
            "format = 1\n10.0.0.1:7401 1795266307000\n[fd00::2]:7401 5\n");
  EXPECT_EQ(*parse_known_members(text), two());
  EXPECT_EQ(*parse_known_members(to_text({})), known_members{});
}

TEST(KnownMembers, TellsDamageAndNewerFormats) {
  const auto text = to_text(two());
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto bad = text;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    EXPECT_FALSE(parse_known_members(bad)) << i;
    EXPECT_FALSE(parse_known_members(text.substr(0, i))) << i;
  }
  EXPECT_EQ(parse_known_members("format = 2\n").error().code, ec::unsupported);
}

TEST(KnownMembers, AreNobodyWithoutAFile) {
  const auto place = std::filesystem::temp_directory_path()
                     / ("dfs-known-members-" + std::to_string(::getpid()));
  std::filesystem::create_directories(place);
  EXPECT_EQ(*load_known_members(place), known_members{});
  ASSERT_TRUE(save_known_members(place, two()));
  EXPECT_EQ(*load_known_members(place), two());
  std::ofstream{place / "members"} << "x";
  EXPECT_EQ(load_known_members(place).error().code, ec::malformed);
  std::filesystem::remove_all(place);
}

} // namespace
} // namespace dfs::settings
