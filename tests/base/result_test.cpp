#include "base/result.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace dfs {
namespace {

result<int> half(int x) {
  if (x % 2 != 0)
    return fail(ec::busy, "half of an odd number");
  return x / 2;
}

TEST(Result, HoldsAValueOrAnError) {
  ASSERT_TRUE(half(4));
  EXPECT_EQ(*half(4), 2);
  ASSERT_FALSE(half(5));
  EXPECT_EQ(half(5).error().code, ec::busy);
  EXPECT_EQ(half(5).error().context, "half of an odd number");
}

TEST(Result, MovesItsValueOut) {
  result<std::unique_ptr<int>> boxed{std::make_unique<int>(7)};
  auto owner = *std::move(boxed);
  EXPECT_EQ(*owner, 7);
}

TEST(ResultDeathTest, AbortsWhenTheAbsentOneIsRead) {
  EXPECT_DEATH((void) *half(5), "broken assertion");
  EXPECT_DEATH((void) half(4).error(), "broken assertion");
}

} // namespace
} // namespace dfs
