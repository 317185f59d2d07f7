#pragma once

#include "core/multicast/configuration.hpp"

#include <cstdint>
#include <vector>

// May these servers form the next primary configuration? Dynamic voting with
// remembered attempts (Yeger Lotem, Keidar, Dolev: "Dynamic Voting for
// Consistent Primary Components", PODC 1997), ties as in dynamic linear voting
// (Jajodia, Mutchler, TODS 1990).

namespace dfs::core {

/// Why a set of servers is not primary, or that it is.
enum class primary_verdict : std::uint8_t {
  primary,
  no_state,   ///< Nobody has state, and not all configured servers are here.
  no_quorum,  ///< Too few of the last primary configuration.
  unresolved, ///< Too few of an attempt that may have been installed.
  too_few,    ///< Below `min_quorum`.
  no_donor,   ///< Nobody here has the state of the last configuration.
  too_early,  ///< Other servers do not have these settings yet.
};

[[nodiscard]] const char* to_text(primary_verdict x);

struct primary_choice {
  primary_verdict verdict = primary_verdict::no_state;
  /// The last primary configuration as far as known here; id none if none.
  msg::group_configuration last;
  /// Those who can be members at once: their logs follow `last`, and they are
  /// fit. By server.
  std::vector<msg::group_member> members;
  /// Attempts after `last` that may have been installed elsewhere.
  std::vector<msg::group_configuration> attempts;
  /// By the rule they are not: an operator overrides it. Then lineages alone
  /// count, and `last` may be below what somebody knows of.
  bool forced = false;
};

/// A server's standing, and the last place up to which it holds the order.
struct told_standing {
  msg::member_standing standing;
  std::uint64_t held = 0;
};

/// Marks as forgetful each server that has restarted since the last
/// configuration, and holds less than any of `all` heard that it held there:
/// its disk went back. @pre not memory mode.
void note_forgetful(std::vector<told_standing>& all);

/// @param view What servers that all hear each other told; each server once.
///             In any order. The verdict binds only when each of them has
///             promised a ballot above all that it tells of.
[[nodiscard]] primary_choice
choose_primary(const multicast_config& config,
               const std::vector<msg::member_standing>& view);

} // namespace dfs::core
