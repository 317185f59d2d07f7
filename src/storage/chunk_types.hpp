#pragma once

#include "base/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// What a chunk store and those who call it talk about.

namespace dfs::storage {

class open_file;

/// The unit of checksums: each block of a chunk has one CRC32C, the last block
/// one of as many bytes as it has.
inline constexpr std::uint32_t block_bytes = 64 * 1024;

/// How the bytes of a copy get to the disk.
enum class copy_cache : std::uint8_t {
  past,    ///< Nobody is about to read it: pages that are new to the cache may
           ///< cost the kernel milliseconds, and others what they have there.
  through, ///< It may be read soon.
};

/// Numbers stand in records: append only.
enum class mutation_kind : std::uint8_t {
  write = 1,  ///< At an offset that the writer chose; remembered by writer
              ///< if it names one.
  append = 2, ///< At the end, where the primary said; remembered by writer.
  pad = 3,    ///< At the end: the rest is closed. Carries no data.
  bar = 4,    ///< Nothing is written: this (writer, sequence) never will be.
              ///< Remembered like an append of no bytes at the end.
};

/// One change of a chunk's content, as its primary ordered it.
struct mutation {
  chunk_id chunk;
  chunk_version version;  ///< Must be the chunk's version in the store.
  mutation_serial serial; ///< The chunk's last one plus 1; the first is 1.
  mutation_kind kind = mutation_kind::write;
  std::uint32_t offset = 0; ///< At most the chunk's length: no gaps.
  std::uint32_t length = 0; ///< Bytes; of a pad those left unused, of a bar 0.
  writer_id writer; ///< With `sequence`: of appends, bars, and of writes that
                    ///< are to happen once.
  std::uint64_t sequence = 0;

  bool operator==(const mutation&) const = default;
};

/// A mutation's bytes: any number of buffers, one after another, and the CRC32C
/// of each part that a cut of `[offset, offset + length)` at the chunk's block
/// boundaries makes. The caller has verified them. Borrowed for the call.
struct payload {
  std::span<const std::string_view> pieces;
  std::span<const std::uint32_t> crcs;
};

struct chunk_state {
  chunk_id chunk;
  chunk_version version;
  mutation_serial serial;   ///< Of the last mutation applied; 0 if none was.
  std::uint32_t length = 0; ///< Bytes, padding included.
  /// Data ends here and padding begins; nothing can be added any more.
  std::optional<std::uint32_t> padded_from;

  /// Bytes that can be read.
  [[nodiscard]] std::uint32_t data_length() const {
    return padded_from.value_or(length);
  }

  bool operator==(const chunk_state&) const = default;
};

/// What an appending client got last. A retry carries the same sequence.
struct append_entry {
  writer_id writer;
  std::uint64_t sequence = 0;
  std::uint32_t offset = 0;
  std::uint32_t length = 0;

  bool operator==(const append_entry&) const = default;
};

/// Whole blocks that may be sent as they are, with `sendfile`: the receiver
/// checks the CRCs. Stays readable after the chunk has been changed, removed or
/// moved; bytes that a later mutation has overwritten then fail their CRC, and
/// the receiver asks again.
struct read_plan {
  std::shared_ptr<open_file> file;
  std::uint64_t file_offset = 0;
  std::uint32_t length = 0; ///< At most what was asked for; up to the end.
  std::vector<std::uint32_t> crcs; ///< One per block, the last may be short.
  chunk_version version;
  std::uint32_t chunk_length = 0; ///< Of the whole chunk, at this moment.
};

/// Whose volume it is: what its identity file must say.
struct store_owner {
  std::string cluster; ///< 16 hex digits.
  store_id node;       ///< Store id of the node's data directory.

  bool operator==(const store_owner&) const = default;
};

/// A volume that this node has had.
struct known_volume {
  store_id id;
  std::string path;

  bool operator==(const known_volume&) const = default;
};

/// Something on a volume that is not as it should be.
struct damage {
  std::string what;              ///< One line with file, offset and effect.
  std::optional<chunk_id> chunk; ///< Taken out of service for it.
};

struct block_fault {
  std::uint32_t block = 0; ///< Number within the chunk.
  bool unreadable = false; ///< The disk refused; otherwise the CRC differs.
};

struct store_usage {
  std::uint64_t capacity = 0;  ///< Bytes of the file system.
  std::uint64_t available = 0; ///< Bytes that writes may still take.
  std::uint64_t data = 0;      ///< Bytes of chunk data.
  std::uint64_t log = 0;       ///< Bytes of segment files.
  std::uint64_t log_dead = 0;  ///< Of them, what compaction would give back.
  std::uint64_t chunks = 0;
  std::uint64_t packed = 0; ///< Of them, those that live in segments.
  std::uint64_t quarantined = 0;
  std::uint64_t syncs = 0; ///< That came back, since the start.
  /// Removals of files that the disk refused, since the start: each once,
  /// however often it is tried again.
  std::uint64_t not_freed = 0;
  bool cannot_free = false; ///< The last removal was refused; it is retried.
  bool full = false;        ///< Writes are refused with `ec::full`.
  bool failed = false;      ///< Everything is refused with `ec::io_error`.
};

} // namespace dfs::storage
