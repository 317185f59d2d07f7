#include "settings/failed_methods.hpp"

#include "base/line_file.hpp"
#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

namespace dfs::settings {
namespace {

using namespace std::chrono_literals;

failed_methods some() {
  return {{{7, 2, unix_milliseconds{1'795'266'307'000ms}},
           {65'535, 1, unix_milliseconds{0ms}}}};
}

TEST(FailedMethods, AreReadAsTheyWereWritten) { // SPEC S10
  const test::temp_dir dir;
  EXPECT_EQ(*load_failed_methods(dir / ""), failed_methods{});
  ASSERT_TRUE(save_failed_methods(dir / "", some()));
  EXPECT_EQ(*load_failed_methods(dir / ""), some());
}

TEST(FailedMethods, AreRefusedWithALineThatIsNone) {
  for (const auto* line :
       {"", "7", "7 2", "7 2 ", "7 2 x", "7 2 3 4", " 7 2 3", "65536 2 3",
        "7 4294967296 3", "7 2 9223372036854775808", "-7 2 3"}) {
    const auto found = parse_failed_methods(to_line_file({line}));
    ASSERT_FALSE(found) << line;
    EXPECT_EQ(found.error().code, ec::malformed) << line;
  }
  EXPECT_TRUE(parse_failed_methods(to_line_file({"7 2 9223372036854775807"})));
}

} // namespace
} // namespace dfs::settings
