#pragma once

#include "core/filetree/tree_state.hpp"

#include <string>
#include <string_view>

namespace dfs::core {

/// INTERNAL to file_tree: one operation under way. Every member changes the
/// state and says so in rows; the decision has been made.
class tree_edit {
public:
  tree_edit(tree_state& tree, const tree_time& now, tree_changes& out)
    : state{tree},
      wall_ms{now.wall.time_since_epoch().count()},
      kept_ms{now.kept.time_since_epoch().count()},
      out_{out} {
    // nop
  }

  tree_state& state;
  const std::int64_t wall_ms; ///< For what users see.
  const std::int64_t kept_ms; ///< For whatever is deleted by its age.

  /// A new node, in no directory, without a row.
  node_index make(msg::entry_kind kind,
                  msg::storage_class where = msg::storage_class::chunked);

  /// Puts a node at a spot, making the directories that are missing: of the
  /// class of a file that is put there, else as above. What stands there goes
  /// to the trash.
  /// @param path Of the spot.
  void place(node_index x, const spot& where, std::string_view path);

  /// Takes it out of its directory.
  void displace(node_index x);

  /// The same for ever, without leaving a trace in the directory, which goes
  /// next. @pre Nothing is below it, or in it.
  void destroy(node_index x);

  /// The name of a versioned file, wherever it is, for ever.
  void unlink_versioned(node_index file);

  /// Moves what is at a path to the trash. @returns its trash id.
  std::uint64_t to_trash(node_index x, std::string_view path);

  /// Nothing is left of it but its node.
  void end_trash(std::uint64_t id);

  /// To be purged at once; for what has no name.
  void discard(node_index x, std::string_view path);

  /// A deleted file has a content again: if it is being purged, it is in the
  /// trash as a new thing.
  void rescue(node_index file);
  /// What was purged has a newer content: it is in the trash, as a new thing.
  /// @pre Its deletion was purged, and its node is gone.
  void back_to_trash(const msg::noted_version& x, const released_file& of);

  /// Of a file that is being made or that grows: its row is written after.
  void append(node_index file, const msg::written_chunk& x);
  void append(node_index file, const chunk_row& x);

  /// The chunk leaves its file for good. @pre The last one.
  void release_last(node_index file);

  /// Has the group of a versioned file close it: of a deleted one if it knows
  /// nothing newer.
  /// @param path Where it was, if the node is about to be destroyed.
  void release_versions(node_index file, std::string path);
  void release_versions(inode_id file, released_file x);
  /// It is closed, or is not to be after all.
  void end_release(inode_id file);

  /// What is known of a versioned file without a name.
  void set_orphan(inode_id file, const orphan_row& x);
  /// It is none any more, for good.
  void end_orphan(inode_id file);

  /// Writes the row of a node where it is, and of a part of its chunks.
  void write(node_index x);
  void write_pieces(node_index x, std::uint32_t index);
  void write_trash(std::uint64_t id);
  void write_version(node_index file);
  void erase_pieces(node_index x, std::uint32_t index);

  /// Its content has changed.
  void touch(node_index x);

  void put(std::string key, row_value value) {
    out_.rows.push_back({std::move(key), std::move(value)});
  }
  void erase(std::string key) {
    put(std::move(key), no_row{});
  }
  void keep(msg::keep_chunks x) {
    out_.kept.push_back(std::move(x));
  }

private:
  std::uint64_t put_into_trash(node_index x, std::string_view path);
  void entries_changed(node_index dir);
  void drop_row(node_index x);
  void keep_former_path(node_index file);

  tree_changes& out_;
};

} // namespace dfs::core
