#include "base/utc_time.hpp"

#include <gtest/gtest.h>

namespace dfs {
namespace {

using namespace std::chrono_literals;

TEST(UtcTime, IsTheSameForEveryReader) {
  EXPECT_EQ(utc_text(unix_milliseconds{}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(utc_text(unix_milliseconds{1'795'266'307'023ms}),
            "2026-11-21T13:05:07.023Z");
  EXPECT_EQ(utc_text(unix_milliseconds{-1ms}), "1969-12-31T23:59:59.999Z");
  // Another node's stamp may be anything.
  EXPECT_FALSE(utc_text(unix_milliseconds::max()).empty());
  EXPECT_FALSE(utc_text(unix_milliseconds::min()).empty());
}

} // namespace
} // namespace dfs
