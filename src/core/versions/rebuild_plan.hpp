#pragma once

#include "base/result.hpp"
#include "messages/version_master.hpp"

#include <vector>

namespace dfs::core {

/// The set that is in force, found without the master's log (SPEC V8). Pure.
/// The highest epoch in which anybody is active counts, if a sealing quorum of
/// its set testifies and not all of these are sealed; a later one counts only
/// where it may have been in force. Never one stale server's word.
/// @returns `ec::not_found` (nobody knows the group); `ec::no_redundancy`: too
///   few of a set testify, and who else is needed is named.
[[nodiscard]] result<msg::group_set>
find_set_in_force(const std::vector<msg::group_testimony>& testimonies);

} // namespace dfs::core
