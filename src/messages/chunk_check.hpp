#pragma once

#include "messages/chunk.hpp"

#include <caf/meta/type_name.hpp>

#include <cstdint>
#include <string>
#include <vector>

// What `fsck` asks the master about chunks and chunkservers about replicas, and
// how a server is forgotten that never comes back.

namespace dfs::msg {

/// How the master finds a chunk. The numbers travel: append only.
enum class chunk_health : std::uint8_t {
  unknown = 0,     ///< It knows no such chunk.
  unjudged = 1,    ///< Not looked at yet, or of no file.
  healthy = 2,     ///< As many good copies as wanted, at least.
  under = 3,       ///< Fewer.
  unavailable = 4, ///< None on a server that serves now.
  lost = 5,        ///< Nor on one that could come back.
};

/// The numbers travel: append only.
enum class replica_condition : std::uint8_t {
  current = 1,
  stale = 2,   ///< Its version is over.
  corrupt = 3, ///< Quarantined there.
  surplus = 4, ///< Good, and ordered to go.
  newer = 5,   ///< Of a version that this master never gave.
  orphan = 6,  ///< Of a chunk that no file has.
  behind = 7,  ///< Its version is right, and it lacks committed changes.
};

struct replica_report {
  store_id store;
  replica_condition what = replica_condition::current;
  chunk_version version;
  bool serving = false; ///< Its server has a node lease.

  bool operator==(const replica_report&) const = default;
};

struct chunk_report {
  chunk_id chunk;
  inode_id file; ///< 0: of none.
  chunk_health health = chunk_health::unknown;
  std::uint8_t wanted = 0; ///< Copies.
  chunk_version version;   ///< In force.
  std::vector<replica_report> replicas;
  /// Why there are no more copies yet, for people; empty: nothing is amiss.
  std::string repair{};

  bool operator==(const chunk_report&) const = default;
};

/// How are these chunks? Or, if none is named: which chunks above `after` are
/// not as they should be, or have replicas that are to go? -> `chunks_checked`.
/// May be repeated.
struct check_chunks {
  std::vector<chunk_id> chunks; ///< At most 400.
  chunk_id after;

  bool operator==(const check_chunks&) const = default;
};

struct chunks_checked {
  std::vector<chunk_report> chunks; ///< By chunk, unless they were named.
  bool more = false;                ///< A page may be empty and not the last.
  chunk_id next;                    ///< `after` of the next one.

  bool operator==(const chunks_checked&) const = default;
};

/// The numbers travel: append only.
enum class replica_verdict : std::uint8_t {
  good = 1,
  bad = 2,        ///< Some blocks do not have their checksums.
  missing = 3,    ///< Not there (any more).
  unreadable = 4, ///< The disk does not give it.
};

struct verified_replica {
  chunk_id chunk;
  replica_verdict verdict = replica_verdict::good;
  chunk_extent extent;
  std::uint32_t crc = 0; ///< CRC-32C of all of a good one.

  bool operator==(const verified_replica&) const = default;
};

/// Asks a chunkserver to read replicas from its disks and verify every block,
/// now -> `replicas_verified`. Bad ones are quarantined, as a scrub would. May
/// be repeated.
struct verify_replicas {
  std::vector<chunk_id> chunks; ///< 1 to 400.

  bool operator==(const verify_replicas&) const = default;
};

/// Of the first so many chunks that were asked for, at least one: the rest is
/// to be asked for again.
struct replicas_verified {
  std::vector<verified_replica> replicas;

  bool operator==(const replicas_verified&) const = default;
};

/// A chunkserver that never comes back: its replicas are gone, and nobody
/// complains about it any more -> `server_forgotten`. Should it come back all
/// the same it is a new one, with all that it holds. May be repeated. Errors:
/// `not_found`, `exists` (it lives), `not_empty` (chunks are nowhere else;
/// without `force`).
struct forget_server {
  std::string server; ///< Its name, or its store id in hex.
  bool force = false;

  bool operator==(const forget_server&) const = default;
};

struct server_forgotten {
  std::string name;
  store_id store;
  std::uint64_t replicas = 0; ///< Of chunks of files, there.
  std::uint64_t lost = 0;     ///< Chunks that were nowhere else.

  bool operator==(const server_forgotten&) const = default;
};

} // namespace dfs::msg

#include "messages/chunk_check_inspect.hpp"
