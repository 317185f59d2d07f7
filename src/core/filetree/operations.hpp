#pragma once

#include "core/filetree/tree_edit.hpp"
#include "core/filetree/tree_operation.hpp"
#include "core/filetree/tree_state.hpp"

#include <cstdint>
#include <string>
#include <vector>

// INTERNAL to file_tree: each operation in two steps. `prepare` decides, and
// changes nothing; `perform` does what was decided, and cannot fail.

namespace dfs::core {

struct move_plan {
  node_index what = no_node;
  spot to;
};

struct restore_plan {
  std::uint64_t id = 0;
  std::string path;
};

/// What is to be purged: one thing, or, with neither, all.
struct purge_plan {
  std::uint64_t id = 0;         ///< In the trash.
  node_index deleted = no_node; ///< The name of a deleted file.
};

struct garbage_plan {};

struct adoption_plan {
  std::vector<inode_id> files;
  bool more = false;
  std::string directory; ///< Its path; it is made if it is not there.
};

/// @returns `ec::invalid_argument`.
[[nodiscard]] result<nothing> check_replication(std::uint8_t x);

result<spot> prepare(const tree_state& tree, const msg::make_directory& x);
result<spot> prepare(const tree_state& tree, const msg::create_file& x);
result<move_plan> prepare(const tree_state& tree, const msg::rename_entry& x);
result<node_index> prepare(const tree_state& tree, const msg::remove_entry& x);

msg::file_status
perform(tree_edit& edit, const msg::make_directory& x, const spot& plan);
msg::file_status
perform(tree_edit& edit, const msg::create_file& x, const spot& plan);
msg::file_status
perform(tree_edit& edit, const msg::rename_entry& x, const move_plan& plan);
msg::entry_removed
perform(tree_edit& edit, const msg::remove_entry& x, node_index plan);

result<restore_plan>
prepare(const tree_state& tree, const msg::restore_trash& x);
result<purge_plan> prepare(const tree_state& tree, const msg::purge_trash& x);
result<garbage_plan> prepare(const tree_state& tree, const collect_garbage& x);

msg::file_status
perform(tree_edit& edit, const msg::restore_trash& x, const restore_plan& plan);
msg::entry_removed
perform(tree_edit& edit, const msg::purge_trash& x, const purge_plan& plan);
garbage_collected
perform(tree_edit& edit, const collect_garbage& x, garbage_plan plan);

result<spot> prepare(const tree_state& tree, const msg::commit_file& x);
result<spot> prepare(const tree_state& tree, const msg::begin_upload& x);
result<node_index> prepare(const tree_state& tree, const msg::extend_upload& x);
result<spot> prepare(const tree_state& tree, const msg::finish_upload& x);
result<node_index> prepare(const tree_state& tree, const msg::abort_upload& x);

msg::file_status
perform(tree_edit& edit, const msg::commit_file& x, const spot& plan);
msg::upload_status
perform(tree_edit& edit, const msg::begin_upload& x, const spot& plan);
msg::upload_status
perform(tree_edit& edit, const msg::extend_upload& x, node_index plan);
msg::file_status
perform(tree_edit& edit, const msg::finish_upload& x, const spot& plan);
msg::upload_status
perform(tree_edit& edit, const msg::abort_upload& x, node_index plan);

result<node_index> prepare(const tree_state& tree, const append_chunk& x);
result<nothing> prepare(const tree_state& tree, const msg::files_grown& x);

chunk_appended perform(tree_edit& edit, const append_chunk& x, node_index plan);
nothing perform(tree_edit& edit, const msg::files_grown& x, nothing plan);

result<spot> prepare(const tree_state& tree, const msg::create_versioned& x);
result<nothing> prepare(const tree_state& tree, const msg::versions_noted& x);
result<node_index> prepare(const tree_state& tree, const msg::unlink_file& x);
result<adoption_plan> prepare(const tree_state& tree, const adopt_versions& x);

msg::file_status
perform(tree_edit& edit, const msg::create_versioned& x, const spot& plan);
nothing perform(tree_edit& edit, const msg::versions_noted& x, nothing plan);
msg::file_unlinked
perform(tree_edit& edit, const msg::unlink_file& x, node_index plan);
versions_adopted
perform(tree_edit& edit, const adopt_versions& x, const adoption_plan& plan);

/// A version of a file that has no name.
void note_orphan(tree_edit& edit, const msg::noted_version& x);

} // namespace dfs::core
