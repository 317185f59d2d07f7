#pragma once

#include "base/ids.hpp"
#include "messages/recent_writes.hpp"

#include <cstdint>
#include <optional>
#include <vector>

// What is done to chunks, and what is remembered of who did it.

namespace dfs::core {

/// As `storage::mutation_kind`; numbers travel and stand in records.
enum class change_kind : std::uint8_t {
  write = 1,
  append = 2,
  pad = 3,
  bar = 4
};

/// One change of a chunk, at its place in the order.
struct chunk_change {
  mutation_serial serial;
  change_kind kind = change_kind::write;
  std::uint32_t offset = 0;
  std::uint32_t length = 0; ///< Bytes; of a pad those left unused, of a bar 0.
  writer_id writer;
  std::uint64_t sequence = 0;

  bool operator==(const chunk_change&) const = default;
};

/// Pads and bars take their place in the order and bring no bytes.
[[nodiscard]] inline bool writes_bytes(const chunk_change& x) {
  return x.kind == change_kind::write || x.kind == change_kind::append;
}

/// Does the change reach into that range?
[[nodiscard]] inline bool
overlap(const chunk_change& x, std::uint32_t offset, std::uint32_t length) {
  // In 64 bits: a reader may ask for more than there can be.
  return std::uint64_t{x.offset} < std::uint64_t{offset} + length
         && std::uint64_t{offset} < std::uint64_t{x.offset} + x.length;
}

/// What a writer appended last. Length 0: barred.
struct last_append {
  writer_id writer;
  std::uint64_t sequence = 0;
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
};

/// What a store remembers of those who changed a chunk.
struct known_writers {
  std::vector<last_append> appends;
  msg::recent_writes writes;
};

/// What the primary makes of a request.
struct change_plan {
  /// To be applied, told with `applied`, and passed on. Nothing: there is
  /// nothing to be done, or it is being done already.
  std::optional<chunk_change> apply;
  mutation_serial decided_by; ///< Answer when this is committed.
  std::uint32_t offset = 0;   ///< Of the bytes.
  bool full = false;          ///< The answer is `ec::chunk_full`.
  bool done = false;          ///< Of a settle: it was appended.
  /// Nothing is planned: ask again when `decided_by` is committed.
  bool again = false;
};

} // namespace dfs::core
