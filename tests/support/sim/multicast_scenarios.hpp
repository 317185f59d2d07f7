#pragma once

#include "support/sim/multicast.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Runs of multicast groups: faults for a while, then rest. One seed, one run.

namespace dfs::sim {

struct multicast_run {
  /// The story of the run if a promise was broken, with its replay line.
  std::optional<std::string> broken;
  std::uint64_t events = 0;
  std::uint64_t sent = 0;           ///< Payloads.
  std::uint64_t safe = 0;           ///< Reported so to their senders.
  std::uint64_t configurations = 0; ///< Primary ones.
  std::uint64_t snapshots = 0;
  std::uint64_t discarded = 0;
};

struct multicast_scenario {
  std::string_view name;
  std::string_view help;
  multicast_run (*run)(const multicast_options&);
};

[[nodiscard]] const std::vector<multicast_scenario>& multicast_scenarios();

/// Null when there is none of that name.
[[nodiscard]] const multicast_scenario*
find_multicast_scenario(std::string_view name);

/// All faults are over: all are in one configuration, and have the same.
void come_to_rest(multicast_cluster& cluster);

} // namespace dfs::sim
