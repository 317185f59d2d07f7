#pragma once

#include "admin/fsck/examine.hpp"

namespace dfs::admin {

/// Holds what the master's names show of each versioned file against what its
/// group has (SPEC S9). A name that shows something else is mended: its primary
/// tells the master again. @returns what asking for the file servers says.
[[nodiscard]] result<nothing>
examine_versions(verb_context& context, const fsck_walk& walk, fsck_report& to);

/// Has every copy of every kept version read, and compares it with the
/// checksum that its writer gave.
[[nodiscard]] result<nothing>
examine_contents(verb_context& context, const fsck_walk& walk, fsck_report& to);

} // namespace dfs::admin
