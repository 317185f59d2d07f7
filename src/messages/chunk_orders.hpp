#pragma once

#include "messages/chunk.hpp"

#include <cstdint>
#include <vector>

// What the master's chunk directory orders a chunk keeper to do
// (docs/protocols/chunks.md); the rest of their talk is in chunk_control.hpp.

namespace dfs::msg {

/// "From now on no change below `version`" -> `chunk_fenced`, when that is on
/// the disk. Ends a lease of an older version here. May be repeated. Errors:
/// `stale` (an older term or version), `not_found`, `io_error`; after the last
/// two the server does not serve the chunk any more until it reports it anew.
struct fence_chunk {
  master_term term;
  chunk_id chunk;
  chunk_version version;
  bool fresh = false; ///< Nothing in it was ever promised: who lacks it makes
                      ///< it, empty, with this version.

  bool operator==(const fence_chunk&) const = default;
};

struct chunk_fenced {
  chunk_state state; ///< All that is here, committed or not.

  bool operator==(const chunk_fenced&) const = default;
};

/// "You are primary" -> `lease_taken`, when it has brought the others level:
/// each that lags gets what it lacks before anything new. Errors: `stale`,
/// `not_found`.
struct take_lease {
  chunk_grant grant;
  std::vector<chunk_state> others; ///< As fenced, in the order of the chain.

  bool operator==(const take_lease&) const = default;
};

struct lease_taken {
  chunk_state state; ///< Committed from now on, if nobody is `behind`.
  /// They lack too much, or could not be brought level. Then this server is not
  /// primary either: the master goes on without them, with another version.
  std::vector<store_id> behind;

  bool operator==(const lease_taken&) const = default;
};

/// "Give it back" -> `lease_released`: nothing more is taken on, what is under
/// way is finished. May be repeated.
struct release_lease {
  master_term term;
  chunk_id chunk;
  lease_epoch epoch;

  bool operator==(const release_lease&) const = default;
};

struct lease_released {
  chunk_state state; ///< All that is here.
  /// It is committed: what was under way has been finished.
  bool settled = false;

  bool operator==(const lease_released&) const = default;
};

/// "Get a replica from there" -> `chunk_copied`, when it is durable here with
/// this version: the source must have it before and after, and a serial of at
/// least `wanted`. A replica of a lower version here is replaced. May be
/// repeated. Errors: `full`, `integrity`, `unavailable`, `stale`, `busy`.
struct copy_chunk {
  master_term term;
  chunk_state wanted;
  std::vector<chunk_replica> from; ///< In order of preference.
  std::uint32_t chunk_size = 0;

  bool operator==(const copy_chunk&) const = default;
};

struct chunk_copied {
  chunk_state state;

  bool operator==(const chunk_copied&) const = default;
};

/// "These are not needed" -> `chunks_deleted`. A replica with a higher version
/// than ordered stays. May be repeated. Errors: `stale` (an older term).
struct delete_chunks {
  master_term term;
  std::vector<chunk_state> chunks; ///< At most `chunk_page_max`.

  bool operator==(const delete_chunks&) const = default;
};

struct chunks_deleted {
  std::vector<chunk_id> gone;

  bool operator==(const chunks_deleted&) const = default;
};

} // namespace dfs::msg
