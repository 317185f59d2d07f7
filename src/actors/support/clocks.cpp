#include "actors/support/clocks.hpp"

#include <chrono>

namespace dfs::actors {

core::clock_pair read_clocks() {
  using namespace std::chrono;
  constexpr auto near_enough = microseconds{50};
  constexpr int attempts = 8;
  core::clock_pair best;
  auto spread = nanoseconds::max();
  for (int i = 0; i < attempts && spread > near_enough; ++i) {
    const auto before = boottime_now();
    const auto wall = system_clock::now().time_since_epoch();
    const auto took = boottime_now() - before;
    if (took >= spread)
      continue;
    spread = took;
    best = {before + took / 2, wall};
  }
  return best;
}

} // namespace dfs::actors
