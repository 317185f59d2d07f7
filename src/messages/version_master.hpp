#pragma once

#include "messages/chunk.hpp"
#include "messages/chunk_control.hpp"
#include "messages/master_mark.hpp"
#include "messages/member.hpp"
#include "messages/version_notes.hpp"
#include "messages/version_orders.hpp"

#include <caf/meta/type_name.hpp>

#include <cstdint>
#include <string>
#include <vector>

// Between the master's version directory and the version keeper of each file
// server (docs/protocols/versioned_files.md, "Master and file servers"), over
// the control plane:
//
//   keeper -- find_version_directory --> directory of the master: its handle
//          -- register_fileserver, own handle --> version directory
//          <- fileserver_registered --
//          -- fileserver_beat -->             every 500 ms
//          <- fileserver_beat_ack --
//          -- group_news -->                  whenever there is some
//          -- find_told, note_versions -->    version_notes.hpp
//   version directory -- group_orders --> keeper
//
// Orders and news are one-way and may be lost: both sides say again what has
// no effect yet. No message is above 16 KiB: lists are cut.

namespace dfs::msg {

/// Asks a node's directory for its version directory -> handle. May be
/// repeated. Errors: `unavailable` (no master, or one that is not ready).
struct find_version_directory {
  bool operator==(const find_version_directory&) const = default;
};

/// The present master's version directory, of this node's control links ->
/// handle. Inside a node. Errors: `unavailable`.
struct get_version_directory {
  bool operator==(const get_version_directory&) const = default;
};

/// Entries of each list of `group_orders`, `group_news` and of groups in one
/// beat, at most.
inline constexpr std::size_t group_page_max = 100;

/// Here is a file server -> `fileserver_registered`. Beside its own handle. May
/// be repeated. Errors: `denied`, `not_member` (docs/protocols/gate.md),
/// `in_use` (another node has the store), `stale` (a newer life of the store is
/// registered, or newer metadata were obeyed), `busy`.
struct register_fileserver {
  store_id store;
  boot_id boot;
  member_id member;
  std::string name;
  std::string zone;
  endpoint data; ///< Advertised port of versions.
  std::vector<volume_status> volumes;
  master_mark obeyed; ///< The newest metadata that it ever obeyed.
  std::vector<volume_status> disks; ///< Others: of rows, of the queues' log.
  bool full = false;                ///< It has no room for a content.
  /// So many rows its store has ever made durable; if it could not be trusted
  /// yet in this life: had at the start. 0: not told.
  std::uint64_t rows = 0;

  bool operator==(const register_fileserver&) const = default;
};

struct fileserver_registered {
  master_term term;
  std::uint32_t heartbeat_ms = 0;
  /// The rows behind receipts of earlier terms may be gone.
  master_term receipts_from;
  std::uint64_t life = 0;    ///< As in `master_mark`.
  std::uint64_t durable = 0; ///< Sequence, as in `master_mark`.
  /// The store had more rows once: what it has answers nothing before it is
  /// refilled.
  bool went_back = false;
  /// The clock by which versions are deleted (`core::kept_clock`): Unix time.
  std::int64_t kept_ms = 0;

  bool operator==(const fileserver_registered&) const = default;
};

/// How a file server stands in one group.
struct group_standing {
  group_id group;
  group_epoch epoch;     ///< Of the set that it is or was active in; 0: none.
  group_epoch installed; ///< That it may be activated in; 0: none.
  bool sealed = false;
  bool quarantined = false;
  group_ballot leads;        ///< 0: it does not.
  bool uneven = false;       ///< It leads, and others lack something.
  std::uint64_t files = 0;   ///< Manifests here.
  std::uint64_t missing = 0; ///< Contents of them that are not here.
  std::uint64_t bytes = 0;   ///< Of contents that are.
  /// One has been missing for longer than a copy takes under puts.
  bool overdue = false;
  /// The server is no member, and has the contents of that set; 0: it has not.
  group_epoch filled;

  bool operator==(const group_standing&) const = default;
};

/// What a file server says of one group when the directory is built anew.
struct group_testimony {
  store_id store;
  /// Of the set it is or was active in; epoch 0: none.
  group_set set;
  bool sealed = false;
  /// Of what it has installed and was not activated for; epoch 0: nothing.
  group_set next;

  bool operator==(const group_testimony&) const = default;
};

/// "I am alive" -> `fileserver_beat_ack`. Errors: `not_found` (register first),
/// `stale` (an older life).
struct fileserver_beat {
  store_id store;
  boot_id boot;
  master_term term;
  std::uint64_t sequence = 0;
  std::uint64_t servers_known = 0; ///< As `servers_revision`.
  std::vector<volume_status> volumes;
  std::vector<group_standing> groups; ///< A page of them, by turns.
  bool all_told = false;              ///< Each has been told in this term.
  std::vector<volume_status> disks;   ///< As at the registration.
  bool full = false;                  ///< It has no room for a content.
  std::uint64_t rows = 0;             ///< As at the registration.

  bool operator==(const fileserver_beat&) const = default;
};

struct fileserver_beat_ack {
  master_term term;
  std::uint64_t sequence = 0;
  std::uint64_t servers_revision = 0;
  /// All file servers that are known, if the asker knew another revision.
  std::vector<chunk_replica> servers;
  std::uint64_t durable = 0; ///< Sequence, as in `master_mark`.
  /// As in `fileserver_registered`; false again when all is refilled.
  bool went_back = false;
  std::int64_t kept_ms = 0; ///< As in `fileserver_registered`.

  bool operator==(const fileserver_beat_ack&) const = default;
};

/// One-way. What a master says to one server, in this order.
struct group_orders {
  master_term term;
  /// Who is meant by the stores below.
  std::vector<chunk_replica> servers;
  std::vector<seal_group> seal;
  std::vector<install_group> install;
  std::vector<activate_group> activate;
  std::vector<rejoin_group> rejoin;
  std::vector<lead_group> lead;
  std::vector<file_unlinked> unlinked;
  std::vector<drop_group> drop;
  std::vector<purge_file> purge;
  /// Say what you know of these; also if that is nothing.
  std::vector<group_id> testify;
  std::vector<fill_group> fill;

  bool operator==(const group_orders&) const = default;
};

struct purged_file {
  inode_id file;
  std::uint8_t of_class = 0; ///< `core::quorum_class`.
  version_number seen;       ///< As in `purge_file`.

  bool operator==(const purged_file&) const = default;
};

/// One-way, from the namespace to the version directory: these were purged from
/// the trash. Said again until they are unlinked, or noted with newer versions.
struct purge_versions {
  std::vector<purged_file> files;

  bool operator==(const purge_versions&) const = default;
};

/// One-way. What a server tells the master.
struct group_news {
  store_id store;
  boot_id boot;
  master_term term; ///< Of the master whose orders these answer.
  std::vector<group_led> led;
  std::vector<group_resigned> resigned;
  std::vector<group_sealed> sealed;
  std::vector<group_installed> installed;
  std::vector<group_activated> activated;
  std::vector<group_rejoined> rejoined;
  std::vector<group_refused> refused;
  std::vector<unlink_file> unlink;
  /// Servers that this one, a primary, does not reach.
  std::vector<store_id> unreachable;
  /// As asked. Of groups that it does not know only the numbers, in `set`.
  std::vector<group_testimony> testimonies;

  bool operator==(const group_news&) const = default;
};

} // namespace dfs::msg

#include "messages/version_master_inspect.hpp"
