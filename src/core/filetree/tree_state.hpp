#pragma once

#include "base/result.hpp"
#include "base/utc_time.hpp"
#include "core/filetree/inode_table.hpp"
#include "core/filetree/request_table.hpp"
#include "core/filetree/tree_rows.hpp"
#include "core/filetree/tree_time.hpp"
#include "core/versions/quorum_classes.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace dfs::core {

struct tree_config {
  std::uint64_t hash_seed = 0; ///< Of names; no result depends on it.
  std::uint8_t replication = 3;
  quorum_classes quorums; ///< Of versioned files, by where they are made.
  std::uint32_t chunk_size = msg::chunk_size_max;
  std::chrono::milliseconds trash_life = std::chrono::days{3};
  /// Of deleted versioned files: their groups end them. For lists.
  std::chrono::milliseconds version_trash_life = std::chrono::days{3};
  std::chrono::milliseconds upload_life = std::chrono::days{1};
  std::chrono::milliseconds request_life = std::chrono::minutes{10};
  std::size_t requests_max = 16'000'000;
  std::size_t uploads_max = 100'000;
};

// INTERNAL to file_tree: what it consists of, and questions about it. Decisions
// are in operations.hpp, changes in tree_edit.hpp.

inline constexpr inode_id root_inode{1};

struct trash_item {
  node_index node = no_node;
  std::string path;            ///< Where it was.
  std::int64_t removed_ms = 0; ///< By the wall clock.
  std::int64_t purged_ms = 0;  ///< By the kept clock.
  bool purging = false;
};

struct upload {
  node_index node = no_node;
  std::string path; ///< Where it is to be.
  std::string source;
  bool force = false;
  bool parents = false;
  std::int64_t touched_ms = 0; ///< By the kept clock.
};

/// A versioned file that was purged.
struct released_file {
  quorum_class of_class = 0;
  std::optional<deletion_row> deletion; ///< Null: all that is in it goes.

  /// For its group: `msg::purge_file::seen`. A name that never had a version
  /// is hidden, too: a put to it may be under way.
  [[nodiscard]] version_number seen() const {
    return deletion ? std::max(deletion->seen, version_number{1})
                    : version_number{};
  }
};

/// How far a path leads.
struct walk {
  node_index deepest = no_node;
  std::string_view rest; ///< Components that are not there.
  std::uint64_t seen = 0;
};

/// Where something may be put.
struct spot {
  node_index dir = no_node;      ///< The deepest directory that is there.
  std::string_view rest;         ///< Missing directories and the name.
  node_index existing = no_node; ///< May be hidden.
};

struct tree_state {
  explicit tree_state(const tree_config& wanted);

  /// @pre A valid path.
  [[nodiscard]] walk walk_to(std::string_view path) const;

  /// @returns `ec::invalid_argument`, `ec::not_found` (it may be hidden),
  ///   `ec::not_directory`.
  /// @param seen Null: not of interest.
  [[nodiscard]] result<node_index>
  find(std::string_view path, std::uint64_t* seen = nullptr) const;

  /// Errors as of `find`; with `parents` missing directories are none.
  [[nodiscard]] result<spot>
  find_spot(std::string_view path, bool parents) const;

  /// Whether something may be put there without force: the name of a deleted
  /// file goes to the trash. One without any version may be in the middle of a
  /// put.
  [[nodiscard]] bool is_free(const spot& x) const {
    return x.existing == no_node || is_deleted(x.existing);
  }

  /// Whether files put there are of this class, or what is there is.
  /// @returns `ec::unsupported`.
  [[nodiscard]] result<nothing> check_class(std::string_view path,
                                            const spot& x,
                                            msg::storage_class wanted) const;

  /// Whether it is the name of a deleted file: hidden, but not because there
  /// never was a version.
  [[nodiscard]] bool is_deleted(node_index x) const {
    return nodes[x].hidden && nodes.version(x) != version_number{};
  }
  /// Is it the name of a file that was purged, and is not closed yet?
  [[nodiscard]] bool is_released(node_index x) const {
    return released_versions.contains(nodes[x].inode);
  }
  /// Was it given by metadata that are lost, and never by these?
  [[nodiscard]] bool is_lost(inode_id x) const;
  /// This number is in a row: it was given by these metadata.
  void take_number(std::uint64_t x);
  /// All names of deleted files in directories, but of what was purged.
  /// O(entries of the directories that have some).
  [[nodiscard]] std::map<inode_id, node_index> deleted_files() const;

  /// Whether a directory has nothing but names of deleted files.
  [[nodiscard]] bool is_empty(node_index dir) const {
    const auto& list = nodes.list(dir);
    return list.children.size() == list.hidden - list.unborn;
  }

  /// What files in a directory are to have, unless they ask for more or less:
  /// the nearest directory above that says so, or the cluster.
  [[nodiscard]] std::uint8_t replication_below(node_index dir) const;

  /// Why a path leads no further.
  [[nodiscard]] error missing(std::string_view path, const walk& reached) const;

  [[nodiscard]] msg::file_status
  status_of(node_index x, std::string path) const;
  [[nodiscard]] msg::upload_status upload_of(inode_id inode) const;

  /// The last operation that changed what one sees of a node.
  [[nodiscard]] std::uint64_t seen_at(node_index x) const;

  /// Of the master's log, after all operations up to now: term and number.
  [[nodiscard]] std::uint64_t position() const {
    return term.value() << 40 | applied;
  }

  /// Files it where its phase says.
  void set_orphan(inode_id file, const orphan_row& x);

  void add_trash(std::uint64_t id, trash_item x);
  /// Its node stays. @pre It is there.
  void drop_trash(std::uint64_t id);

  /// Under which id it is in the trash. 0: nowhere.
  [[nodiscard]] std::uint64_t trash_id_of(node_index x) const;
  /// @pre Below that id.
  [[nodiscard]] std::string former_path(std::uint64_t id, node_index x) const;

  /// What is counted of the trash, if a node is in it, changes with the node.
  void recount_trash(node_index x, const subtree_totals& before);

  [[nodiscard]] bool is_purging(std::uint64_t id, const trash_item& x) const {
    return x.purging || id <= purged_up_to;
  }

  [[nodiscard]] node_row row_of(node_index x) const;
  [[nodiscard]] version_row version_of(node_index file) const;
  [[nodiscard]] trash_row row_of(const trash_item& x) const;
  [[nodiscard]] upload_row row_of(const upload& x) const;
  [[nodiscard]] piece_row pieces_of(node_index x, std::uint32_t index) const;

  tree_config config;
  inode_table nodes;
  node_index root = no_node;
  std::map<std::uint64_t, trash_item> trash;
  std::map<node_index, std::uint64_t> trash_ids; ///< Of what is in it.
  std::set<std::uint64_t> purging;               ///< Trash ids with that flag.
  std::uint64_t purged_up_to = 0;                ///< These, too, are purged.
  std::uint64_t trashed_files = 0; ///< Of items that are not purged.
  std::map<inode_id, upload> uploads;
  request_table requests;
  /// Whose rows are behind: a file, and the group of its chunks.
  std::set<std::pair<inode_id, std::uint32_t>> grown;
  std::set<inode_id> noted; ///< Whose 'v' row is behind.
  /// Versioned files that were purged; their groups have them yet.
  std::map<inode_id, released_file> released_versions;
  /// Those of them that keep a hidden name until their group has closed them.
  std::set<inode_id> held_names;
  /// Files of the group, of ballots below that, were all noted: 'l' rows.
  std::map<group_id, group_ballot> told;
  /// Versioned files that only lost metadata had names for: 'o' rows.
  std::map<inode_id, orphan_row> orphans;
  std::set<inode_id> unnamed; ///< Of these, those that wait.
  /// Of these, those whose class is known, and so their group: only they get
  /// names.
  std::set<inode_id> nameable;
  /// First numbers of lost metadata, by the term in which that was over.
  std::map<master_term, std::uint64_t> branches;
  std::optional<clock_row> clock; ///< As it was written last.
  tree_time now;                  ///< Of the last operation.
  master_term term;
  std::uint64_t applied = 0;
  std::uint64_t next_number = 0; ///< Of inodes and trash ids.

  // While rows are loaded.
  std::uint64_t unknown = 0; ///< Directories named as parents only.
  std::map<inode_id, std::uint32_t> expected_pieces;
  master_term restored_at;        ///< The newest time; 0: never.
  std::uint64_t lost_numbers = 0; ///< Of the lost metadata: not below that.
};

} // namespace dfs::core
