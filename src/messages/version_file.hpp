#pragma once

#include "messages/chunk.hpp"
#include "messages/chunk_control.hpp"
#include "messages/namespace.hpp"
#include "messages/version.hpp"

#include <caf/meta/type_name.hpp>

#include <cstdint>
#include <string>
#include <vector>

// What clients ask the master about versioned files
// (docs/protocols/versioned_files.md): names to files, and who keeps them.
// Bytes and versions are then a matter of the file servers
// (messages/version_data.hpp).

namespace dfs::msg {

/// Who keeps a group.
struct group_location {
  group_set set;                      ///< In force.
  std::vector<chunk_replica> servers; ///< Of the set, as far as known.
  store_id primary;                   ///< Zero: nobody now.

  bool operator==(const group_location&) const = default;
};

/// Where a versioned file is kept -> `file_located`. May be repeated. Errors:
/// those of names (messages/namespace.hpp), `is_directory`, `unsupported` (not
/// of the class *versioned*), `too_few_servers` (its group has no set yet; who
/// is missing is named).
struct locate_file {
  std::string path;

  bool operator==(const locate_file&) const = default;
};

/// The same, and the name is made, if it is not there: it has no version yet,
/// and is not listed before it has one. Errors: also
/// `not_directory`.
struct create_versioned {
  std::uint64_t request = 0; ///< As in messages/namespace.hpp.
  std::string path;
  bool parents = false; ///< Missing directories are made.

  bool operator==(const create_versioned&) const = default;
};

/// What the master promises of the names of all versioned files: those that
/// were looked up at `changed_at` or later mean the same files until `ms` have
/// passed since the question (core/versions/name_lease.hpp).
struct name_lease {
  std::uint32_t ms = 0;         ///< 0: no promise.
  std::uint64_t changed_at = 0; ///< Position of the master's log.

  bool operator==(const name_lease&) const = default;
};

struct file_located {
  file_status status;
  /// Position of the master's log at this answer: of names up to here it is
  /// known whether they are gone.
  std::uint64_t looked_up_at = 0;
  group_location group;
  std::uint8_t of_class = 0; ///< `core::quorum_class` of the file.
  name_lease names = {};

  bool operator==(const file_located&) const = default;
};

/// Who keeps this group, now -> `group_location`. May be repeated. Whoever
/// could not reach the primary says so: the master looks after it. Errors:
/// `not_found`, `too_few_servers`.
struct locate_group {
  group_id group;
  store_id unreachable; ///< Zero: none.
  group_epoch known;    ///< This set did not work; 0: none was tried.

  bool operator==(const locate_group&) const = default;
};

/// A number for a writer -> `writer_numbered`; each answer another one.
struct number_writer {
  bool operator==(const number_writer&) const = default;
};
struct writer_numbered {
  put_writer writer;

  bool operator==(const writer_numbered&) const = default;
};

/// A page of all groups, rising -> `group_list`. May be repeated.
struct list_groups {
  group_id after;
  std::uint32_t limit = 0; ///< 0: what fits.

  bool operator==(const list_groups&) const = default;
};

enum class group_phase : std::uint8_t {
  waiting = 1, ///< For file servers: it has no set yet, only a rule.
  healthy = 2, ///< In force, all members in service, led.
  leaderless = 3,
  degraded = 4, ///< In force; a member is away, in quarantine, or lacks files.
  changing = 5, ///< To another set.
  lost = 6,     ///< Too few of the set are left to go on.
};

struct group_status {
  group_location where;
  group_phase phase = group_phase::waiting;
  std::uint64_t files = 0;
  std::uint64_t missing = 0;  ///< Contents that some member lacks, summed.
  std::uint64_t bytes = 0;    ///< Of one copy.
  std::vector<store_id> away; ///< Members that are not in service.
  std::vector<store_id> next; ///< While changing: the set that it will have.
  std::string detail;         ///< One line for people.

  bool operator==(const group_status&) const = default;
};

struct group_list {
  std::vector<group_status> groups;
  bool more = false;

  bool operator==(const group_list&) const = default;
};

/// The file servers that the master knows -> `fileserver_list`.
struct list_fileservers {
  bool operator==(const list_fileservers&) const = default;
};

enum class fileserver_phase : std::uint8_t {
  up = 1,
  silent = 2,    ///< Not heard of; its groups go on without it.
  failed = 3,    ///< Declared failed: its groups get other servers.
  rejoining = 4, ///< Back: some of its groups are in quarantine or refilling.
};

struct fileserver_status {
  store_id store;
  std::string name;
  std::string zone;
  endpoint data;
  fileserver_phase phase = fileserver_phase::up;
  std::uint64_t groups = 0;
  std::uint64_t leads = 0;
  std::uint64_t files = 0;   ///< Of its groups.
  std::uint64_t missing = 0; ///< Contents to be fetched yet.
  /// Files of groups that have gone on without it, or where it is in
  /// quarantine: they do not count.
  std::uint64_t set_aside = 0;
  std::uint64_t bytes = 0;
  std::uint64_t total_bytes = 0; ///< Of its volumes.
  std::uint64_t free_bytes = 0;
  std::chrono::milliseconds heard{0}; ///< Ago.
  std::vector<volume_status> volumes; ///< Of contents.
  std::vector<volume_status> disks;   ///< Of its rows, of the queues' log.
  bool full = false;                  ///< It has no room for a content.

  bool operator==(const fileserver_status&) const = default;
};

/// One repair of the files of a failed server (SPEC V6).
struct repair_task {
  store_id server; ///< The failed one.
  std::string name;
  std::uint64_t groups_done = 0;
  std::uint64_t groups_all = 0;
  std::uint64_t files_missing = 0;
  std::chrono::milliseconds running{0};

  bool operator==(const repair_task&) const = default;
};

struct fileserver_list {
  std::vector<fileserver_status> servers;
  std::vector<repair_task> repairs;
  std::uint64_t groups = 0;
  std::uint64_t groups_healthy = 0;
  std::uint64_t groups_changing = 0;
  std::uint64_t groups_lost = 0;

  bool operator==(const fileserver_list&) const = default;
};

/// Has a group go on with those of its set that are there: what only the others
/// had is lost -> `group_forced`. Audited. Errors: `not_found`,
/// `invalid_argument` (it can go on without force).
struct force_group {
  group_id group;

  bool operator==(const force_group&) const = default;
};
struct group_forced {
  group_epoch epoch;

  bool operator==(const group_forced&) const = default;
};

/// Builds the directory of groups anew from what the file servers say ->
/// `directory_rebuilt`. Audited. Errors: `busy`.
struct rebuild_directory {
  bool operator==(const rebuild_directory&) const = default;
};
struct directory_rebuilt {
  std::uint64_t groups = 0;
  std::vector<std::string> problems; ///< One line a group that is not certain.

  bool operator==(const directory_rebuilt&) const = default;
};

} // namespace dfs::msg

#include "messages/version_file_inspect.hpp"
