#pragma once

#include "support/sim/versions_scenarios.hpp"
#include "support/sim/versions_trouble.hpp"

#include <functional>

// How a run of a scenario goes: harm for a while, rest, judgement.

namespace dfs::sim {

/// What came of it.
[[nodiscard]] versions_run finish(version_cluster& cluster);

using versions_harm = std::function<void(version_cluster&, version_trouble&)>;

/// A run of 20 s.
/// @param harm Until it returns; again and again.
[[nodiscard]] versions_run under(const versions_options& options,
                                 link_quality quality,
                                 const versions_harm& harm);

[[nodiscard]] link_quality bad_network();
[[nodiscard]] link_quality poor_network();

/// No client does anything. @pre All of them run.
[[nodiscard]] bool idle(version_cluster& cluster);

} // namespace dfs::sim
