#pragma once

#include "support/sim/membership.hpp"

#include <array>
#include <string_view>

namespace dfs::sim {

/// Bugs that can be planted into the group, by name, to prove that an oracle or
/// a bound catches them.
inline constexpr std::array<std::string_view, 11> membership_mutants{
  "hasty",     // Declares after a moment's silence: no-false-verdict.
  "sluggish",  // Declares after 9 s: the bound of a first detection.
  "chatty",    // Probes five times too often: the bound of traffic.
  "undead",    // A log that lists the dead again: over-is-final.
  "ghost",     // Forged news of a member that never lived: no-ghosts.
  "modest",    // The larger side calls itself the smaller: rejoins of others.
  "meek",      // Welcomes nobody as one that is over: lists differ.
  "ageless",   // Terms of masters do not travel: two masters stand.
  "credulous", // Whoever says something counts as having answered.
  "amnesty",   // Begins anew after each stall: crash under stalls.
  "deaf",      // One node hears no news and no digests: the bound of lists.
};

[[nodiscard]] bool
has_mutant(const membership_options& options, std::string_view name);

void plant_in_config(membership_options& options);
void plant_in_packets(world& w);

} // namespace dfs::sim
