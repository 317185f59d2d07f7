#pragma once

#include "core/groups/version_directory.hpp"
#include "messages/version_notes.hpp"

namespace dfs::core {

/// What of a file server's notes is for the namespace: all but those of groups
/// whose set in force it is not of. Such a server may believe in what the group
/// has forgotten since, and after a restore has begun anew. What is left out is
/// to be receipted all the same: a primary whose set is another one tells all
/// that was not told when it began.
/// @returns `ec::not_found`: it has to register first.
[[nodiscard]] result<msg::versions_noted>
heed(const version_directory& x, const msg::note_versions& said);

} // namespace dfs::core
