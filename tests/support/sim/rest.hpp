#pragma once

#include <chrono>
#include <fmt/format.h>
#include <string>
#include <string_view>

// How a run ends whose faults are over: it works, then it has nothing to do.

namespace dfs::sim {

/// @param works Whether users get anything done (again).
/// @param idle Whether nothing is under way: before that nobody is asked for
///   complaints.
/// @param stuck What is reported if it never works.
/// @returns whether it came to rest without a complaint, in `at_most` of the
///   simulation's time; what is wrong is reported.
template <class Cluster, class Works, class Idle>
bool rests(Cluster& cluster, std::chrono::nanoseconds at_most, Works works,
           Idle idle, std::string_view stuck) {
  constexpr std::chrono::milliseconds look{97};
  auto& world = cluster.world();
  const auto end = world.now() + at_most;
  (void) world.run_until(works, end);
  if (!world.broken() && !works())
    world.report("rest", fmt::format("{}:{}", stuck, cluster.complaints()));
  cluster.rest();
  std::string complaints = "not asked";
  while (world.now() < end && !world.broken() && !complaints.empty()) {
    world.run_for(look);
    if (idle())
      complaints = cluster.complaints();
  }
  if (!world.broken() && !complaints.empty())
    world.report("rest",
                 fmt::format("long after the last fault:{}", complaints));
  return !world.broken();
}

} // namespace dfs::sim
