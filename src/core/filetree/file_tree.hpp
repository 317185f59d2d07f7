#pragma once

#include "base/result.hpp"
#include "core/filetree/tree_operation.hpp"
#include "core/filetree/tree_rows.hpp"
#include "core/filetree/tree_state.hpp"
#include "messages/version_admin.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <variant>

namespace dfs::core {

/// An answer, and the last operation that it depends on: it may be given when
/// everything up to that is durable.
template <class T>
struct reading {
  result<T> answer;
  std::uint64_t seen = 0;
};

/// The namespace: directories, files and their chunks, the trash, uploads, and
/// which requests were done. The cluster's view; making its rows durable, and
/// answering not before, is its caller's business.
///
/// Pure: equal states, operations and times give equal states, answers and
/// rows, on every machine. Operations are numbered, from 1 in each life.
///
///  I1  An operation that is refused changes nothing, and `can_apply` says so
///      before, with the same code.
///  I2  A request number has one effect: an operation with a number that was
///      done is answered again and does nothing.
///  I3  The rows of all operations, in order, give the same tree when loaded.
///  I4  A chunk that leaves its file is released, once, and then in no file.
///  I5  Nothing is lost but by a purge: what is removed or replaced is in the
///      trash.
///  I6  A file is of the class of its directory.
///  I7  Of a versioned file the highest version that was noted counts.
///  I8  Nothing is deleted by the wall clock (`tree_time`).
///  I9  An inode of lost metadata gets a name here once at most.
class file_tree {
public:
  explicit file_tree(const tree_config& config) : state_{config} {
    // nop
  }

  // -- loading: rows in the order of their keys -------------------------------
  // Errors: `ec::integrity`: rows that do not fit together.

  /// Before all rows: these metadata were restored, the last time before `at`.
  /// @param backup The last term of what was restored.
  void load_restore(master_term at, master_term backup);
  [[nodiscard]] result<nothing>
  load_node(inode_id parent, std::string_view name, const node_row& row);
  /// After the rows of all nodes, trash and uploads.
  [[nodiscard]] result<nothing>
  load_pieces(inode_id inode, std::uint32_t index, const piece_row& row);
  /// Likewise.
  [[nodiscard]] result<nothing>
  load_version(inode_id inode, const version_row& row);
  [[nodiscard]] result<nothing>
  load_trash(std::uint64_t id, const trash_row& row);
  [[nodiscard]] result<nothing> load_upload(const upload_row& row);
  void load_request(std::uint64_t period, std::uint64_t number,
                    const request_row& row);
  void load_purge(const purge_row& row);
  void load_clock(const clock_row& row);
  void load_released_versions(inode_id inode, const released_row& row);
  void load_released_deletion(inode_id inode, const deletion_row& row);
  void load_told(group_id group, const told_row& row);
  /// After the nodes. Errors: `integrity`.
  [[nodiscard]] result<nothing>
  load_orphan(inode_id inode, const orphan_row& row);
  void load_branch(master_term at, const branch_row& row);

  /// Ends loading. Numbers that are given away from here on begin with the
  /// term. A tree without rows gets its root, whose row is in `out`.
  [[nodiscard]] result<nothing>
  begin_life(master_term term, const tree_time& now, tree_changes& out);

  // -- changing ---------------------------------------------------------------
  // `Operation` is one of `tree_operation`.

  /// Whether `apply` would do it now. A request that was done counts as done.
  /// @returns the errors that messages/namespace.hpp and upload.hpp name;
  ///   `ec::busy` when requests or uploads are too many to be remembered.
  template <class Operation>
  [[nodiscard]] result<nothing> can_apply(const Operation& x) const;

  /// Appends to `out` what else is to be done: nothing, if it is refused or was
  /// done before.
  template <class Operation>
  [[nodiscard]] result<answer_of_t<Operation>>
  apply(const Operation& x, const tree_time& now, tree_changes& out);

  /// `files_grown` changes lengths and writes nothing, so that files may grow
  /// at any rate; so does `versions_noted`, unless names come or go: the rows
  /// of what has changed since the last call.
  void take_grown(tree_changes& out);

  /// How many operations were applied in this life.
  [[nodiscard]] std::uint64_t applied() const {
    return state_.applied;
  }

  // -- asking -----------------------------------------------------------------

  [[nodiscard]] reading<msg::file_status> status(std::string_view path) const;
  [[nodiscard]] reading<msg::directory_page>
  list(const msg::list_directory& x) const;
  /// Versioned files, hidden ones too.
  [[nodiscard]] reading<msg::versioned_page>
  versioned_names(const msg::list_versioned& x) const;
  [[nodiscard]] reading<msg::tree_usage> usage(std::string_view path) const;
  [[nodiscard]] reading<msg::trash_list> trash(const msg::list_trash& x) const;
  [[nodiscard]] reading<msg::purges_found>
  purges(const msg::find_purges& x) const;
  [[nodiscard]] reading<msg::upload_status>
  find_upload(std::string_view path) const;
  /// Status and chunk ids; where they are is not known here.
  [[nodiscard]] reading<msg::file_layout> layout(const msg::open_file& x) const;

  /// How many replicas a file would have that were made there now. @returns
  ///   what `commit_file` would be refused for, unless it was done already.
  [[nodiscard]] result<std::uint8_t>
  replication_of_new(const msg::allocate_chunks& x) const;

  /// A versioned file, hidden or not; its group is not known here. Errors as of
  /// `msg::locate_file`.
  [[nodiscard]] reading<msg::file_located> locate(std::string_view path) const;

  /// Versioned files that were purged and are not unlinked: `limit` of them
  /// behind `after`.
  [[nodiscard]] std::vector<msg::purged_file>
  released_versions(inode_id after, std::size_t limit) const;

  /// Up to which ballot all files of a group were noted; 0: none.
  [[nodiscard]] group_ballot told_below(group_id x) const;
  /// Notes were taken whose rows are not in any `tree_changes` yet.
  [[nodiscard]] std::size_t noted_behind() const {
    return state_.noted.size();
  }

  /// Versioned files that only lost metadata had names for.
  [[nodiscard]] std::size_t unnamed() const {
    return state_.unnamed.size();
  }

  /// Of a versioned file; 0 for one that is not there.
  [[nodiscard]] quorum_class class_of_file(inode_id file) const;

  /// What `add_chunk` needs to know of a file. @returns `ec::not_found`.
  struct growing_file {
    std::uint8_t replication = 0;
    chunk_id next; ///< The chunk behind the one asked for; zero: none yet.
  };
  /// @param last Zero: none, the file is empty. @returns also `ec::stale`: not
  ///   a chunk of the file.
  [[nodiscard]] reading<growing_file>
  growing(inode_id file, chunk_id last) const;

  /// Of the life before; null: there was none. For `kept_clock`.
  [[nodiscard]] const std::optional<clock_row>& clock() const {
    return state_.clock;
  }

  /// The operation that made this request's change, if it was made.
  [[nodiscard]] bool was_done(std::uint64_t request) const {
    return state_.requests.find(request).has_value();
  }

  /// What is in directories.
  [[nodiscard]] subtree_totals totals() const {
    return state_.nodes.totals(state_.root);
  }
  [[nodiscard]] const tree_state& state() const {
    return state_;
  }

  /// Aborts if an invariant is broken. O(n log n); for tests.
  void check() const;

private:
  void begin_branch(tree_changes& out);

  template <class Operation>
  result<answer_of_t<Operation>>
  answer_again(const Operation& x, const request_row& done_before) const;

  [[nodiscard]] msg::trash_entry
  trashed_entry(std::uint64_t id, const trash_item& item) const;
  [[nodiscard]] msg::trash_entry deleted_entry(node_index x) const;

  tree_state state_;
};

/// For whoever has the operation as a value: tests, and a log of them.
using tree_answer
  = std::variant<nothing, msg::file_status, msg::entry_removed,
                 msg::upload_status, chunk_appended, garbage_collected,
                 msg::file_unlinked, versions_adopted>;

[[nodiscard]] result<nothing>
can_apply(const file_tree& tree, const tree_operation& x);
[[nodiscard]] result<tree_answer>
apply(file_tree& tree, const tree_operation& x, const tree_time& now,
      tree_changes& out);

} // namespace dfs::core
