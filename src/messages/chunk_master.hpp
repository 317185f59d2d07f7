#pragma once

#include "messages/upload.hpp"

#include <caf/meta/type_name.hpp>

#include <cstdint>
#include <vector>

// INTERNAL, within the master: between the namespace, which knows files, and
// the chunk directory, which knows where chunks are and who leads them.

namespace dfs::msg {

/// Fills in where the chunks of a layout are -> `file_layout`. May be repeated.
/// Errors: `unavailable`, for a while after a start.
struct locate_chunks {
  file_layout layout; ///< Of the locations only `chunk` is set.

  bool operator==(const locate_chunks&) const = default;
};

/// "These are about to become part of a file" -> `chunks_adopted`: from now on
/// they are no orphans, for an hour or until `keep_chunks`. Errors: `stale`
/// (nobody gave this grant, or its chunk may be gone), `no_redundancy` (fewer
/// replicas than `replicas_min` may have it). May be repeated.
struct adopt_chunks {
  std::vector<written_chunk> chunks;

  bool operator==(const adopt_chunks&) const = default;
};

struct chunks_adopted {
  bool operator==(const chunks_adopted&) const = default;
};

/// "They are part of a file now, and that is durable." One-way.
struct keep_chunks {
  inode_id file;
  std::vector<chunk_state> chunks;
  std::uint8_t replication = 0;

  bool operator==(const keep_chunks&) const = default;
};

/// "No file has them any more, and that is durable." One-way.
struct release_chunks {
  std::vector<chunk_id> chunks;

  bool operator==(const release_chunks&) const = default;
};

struct file_growth {
  inode_id file;
  chunk_state chunk; ///< Committed.
  bool growing = false;

  bool operator==(const file_growth&) const = default;
};

/// To the namespace: chunks of files have grown. One-way.
struct files_grown {
  std::vector<file_growth> files;

  bool operator==(const files_grown&) const = default;
};

} // namespace dfs::msg

#include "messages/chunk_master_inspect.hpp"
