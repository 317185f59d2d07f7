#pragma once

#include "messages/version.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <variant>
#include <vector>

// What a file server keeps of its groups (docs/protocols/versioned_files.md):
// `core/versions` says when it changes, `storage/versions` keeps it.

namespace dfs::msg {

enum class replica_role : std::uint8_t {
  none = 0,   ///< Not of a set that is in force.
  active = 1, ///< Answers.
  sealed = 2, ///< Has ended its part in its epoch.
};

/// What a file server keeps of a group itself.
struct group_row {
  replica_role role = replica_role::none;
  group_set set; ///< That it is, or was, active in.
  group_ballot promised;
  group_ballot sealed_by;
  bool quarantined = false;
  std::uint64_t forgotten = 0; ///< Names up to here may be gone.

  bool operator==(const group_row&) const = default;
};

/// A set that it will be active in, and with what.
struct installed_group {
  group_set set;
  std::uint64_t forgotten = 0;
  std::map<inode_id, file_state> files;

  bool operator==(const installed_group&) const = default;
};

/// Whose last put on which file.
struct outcome_key {
  inode_id file;
  put_writer writer;

  auto operator<=>(const outcome_key&) const = default;
};

/// What manifests do not remember any more.
struct past_outcomes {
  std::map<outcome_key, put_outcome> rows;
  /// Of writers up to here some may have been dropped, or never written.
  put_writer floor;

  bool operator==(const past_outcomes&) const = default;
};

/// All that a file server keeps of a group, contents aside.
struct replica_rows {
  group_row group;
  std::map<inode_id, file_state> files;
  std::optional<installed_group> next;
  /// Of a set that is being installed: nothing before `next_whole`. Gone with
  /// the process.
  std::map<inode_id, file_state> coming;
  past_outcomes past;

  bool operator==(const replica_rows&) const = default;
};

/// Outcomes that are about to leave a manifest: the first ones.
[[nodiscard]] std::span<const put_outcome> leaving_of(const file_manifest& x);

/// With a state the outcomes that leave it become past ones.
struct file_change {
  inode_id file;
  std::optional<file_state> state; ///< Nothing: it goes.
};
/// What is there with that stamp is settled. Need not be waited for.
struct settled_change {
  inode_id file;
  version_stamp stamp;
};
struct next_change {
  std::optional<installed_group> next;
};
/// What was installed takes the place of what was there.
struct become_next {};

/// Some files of a set that is being installed. In a commit of its own, which
/// is there when the contents are, too.
struct next_part {
  bool first = false; ///< What is left of a former attempt goes.
  std::map<inode_id, file_state> files;
};
/// All parts are there: they are the files of this set.
struct next_whole {
  group_set set;
  std::uint64_t forgotten = 0;
  std::uint64_t place = 0; ///< Where the parts are: filled in by the store.
};

/// Past outcomes go, and the floor rises. Need not be waited for.
struct past_change {
  std::vector<outcome_key> gone;
  put_writer floor;
};

using row_change_of_group
  = std::variant<group_row, file_change, settled_change, next_change,
                 become_next, next_part, next_whole, past_change>;
using row_changes = std::vector<row_change_of_group>;

/// What a store does with them, in their order, all or none.
void apply_rows(replica_rows& rows, const row_changes& changes);

} // namespace dfs::msg
