#pragma once

#include "base/result.hpp"
#include "messages/version_rows.hpp"
#include "storage/versions/content_store.hpp"
#include "storage/versions/row_writer.hpp"
#include "storage/versions/version_codec.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace dfs::storage {

/// The rows of the groups of a file server (docs/formats/version_store.md).
/// Rows and contents are synced side by side: changes whose contents are not
/// durable are written as a *pending* row, which counts once they are.
///
/// Threads: calls from one thread; callbacks come on threads of the stores, or
/// at once, one at a time; they must not block.
///
///  V1  The changes of one commit are there all together or not at all.
///  V2  Commits of a group are called back in their order, and what was called
///      back is there after any crash, with its contents.
///  V3  After a crash a group is as it was after its commits in their order,
///      without some of those that were not called back.
class group_store {
public:
  using callback = metadata_store::callback;

  group_store(metadata_store& metadata, row_writer& rows,
              content_store& contents);
  group_store(const group_store&) = delete;
  group_store& operator=(const group_store&) = delete;

  /// All groups, as they are on the disk. @pre No commit is under way.
  /// @returns `ec::integrity`, `ec::io_error`.
  [[nodiscard]] result<std::map<group_id, msg::replica_rows>> load() const;

  /// Changes of a group, all or none, after those committed before. `durable`
  /// is called when they are, and the contents. Changes of nothing but
  /// `settled_change` and `past_change` are told done when those before them
  /// are; they become durable within a second (`flush`). A `next_part` comes
  /// alone.
  ///
  /// Told `ec::io_error` if rows cannot be written any more: everything fails
  /// then; or if the volume of a content has failed: then this commit and all
  /// of the group after it have not happened, and nor will another one, until
  /// `reload`. Told `ec::shutting_down` at the end.
  /// @param contents That the changes rely on. @pre They are held.
  void commit(group_id group, msg::row_changes changes,
              const std::vector<msg::put_id>& contents, callback durable);

  /// A group whose commit failed, as it is; it may go on. Waits for the disk.
  /// @pre None of its commits is under way. @returns as `load`.
  [[nodiscard]] result<msg::replica_rows> reload(group_id group);

  /// Sends what nobody waits for.
  void flush();

  // -- for the start ----------------------------------------------------------

  /// @param first_number And all above it: never given before.
  [[nodiscard]] result<nothing> read_layouts(std::uint64_t first_number);
  /// The rows of a pending row that counts.
  [[nodiscard]] std::vector<row_change> rows_of_pending(const pending_row& x);
  /// What has to go with one that does not.
  [[nodiscard]] static std::vector<row_change>
  rows_without(const pending_row& x);
  /// What is left of installations that did not end goes with these.
  [[nodiscard]] std::vector<row_change> rows_of_leavings();

private:
  struct issued {
    group_id group;
    callback durable;
    std::uint64_t pending = 0; ///< Its row; zero: written as it is.
    msg::row_changes changes;  ///< Of a pending one.
    std::size_t left = 0;      ///< Syncs that it waits for.
    std::optional<error> failed;
  };
  using issued_ptr = std::shared_ptr<issued>;

  struct group_state {
    group_layout layout;
    std::deque<issued_ptr> queue;
    std::size_t pending = 0; ///< Of them.
    std::optional<error> failed;
  };

  void write(group_state& group, const issued_ptr& x,
             std::vector<awaited_content> waits);
  void arrived(const issued_ptr& x, const result<nothing>& outcome);
  void take_ready(group_state& group);
  void take_failed(group_state& group);
  void call(std::unique_lock<std::mutex>& lock);

  metadata_store& metadata_;
  row_writer& rows_;
  content_store& contents_;
  mutable std::mutex guard_;
  std::map<group_id, group_state> groups_;
  std::uint64_t next_number_ = 1;
  std::deque<std::pair<callback, result<nothing>>> ready_;
  bool calling_ = false;
};

} // namespace dfs::storage
