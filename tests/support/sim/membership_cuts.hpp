#pragma once

#include "support/sim/figures.hpp"
#include "support/sim/membership_scenarios.hpp"

#include <vector>

// Members that are away for any time, in one direction or both, and splits with
// a smaller side: only who was away, or the smaller side, may begin anew.

namespace dfs::sim {

void add_cuts(std::vector<bound>& bounds);
void add_cuts(std::vector<scenario>& scenarios);

} // namespace dfs::sim
