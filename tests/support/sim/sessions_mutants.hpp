#pragma once

#include <array>
#include <string_view>

namespace dfs::sim {

struct sessions_mutant {
  std::string_view name;
  std::string_view what;
  std::string_view scenario; ///< Where it is looked for.
};

/// Bugs that can be planted into clients, to prove that the promises about
/// their search see them.
inline constexpr std::array<sessions_mutant, 9> sessions_mutants{{
  {"no-jitter", "all processes draw the same numbers", "outage"},
  {"no-growth", "pauses stay as short as the first", "outage"},
  {"no-race", "a server that is silent is waited for", "contacts"},
  {"same-contact", "the contact that named a dead master is asked again",
   "contacts"},
  {"no-probe", "nobody asks a silent master for a sign of life", "half-open"},
  {"no-hint", "where the master went is not read", "handover"},
  {"deaf-to-refusals", "a server that does not lead is taken for the master",
   "handover"},
  {"terms-for-ever", "the last leader's term is never given up",
   "new-metadata"},
  {"any-leader", "terms are not looked at", "two-masters"},
}};

} // namespace dfs::sim
