#pragma once

#include "storage/log/log_record.hpp"
#include "storage/store/chunk_table.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>

namespace dfs::storage {

/// Blocks as they are after an overwrite whose record is not safe yet: the file
/// still holds what they were.
using overlay_blocks
  = std::map<std::uint32_t, std::shared_ptr<const std::string>>;

/// A record that waits for the data in its chunk's file to be synced: what is
/// in the log is on the disk.
struct held_record {
  record_kind kind{};
  std::string meta;
  std::string data;
  std::uint32_t data_crc = 0;
  overlay_blocks overlays; ///< To be written once the record is safe.
};

struct chunk_activity {
  std::deque<held_record> held;
  std::uint64_t passed = 0; ///< How many went from `held` into the log.
  std::uint64_t held_bytes = 0;
  std::shared_ptr<open_file> file; ///< While something is held.

  /// Under the index lock.
  overlay_blocks overlays;

  /// Bytes below `protected_length` may come back in a crash until the log is
  /// safe up to `protected_until`, although the chunk is shorter now.
  std::uint32_t protected_length = 0;
  log_position protected_until;

  /// The beginning of a copy, until it is too long for a packed chunk.
  std::string staged;
  copy_cache copied = copy_cache::past;
  std::uint32_t copy_synced = 0; ///< Bytes of a copy that the disk has.

  /// Written since the disk was last asked to begin.
  std::uint64_t unhinted_begin = 0;
  std::uint64_t unhinted_end = 0;
};

} // namespace dfs::storage
