#pragma once

#include "support/sim/figures.hpp"
#include "support/sim/membership_scenarios.hpp"

#include <vector>

// Splits while nodes come, go and restart, racks that nobody hears, and crashes
// while the others stand still now and then, or many join.

namespace dfs::sim {

void add_sides(std::vector<bound>& bounds);
void add_sides(std::vector<scenario>& scenarios);

} // namespace dfs::sim
