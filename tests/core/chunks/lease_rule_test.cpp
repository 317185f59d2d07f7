#include "core/chunks/lease_rule.hpp"

#include <gtest/gtest.h>

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

// What a clock of that rate error shows after a true duration, and back.
double shown(double true_seconds, int percent) {
  return true_seconds * (1 + percent / 100.0);
}

double seconds(std::chrono::nanoseconds x) {
  return std::chrono::duration<double>{x}.count();
}

// SPEC G6: the holder has stopped before the granter goes on, for every pair of
// rates, when the answer took no time at all: the worst case for the holder.
TEST(LeaseRule, EndsAtTheHolderFirst) {
  for (const auto lease : {node_lease, chunk_lease, 1'000ms})
    for (int holder = -5; holder <= 5; ++holder)
      for (int granter = -5; granter <= 5; ++granter) {
        const auto stops = seconds(lease_use(lease)) / shown(1, holder);
        const auto goes_on = seconds(lease_wait(lease)) / shown(1, granter);
        EXPECT_LT(stops, goes_on) << holder << " " << granter;
      }
}

TEST(LeaseRule, WastesNoMoreThanItMust) {
  EXPECT_EQ(
    std::chrono::floor<std::chrono::milliseconds>(lease_use(node_lease)),
    2'614ms);
  EXPECT_GT(lease_use(chunk_lease), 54s);
}

TEST(LeaseRule, GivesNothingForALeaseThatIsTooShort) {
  EXPECT_EQ(lease_use(0ms), 0ns);
  EXPECT_EQ(lease_use(110ms), 0ns);
}

} // namespace
} // namespace dfs::core
