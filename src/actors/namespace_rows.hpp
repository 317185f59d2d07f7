#pragma once

#include "core/filetree/file_tree.hpp"
#include "storage/metadata_store.hpp"

#include <memory>
#include <vector>

namespace dfs::actors {

/// Rows of the file tree as the store takes them.
[[nodiscard]] std::vector<storage::row_change>
encode_rows(const std::vector<core::tree_row>& rows);

/// Reads all rows of the namespace: about a second for a million files. Begins
/// the tree's life, with its root, durable. Before the actor is spawned, so
/// that no worker of the actor system waits for a disk.
/// @param term `store.next_term()`: one for all of the master.
/// @returns errors of the store; `ec::integrity` for rows that make no sense.
[[nodiscard]] result<std::shared_ptr<core::file_tree>>
load_file_tree(storage::metadata_store& store, const core::tree_config& config,
               master_term term, const core::tree_time& now);

} // namespace dfs::actors
