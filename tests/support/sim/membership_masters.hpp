#pragma once

#include "support/sim/figures.hpp"
#include "support/sim/membership_scenarios.hpp"

#include <vector>

// Two masters that meet: which of them stays.

namespace dfs::sim {

void add_masters(std::vector<bound>& bounds);
void add_masters(std::vector<scenario>& scenarios);

} // namespace dfs::sim
