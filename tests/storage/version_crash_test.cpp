#include "support/version_lives.hpp"
#include "support/volume_lives.hpp"

#include <gtest/gtest.h>

#include <array>

// Whole lives of a version store on simulated disks, ended anywhere: what was
// called back is there with its contents, nothing is half there, and nothing is
// left that nobody names.

namespace dfs::storage {
namespace {

using test::seeds;
using test::version_lives;

constexpr std::array losses{sim::power_loss::torn, sim::power_loss::torn,
                            sim::power_loss::all, sim::power_loss::nothing};

std::uint64_t live(version_lives& x, int lives, bool power) {
  for (int i = 0; i < lives; ++i) {
    // Now and then in the middle of a start.
    if (x.random.one_in(4))
      x.files.die(x.random.below(300));
    auto wrong = x.open();
    if (wrong.empty() && x.store) {
      if (!x.files.dead() && x.random.one_in(2))
        x.files.die(x.random.below(200));
      wrong = x.run(x.random.below(250));
    }
    EXPECT_EQ(wrong, "") << "life " << i;
    if (!wrong.empty())
      break;
    x.crash(power, losses[x.random.below(losses.size())]);
  }
  EXPECT_EQ(x.open(), "");
  return x.acked;
}

TEST(VersionStoreLives, LosesNothingWithoutPower) { // SPEC S6
  std::uint64_t acked = 0;
  for (std::uint64_t seed = 1; seed <= seeds(40); ++seed) {
    SCOPED_TRACE(seed);
    version_lives x{seed};
    if (seed % 4 == 0)
      x.volumes.push_back("/v2");
    acked += live(x, 4, true);
    if (HasFailure())
      return;
  }
  EXPECT_GT(acked, 500u);
}

TEST(VersionStoreLives, LosesNothingWhenKilled) { // SPEC S6
  std::uint64_t acked = 0;
  for (std::uint64_t seed = 1; seed <= seeds(20); ++seed) {
    SCOPED_TRACE(seed);
    version_lives x{seed};
    if (seed % 2 == 0)
      x.options.mode = durability::memory;
    acked += live(x, 4, false);
    if (HasFailure())
      return;
  }
  EXPECT_GT(acked, 300u);
}

} // namespace
} // namespace dfs::storage
