#pragma once

#include "core/filetree/file_tree.hpp"
#include "core/filetree/tree_operation.hpp"

#include <type_traits>

// Which changes wait for the leases of names (core/versions/name_lease.hpp).
// Whether a group closes a file is not asked: it refuses puts to it.

namespace dfs::core {

template <class Operation>
struct may_free_names : std::false_type {};
template <>
struct may_free_names<msg::make_directory> : std::true_type {};
template <>
struct may_free_names<msg::rename_entry> : std::true_type {};
template <>
struct may_free_names<msg::remove_entry> : std::true_type {};
template <>
struct may_free_names<msg::restore_trash> : std::true_type {};

/// Whether a versioned file may lose its name, hidden or not, by this change.
/// What is below a directory is not looked at: all of it counts.
[[nodiscard]] bool
frees_names(const tree_state& tree, const msg::make_directory& x);
[[nodiscard]] bool
frees_names(const tree_state& tree, const msg::rename_entry& x);
[[nodiscard]] bool
frees_names(const tree_state& tree, const msg::remove_entry& x);
[[nodiscard]] bool
frees_names(const tree_state& tree, const msg::restore_trash& x);

} // namespace dfs::core
