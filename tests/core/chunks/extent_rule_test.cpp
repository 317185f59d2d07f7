#include "core/chunks/extent_rule.hpp"

#include <gtest/gtest.h>

namespace dfs::core {
namespace {

// The last number of each kind is one; whatever is above is nobody's.
TEST(ExtentRule, KnowsTheLastOfEachNumber) { // SPEC G6
  const auto version = restored_branch::version_max;
  EXPECT_TRUE(is_possible({version, serial_max, 10, 10}));
  EXPECT_FALSE(
    is_possible({chunk_version{version.value() + 1}, serial_max, 10, 10}));
  EXPECT_FALSE(
    is_possible({version, mutation_serial{serial_max.value() + 1}, 10, 10}));
  EXPECT_FALSE(is_possible({version, serial_max, 10, 11}));
}

} // namespace
} // namespace dfs::core
