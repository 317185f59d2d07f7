#pragma once

#include "support/sim/membership_scenarios.hpp"

#include <cstdint>
#include <functional>

namespace dfs::sim {

/// Runs of several seeds that share the formation of the group, which at a
/// thousand nodes costs far more than a crash does: the process forks when the
/// group stands, and each child goes on under its own seed.
/// @param first, last Seeds, both included.
/// @param options     For a run of that seed.
/// @param done        Told of each run, in order.
void run_branches(
  const scenario& what, std::uint64_t formation_seed, std::uint64_t first,
  std::uint64_t last,
  const std::function<scenario_options(std::uint64_t)>& options,
  const std::function<void(const scenario_run&, std::uint64_t)>& done);

} // namespace dfs::sim
