#pragma once

#include "base/endpoint.hpp"
#include "base/ids.hpp"

#include <caf/meta/type_name.hpp>

#include <cstdint>
#include <string>
#include <vector>

// The vocabulary of chunked files (docs/protocols/chunks.md): what master,
// chunkservers and clients all say to each other.

namespace dfs::msg {

/// Bytes of a checksum unit: each block of a chunk has one CRC32C.
inline constexpr std::uint32_t block_size = 64 * 1024;

/// The largest chunk that a cluster may choose.
inline constexpr std::uint32_t chunk_size_max = 64 * 1024 * 1024;

/// Where a replica is: whose store, and its data port.
struct chunk_replica {
  store_id store; ///< Of the chunkserver's data directory.
  endpoint data;

  bool operator==(const chunk_replica&) const = default;
};

/// The master's word that the first of `chain` may order changes of a chunk.
/// Carried by clients, so that a new chunk costs no call from the master to its
/// servers; the seal proves it. The lease is counted by the primary from when
/// it *sent* heartbeat `heartbeat` of its life `boot`.
struct chunk_grant {
  chunk_id chunk;
  chunk_version version;
  std::vector<chunk_replica> chain; ///< Primary first, 1 to 8.
  std::uint8_t replicas_min = 0;    ///< Fewer may not acknowledge a change.
  bool fresh = false; ///< A new chunk: who lacks it creates it, empty.
  master_term term;
  lease_epoch epoch;
  boot_id boot;                ///< Of the primary.
  std::uint64_t heartbeat = 0; ///< The last one that the master answered it.
  std::uint32_t lease_ms = 0;
  std::uint32_t chunk_size = 0; ///< Bytes; a multiple of `block_size`.
  std::string seal;             ///< `wire::seal_words` over all of the above.

  bool operator==(const chunk_grant&) const = default;
};

/// How far a replica, or what is committed of a chunk, has come.
struct chunk_extent {
  chunk_version version;
  mutation_serial serial;        ///< Of the last change; 0: none yet.
  std::uint32_t length = 0;      ///< Bytes, padding included.
  std::uint32_t padded_from = 0; ///< Padding begins here; `length`: none.

  bool operator==(const chunk_extent&) const = default;
};

struct chunk_state {
  chunk_id chunk;
  chunk_extent extent;

  bool operator==(const chunk_state&) const = default;
};

/// A chunk of a file, as its readers need it.
struct chunk_location {
  chunk_id chunk;
  /// What the master knows to be committed. While `growing`, more may be: the
  /// primary, or a replica that knows, says.
  chunk_extent committed;
  bool growing = false; ///< It has a lease, or had one when last heard of.
  /// Nearest or least loaded first; the primary, if any, is marked below.
  std::vector<chunk_replica> replicas;
  store_id primary; ///< Zero: none now.

  bool operator==(const chunk_location&) const = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, chunk_replica& x) {
  return f(caf::meta::type_name("chunk_replica"), x.store, x.data);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, chunk_grant& x) {
  return f(caf::meta::type_name("chunk_grant"), x.chunk, x.version, x.chain,
           x.replicas_min, x.fresh, x.term, x.epoch, x.boot, x.heartbeat,
           x.lease_ms, x.chunk_size, x.seal);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, chunk_extent& x) {
  return f(caf::meta::type_name("chunk_extent"), x.version, x.serial, x.length,
           x.padded_from);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, chunk_state& x) {
  return f(caf::meta::type_name("chunk_state"), x.chunk, x.extent);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, chunk_location& x) {
  return f(caf::meta::type_name("chunk_location"), x.chunk, x.committed,
           x.growing, x.replicas, x.primary);
}

} // namespace dfs::msg
