#pragma once

#include "base/error.hpp"
#include "messages/version.hpp"

#include <cstdint>
#include <vector>

// What is asked of a replica group (docs/protocols/versioned_files.md). All
// requests may be repeated, come late or out of order; all name the epoch that
// the asker believes in and are refused with `group_refused` in another one.

namespace dfs::msg {

/// The answer of a replica that does not do what it was asked.
struct group_refused {
  group_id group;
  inode_id file;         ///< Zero: of the group.
  group_epoch epoch;     ///< Of the set that this server is active in.
  group_ballot promised; ///< The highest it has promised in it.
  ec code = ec::stale;   ///< `stale` (epoch, ballot, sealed), `unavailable`
                         ///< (not active, in quarantine).

  bool operator==(const group_refused&) const = default;
};

// -- to the primary, by clients -----------------------------------------------

/// -> `put_done`. Errors: `not_primary`, `no_redundancy` (fewer than W there),
/// `stale` (the name or the writer is to be looked up again), `cancelled`
/// (barred, or a later put of this writer is there), `integrity` (length or
/// checksum are not those of the content): nothing has happened and, if asked
/// once only, nothing will. `outcome_unknown`: settle it.
struct put_file {
  group_id group;
  group_epoch epoch;
  inode_id file;
  put_id put;
  version_kind kind = version_kind::content; ///< Not `closed`.
  put_id content; ///< This put, or the put of a kept version to be restored.
  std::uint64_t bytes = 0;
  std::uint32_t checksum = 0;
  std::int64_t time_ms = 0;
  std::uint64_t looked_up_at = 0; ///< Position of the master's log.
  /// The version that the file's name showed then, at most `shown_max`: what
  /// the group may have had, and forgotten.
  version_number shown;

  static constexpr version_number shown_max{std::uint64_t{1} << 62};

  bool operator==(const put_file&) const = default;
};
struct put_done {
  put_id put;
  version_number version;
  std::uint8_t copies = 0; ///< Have it now; the others follow.

  bool operator==(const put_done&) const = default;
};

/// Was it done? If not, it is barred. -> `put_settled`. Errors: `not_found`
/// (it cannot be told any more), `not_primary`, `outcome_unknown`.
struct settle_put {
  group_id group;
  group_epoch epoch;
  inode_id file;
  put_id put;
  std::uint64_t looked_up_at = 0;

  bool operator==(const settle_put&) const = default;
};
struct put_settled {
  put_id put;
  version_number version; ///< Zero: not done, and never will be.

  bool operator==(const put_settled&) const = default;
};

/// What counts of a file -> `file_settled`, with a stamp no lower than `seen`.
struct settle_file {
  group_id group;
  group_epoch epoch;
  inode_id file;
  version_stamp seen;

  bool operator==(const settle_file&) const = default;
};
struct file_settled {
  inode_id file;
  file_state state;

  bool operator==(const file_settled&) const = default;
};

// -- to a replica -------------------------------------------------------------

/// -> `file_state_read`.
struct read_file_state {
  group_id group;
  group_epoch epoch;
  inode_id file;
  group_ballot ballot; ///< Of a primary that was promised it; else zero.

  bool operator==(const read_file_state&) const = default;
};
struct file_state_read {
  group_id group;
  group_epoch epoch;
  inode_id file;
  group_ballot ballot; ///< As asked.
  file_state state;
  std::uint64_t forgotten = 0; ///< There: as in `accept_manifest`.

  bool operator==(const file_state_read&) const = default;
};

/// Has a half-done write accepted here, too, from who has it ->
/// `manifest_accepted`.
struct finish_write {
  group_id group;
  group_epoch epoch;
  inode_id file;
  version_stamp stamp;
  store_id holder;

  bool operator==(const finish_write&) const = default;
};

/// Accept nothing below `ballot` any more -> `ballot_promised`.
struct promise_ballot {
  group_id group;
  group_epoch epoch;
  group_ballot ballot;

  bool operator==(const promise_ballot&) const = default;
};
struct ballot_promised {
  group_id group;
  group_ballot ballot;
  std::uint64_t forgotten = 0; ///< Names up to here may be gone.

  bool operator==(const ballot_promised&) const = default;
};

/// -> `manifest_accepted` when it and its newest content are durable.
struct accept_manifest {
  group_id group;
  group_epoch epoch;
  inode_id file;
  version_stamp stamp;
  file_manifest manifest;
  /// When this was said, of names up to here it was known whether they are
  /// gone. A replica that knows of later ones does not take a file that it has
  /// not: it may have come late, of one that was forgotten.
  std::uint64_t forgotten = 0;

  bool operator==(const accept_manifest&) const = default;
};
struct manifest_accepted {
  group_id group;
  group_epoch epoch;
  inode_id file;
  version_stamp stamp; ///< What it has; no lower than asked.

  bool operator==(const manifest_accepted&) const = default;
};

/// It is settled. No answer; may be lost.
struct commit_manifest {
  group_id group;
  group_epoch epoch;
  inode_id file;
  version_stamp stamp;

  bool operator==(const commit_manifest&) const = default;
};

/// -> `files_listed`: at most 4,096 files, rising.
struct list_files {
  group_id group;
  group_epoch epoch;
  group_ballot ballot;
  inode_id after;

  bool operator==(const list_files&) const = default;
};
struct listed_file {
  inode_id file;
  version_stamp stamp;
  bool settled = false;

  bool operator==(const listed_file&) const = default;
};
struct files_listed {
  group_id group;
  group_ballot ballot;
  inode_id after;
  std::vector<listed_file> files;
  bool last = false;

  bool operator==(const files_listed&) const = default;
};

/// The name of this file, closed with that stamp or a later one, is gone.
/// -> `file_forgotten`.
struct forget_file {
  group_id group;
  group_epoch epoch;
  group_ballot ballot; ///< A former primary's would hide what it forgot.
  inode_id file;
  std::uint64_t unlinked_at = 0;

  bool operator==(const forget_file&) const = default;
};
struct file_forgotten {
  group_id group;
  inode_id file;
  std::uint64_t forgotten = 0; ///< Names up to here may be gone, durably.

  bool operator==(const file_forgotten&) const = default;
};

/// By a primary: what became of the last put of a writer that the manifest does
/// not remember any more -> `outcome_found`.
struct find_outcome {
  group_id group;
  group_epoch epoch;
  inode_id file;
  put_writer writer;

  bool operator==(const find_outcome&) const = default;
};
struct outcome_found {
  group_id group;
  group_epoch epoch;
  inode_id file;
  put_writer writer;
  std::vector<put_outcome> outcomes; ///< One, or this replica has none.
  /// Of writers above that this replica has dropped no outcome that it had.
  put_writer floor;

  bool operator==(const outcome_found&) const = default;
};

} // namespace dfs::msg
