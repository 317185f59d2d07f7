#include "admin/progress.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace dfs::admin {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr std::uint64_t mib = 1024 * 1024;

TEST(Progress, ShowsRateAndTimeLeft) { // SPEC S7
  std::ostringstream out;
  std::ostringstream err;
  output to{out, err, {.progress = true}};
  progress bar{to, "/f", 100 * mib};
  const auto began = instant::clock::now();
  bar.add(25 * mib);
  const auto line = bar.line(began + 10s);
  EXPECT_THAT(line, HasSubstr("/f  [#####               ]  25 %"));
  EXPECT_THAT(line, HasSubstr("25.0 MiB of 100.0 MiB"));
  EXPECT_THAT(line, HasSubstr("2.5 MiB/s"));
  EXPECT_THAT(line, testing::ContainsRegex("(30.0|29.9).s left"));
  bar.add(75 * mib);
  EXPECT_THAT(bar.line(began + 20s), HasSubstr("[####################] 100 %"));
  EXPECT_THAT(bar.line(began + 20s), testing::Not(HasSubstr("left")));
  EXPECT_TRUE(err.str().empty()); // What is over soon needs no bar.
  EXPECT_THAT(bar.summary(), testing::StartsWith("100.0 MiB in "));
}

TEST(Progress, DoesNotKnowTheEndOfAPipe) {
  std::ostringstream none;
  output to{none, none, {}};
  progress bar{to, "/f", std::nullopt};
  const auto began = instant::clock::now();
  bar.add(10 * mib);
  bar.add_file();
  EXPECT_THAT(bar.line(began + 10s),
              testing::StartsWith("/f  10.0 MiB  1 file "));
}

TEST(Progress, DrawsOnTerminalsOnlyAndErasesItself) { // SPEC S7
  for (const auto terminal : {true, false}) {
    std::ostringstream out;
    std::ostringstream err;
    output to{out, err, {.progress = terminal}};
    {
      progress bar{to, "/f", 10};
      const auto end = instant::clock::now() + 400ms;
      while (instant::clock::now() < end)
        bar.add(0);
    }
    EXPECT_TRUE(out.str().empty());
    if (terminal)
      EXPECT_TRUE(err.str().ends_with("\r\033[K"));
    else
      EXPECT_TRUE(err.str().empty());
  }
}

TEST(Progress, GivesProgramsTheSameFigures) {
  std::ostringstream none;
  output to{none, none, {.json = true}};
  progress bar{to, "/f", 10};
  bar.add(7);
  record said;
  bar.add_to(said);
  ASSERT_EQ(said.size(), 3u);
  EXPECT_EQ(said[0].first, "bytes");
  EXPECT_EQ(std::get<std::uint64_t>(said[0].second.plain), 7u);
  EXPECT_EQ(said[2].first, "rate");
}

} // namespace
} // namespace dfs::admin
