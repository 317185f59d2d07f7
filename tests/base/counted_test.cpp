#include "base/counted.hpp"

#include <gtest/gtest.h>

namespace dfs {
namespace {

TEST(Counted, OneIsNotSeveral) {
  EXPECT_EQ(counted(0, "chunk"), "0 chunks");
  EXPECT_EQ(counted(1, "chunk"), "1 chunk");
  EXPECT_EQ(counted(2, "chunk"), "2 chunks");
  EXPECT_EQ(counted(1, "copy", "copies"), "1 copy");
  EXPECT_EQ(counted(21, "copy", "copies"), "21 copies");
}

} // namespace
} // namespace dfs
