#include "wire/replay_window.hpp"

#include "base/rng.hpp"

#include <gtest/gtest.h>

#include <set>

namespace dfs::wire {
namespace {

TEST(ReplayWindow, CountsAllUpToItsStartAsSeen) {
  replay_window window{5'000};
  for (std::uint64_t counter = 1; counter <= 5'000; ++counter)
    ASSERT_FALSE(window.is_fresh(counter)) << counter;
  EXPECT_TRUE(window.is_fresh(5'001));
}

// Goal: each counter once, none that fell out. Method: remember all of them.
TEST(ReplayWindow, AgreesWithASetUnderRandomTraffic) { // SPEC M8
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    rng random{seed};
    const std::uint64_t start = random.below(3'000);
    std::uint64_t highest = start;
    replay_window window{start};
    std::set<std::uint64_t> seen;
    for (int step = 0; step < 4'000; ++step) {
      const auto reach = random.one_in(50) ? 3'000u : 40u;
      const auto back = random.one_in(4) ? 1'100u : 30u;
      const auto ahead = highest + random.below(reach);
      const auto counter = ahead - std::min(ahead, random.below(back));
      const bool fresh = counter > start
                         && counter + replay_window::size > highest
                         && !seen.contains(counter);
      ASSERT_EQ(window.is_fresh(counter), fresh) << counter;
      if (!fresh)
        continue;
      window.mark(counter);
      seen.insert(counter);
      highest = std::max(highest, counter);
    }
  }
}

} // namespace
} // namespace dfs::wire
