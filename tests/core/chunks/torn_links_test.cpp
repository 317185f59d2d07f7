#include "core/chunks/torn_links.hpp"

#include <gtest/gtest.h>

namespace dfs::core {
namespace {

using namespace std::chrono_literals;
using servers = std::vector<server_index>;
using pairs = std::vector<std::pair<server_index, server_index>>;

struct TornLinks : ::testing::Test {
  torn_links torn;
  instant now{};
};

TEST_F(TornLinks, KnowsBothEnds) {
  torn.note(3, 1, now);
  EXPECT_TRUE(torn.torn(1, 3, now));
  EXPECT_TRUE(torn.torn(3, 1, now));
  EXPECT_FALSE(torn.torn(1, 2, now));
  EXPECT_EQ(torn.count(1, {1, 2, 3}, now), 1u);
  EXPECT_EQ(torn.among({1, 2, 3}, now), (pairs{{1, 3}}));
  EXPECT_TRUE(torn.among({1, 2}, now).empty());
}

TEST_F(TornLinks, AServerIsNotCutOffFromItself) {
  torn.note(1, 1, now);
  EXPECT_FALSE(torn.torn(1, 1, now));
}

TEST_F(TornLinks, AServerIsCutOffThatReachesNone) {
  torn.note(1, 2, now);
  EXPECT_FALSE(torn.cut_off(1, {2, 3}, now));
  torn.note(3, 1, now);
  EXPECT_TRUE(torn.cut_off(1, {2, 3}, now));
  EXPECT_FALSE(torn.cut_off(1, {}, now)) << "there is nothing to reach";
}

TEST_F(TornLinks, ALinkIsForgottenAfterAMinuteOrWhenItWasUsed) {
  torn.note(1, 2, now);
  torn.note(1, 3, now);
  torn.mended(2, 1);
  EXPECT_FALSE(torn.torn(1, 2, now));
  EXPECT_TRUE(torn.torn(1, 3, now + torn_links::memory - 1ms));
  EXPECT_FALSE(torn.torn(1, 3, now + torn_links::memory));
}

TEST_F(TornLinks, RemembersSoManyAtMost) {
  for (server_index i = 1; i <= torn_links::pairs_max; ++i)
    torn.note(0, i, now);
  torn.note(0, 9'000, now);
  EXPECT_FALSE(torn.torn(0, 9'000, now));
  now += torn_links::memory;
  torn.note(0, 9'000, now);
  EXPECT_TRUE(torn.torn(0, 9'000, now)) << "the old ones have made room";
}

} // namespace
} // namespace dfs::core
