#pragma once

#include "messages/chunk.hpp"
#include "messages/chunk_orders.hpp"
#include "messages/master_mark.hpp"
#include "messages/member.hpp"

#include <caf/meta/type_name.hpp>

#include <cstdint>
#include <string>
#include <vector>

// Between the master's chunk directory and the chunk keeper of each chunkserver
// (docs/protocols/chunks.md), over the control plane:
//
//   keeper -- find_chunk_directory --> directory of the master: its handle
//          -- register_chunkserver, own handle --> chunk directory
//          <- chunkserver_registered --           each new life or term
//          -- report_chunks (pages) -->           all it holds, once
//          -- chunk_heartbeat -->                 every 500 ms
//          <- chunk_heartbeat_ack --              node lease, renewals
//          -- leave_chunkserver -->               at its end, if it can
//   chunk directory -- fence_chunk, take_lease, … --> keeper
//
// No message is above 16 KiB: lists are cut into pages.

namespace dfs::msg {

/// Entries in one page of chunks.
inline constexpr std::size_t chunk_page_max = 400;

/// Asks a node's directory for its chunk directory -> handle. May be repeated.
/// Errors: `unavailable` (no master, or one that is not ready).
struct find_chunk_directory {
  bool operator==(const find_chunk_directory&) const = default;
};

/// One disk of a chunkserver.
struct volume_status {
  std::uint64_t id = 0;
  std::uint64_t total_bytes = 0;
  std::uint64_t free_bytes = 0; ///< That may be used; the reserve is not.
  bool failed = false;
  std::string path; ///< For people.

  bool operator==(const volume_status&) const = default;
};

/// Here is a chunkserver -> `chunkserver_registered`. Beside its own handle.
/// May be repeated. Errors: `denied`, `not_member` (docs/protocols/gate.md),
/// `in_use` (another node has the store), `stale` (a newer life of the store is
/// registered, or newer metadata were obeyed), `busy`.
struct register_chunkserver {
  store_id store;
  boot_id boot;
  member_id member;
  std::string name;
  std::string zone;
  endpoint data; ///< Advertised data port.
  std::vector<volume_status> volumes;
  master_mark obeyed; ///< The newest metadata that it ever obeyed.

  bool operator==(const register_chunkserver&) const = default;
};

struct chunkserver_registered {
  master_term term;
  std::uint32_t heartbeat_ms = 0;
  std::uint32_t chunk_size = 0;
  std::uint32_t chunk_lease_ms = 0; ///< Of leases that are `renewed`.
  std::uint64_t life = 0;           ///< As in `master_mark`.
  std::uint64_t durable = 0;        ///< Sequence, as in `master_mark`.
  /// No grant was given above this one: what was granted up to it was to a
  /// former life of the server, if this is a new one.
  lease_epoch granted{};

  bool operator==(const chunkserver_registered&) const = default;
};

/// A page of what it holds, by chunk id -> `chunks_reported`. May be repeated.
/// What a whole report leaves out is not there: from the heartbeat on that says
/// `all_told`, because it may have come while the report was on its way.
struct report_chunks {
  store_id store;
  boot_id boot;
  std::uint32_t page = 0; ///< From 0.
  bool last = false;
  /// When it was listed, in the row of its heartbeats; no two lists share it.
  /// What has changed since is told with later ones.
  std::uint64_t listed_at = 0;
  std::vector<chunk_state> chunks; ///< At most `chunk_page_max`.
  /// Of those, what is shown to nobody here, because a master has revoked it.
  std::vector<chunk_id> refused;

  bool operator==(const report_chunks&) const = default;
};

struct chunks_reported {
  std::uint32_t page = 0;

  bool operator==(const chunks_reported&) const = default;
};

/// A chunk that this server is or was primary of: told when it takes the lease,
/// when something is changed or committed under it, and when it is over, until
/// an answer named the epoch as ended. So the master learns how far it was
/// committed at the end.
struct led_chunk {
  chunk_id chunk;
  lease_epoch epoch;
  chunk_extent committed;
  bool active = false;  ///< Changed since an answer counted that knew of it.
  bool over = false;    ///< Nothing is changed here under this epoch any more.
  bool settled = false; ///< All that is applied here is committed.

  bool operator==(const led_chunk&) const = default;
};

/// "I am alive" -> `chunk_heartbeat_ack`. Not repeated: the next one has a new
/// sequence, and what it told is told again until an answer counted. Errors:
/// `not_found` (register first), `stale` (an older life).
struct chunk_heartbeat {
  store_id store;
  boot_id boot;
  master_term term;
  std::uint64_t sequence = 0;
  /// The last of its heartbeats whose answer counted here: what that answer
  /// revoked is not served any more. 0: none in this term.
  std::uint64_t heard = 0;
  /// The node lease has run without a gap, also over terms, up to the sending.
  bool leased = false;
  std::uint32_t load = 0; ///< Requests under way.
  std::vector<volume_status> volumes;
  /// What has happened to its leases since an answer counted to a heartbeat
  /// that told of them, at most `chunk_page_max`; to a new master at first all
  /// there are.
  std::vector<led_chunk> led;
  bool led_last = false;            ///< With these, all of them have been told.
  std::vector<chunk_id> corrupt;    ///< Found bad and quarantined.
  std::vector<chunk_id> lost;       ///< Not here any more.
  std::vector<chunk_state> arrived; ///< New here, or with a new version.
  /// With these, all changes since its last report was listed were told.
  bool all_told = false;

  bool operator==(const chunk_heartbeat&) const = default;
};

struct chunk_heartbeat_ack {
  master_term term;
  boot_id boot;
  std::uint64_t sequence = 0;      ///< Of what it answers; others do not count.
  std::uint32_t node_lease_ms = 0; ///< From when that was sent; 0: none.
  std::vector<lease_epoch> renewed; ///< Chunk leases that begin anew, likewise.
  std::vector<lease_epoch> ended;   ///< Leases that are over.
  /// Of these chunks nothing below the version is served or changed any more,
  /// in this life of the server. Holds at once and needs no disk; it is done
  /// before the lease of the same answer counts. At most `chunk_page_max`.
  std::vector<chunk_state> revoked;
  bool report_wanted = false; ///< The master does not know what is here.
  /// A reader could not use these replicas: they are to be read and verified
  /// now. What comes of it is told as `corrupt` or `lost`. At most 16.
  std::vector<chunk_id> doubted;
  std::uint64_t durable = 0; ///< Sequence, as in `master_mark`.

  bool operator==(const chunk_heartbeat_ack&) const = default;
};

/// "I am going": its node lease is over, what it led is given back, nothing is
/// served any more -> `chunkserver_left`. The master need not wait for
/// anything. May be repeated. Errors: `stale` (a newer life of the store is
/// registered).
struct leave_chunkserver {
  store_id store;
  boot_id boot;

  bool operator==(const leave_chunkserver&) const = default;
};

struct chunkserver_left {
  bool operator==(const chunkserver_left&) const = default;
};

} // namespace dfs::msg

#include "messages/chunk_control_inspect.hpp"
