#pragma once

#include "support/sim/figures.hpp"
#include "support/sim/membership.hpp"

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What is promised of the group, as runs that measure it. One seed, one run.

namespace dfs::sim {

struct scenario_options {
  membership_options group;
  /// Crashed at once; `neighbours` on the ring instead of anywhere.
  node_index victims = 1;
  bool neighbours = false;
  /// Rounds of crashes, joins or leaves within one run, with rest in between.
  int rounds = 1;
  std::chrono::minutes idle{60}; ///< Of virtual time, in idle-hour.
  /// Called when the group stands; false ends the run there.
  std::function<bool(sim::world&)> formed;
};

struct scenario_run {
  std::vector<measurement> measured;
  /// The story of the run if a promise was broken, with its replay line.
  std::optional<std::string> broken;
  std::uint64_t events = 0;
};

struct scenario {
  std::string_view name;
  std::string_view help;
  scenario_run (*run)(const scenario_options&);
  node_index nodes_min;
};

/// The bounds of SPEC M4 and M5 and of this project's issue table.
[[nodiscard]] const std::vector<bound>& membership_bounds();

[[nodiscard]] const std::vector<scenario>& membership_scenarios();

/// Null when there is none of that name.
[[nodiscard]] const scenario* find_scenario(std::string_view name);

} // namespace dfs::sim
