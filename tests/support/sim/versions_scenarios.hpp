#pragma once

#include "support/sim/versions.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Runs of clusters with versioned files: faults for a while, then rest, then
// the histories are judged. One seed, one run.

namespace dfs::sim {

struct versions_run {
  /// The story of the run if a promise was broken, with its replay line.
  std::optional<std::string> broken;
  std::uint64_t events = 0;
  std::uint64_t puts = 0; ///< Acknowledged.
  std::uint64_t gets = 0;
  std::uint64_t unknown = 0; ///< Puts whose outcome nobody could tell in time.
  std::uint64_t changes = 0; ///< Of sets.
  std::uint64_t failed = 0;  ///< Servers that were declared failed.
};

struct versions_scenario {
  std::string_view name;
  std::string_view help;
  versions_run (*run)(const versions_options&);
};

[[nodiscard]] const std::vector<versions_scenario>& version_scenarios();

/// Null when there is none of that name.
[[nodiscard]] const versions_scenario*
find_version_scenario(std::string_view name);

/// Times that let much happen in little.
[[nodiscard]] versions_options brisk_versions();

/// All faults are over: everything comes to rest, and works.
void come_to_rest(version_cluster& cluster);

} // namespace dfs::sim
