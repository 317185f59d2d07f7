#pragma once

#include "support/sim/multicast_scenarios.hpp"
#include "support/sim/multicast_trouble.hpp"

#include <chrono>

// What the scenarios of the ordered multicast have in common.

namespace dfs::sim {

/// What came of a run that is over.
[[nodiscard]] multicast_run multicast_result(multicast_cluster& cluster);

/// @param harm Until it returns.
template <class Harm>
multicast_run
under(const multicast_options& options, link_quality quality,
      std::chrono::nanoseconds lasts, Harm harm,
      std::chrono::nanoseconds begin = std::chrono::milliseconds{300}) {
  multicast_cluster cluster{options};
  auto& world = cluster.world();
  cluster.start_all();
  world.run_for(begin);
  world.net().set_quality(quality);
  multicast_trouble faults{cluster};
  const auto end = world.now() + lasts;
  while (world.now() < end && !world.broken())
    harm(cluster, faults);
  faults.end();
  world.net().set_quality(link_quality{});
  come_to_rest(cluster);
  return multicast_result(cluster);
}

// multicast_force.cpp
[[nodiscard]] multicast_run run_force(const multicast_options& options);

// multicast_settings.cpp
[[nodiscard]] multicast_run run_settings(const multicast_options& options);

// multicast_successions.cpp
[[nodiscard]] multicast_run run_successions(const multicast_options& options);

} // namespace dfs::sim
