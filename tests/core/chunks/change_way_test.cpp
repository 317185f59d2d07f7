#include "core/chunks/change_way.hpp"

#include <gtest/gtest.h>

namespace dfs::core {
namespace {

TEST(ChangeWay, SpreadsWhatIsSmall) {
  EXPECT_EQ(next_way(change_way::chain, spread_bytes_max, true),
            change_way::spread);
  EXPECT_EQ(next_way(change_way::spread, spread_bytes_max + 1, true),
            change_way::chain);
}

// Changes on two ways could overtake each other.
TEST(ChangeWay, StaysWhileAnythingIsUnderWay) {
  EXPECT_EQ(next_way(change_way::chain, 1, false), change_way::chain);
  EXPECT_EQ(next_way(change_way::spread, spread_bytes_max + 1, false),
            change_way::spread);
}

TEST(ChangeWay, SpreadsWhereTheChainWasBroken) { // SPEC G7
  EXPECT_EQ(next_way(change_way::chain, spread_bytes_max + 1, true, true),
            change_way::spread);
  EXPECT_EQ(next_way(change_way::chain, 1, false, true), change_way::chain);
}

} // namespace
} // namespace dfs::core
