#pragma once

#include "base/result.hpp"
#include "messages/version.hpp"

#include <vector>

namespace dfs::core {

/// What a file server says of one group when the directory is rebuilt.
struct group_testimony {
  store_id store;
  /// Of the set it is or was active in; epoch 0: none.
  msg::group_set set;
  bool sealed = false;
  /// Of what it has installed and was not activated for; epoch 0: nothing.
  msg::group_set next;
};

/// The set that is in force, found without the master's log (SPEC V8). Pure.
/// The highest epoch in which anybody is active counts, if a sealing quorum of
/// its set testifies and not all of these are sealed; a later one counts only
/// where it may have been in force. Never one stale server's word.
/// @returns `ec::not_found` (nobody knows the group); `ec::no_redundancy`: too
///   few of a set testify, and who else is needed is named.
[[nodiscard]] result<msg::group_set>
find_set_in_force(const std::vector<group_testimony>& testimonies);

} // namespace dfs::core
