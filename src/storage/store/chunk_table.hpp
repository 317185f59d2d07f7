#pragma once

#include "base/result.hpp"
#include "messages/recent_writes.hpp"
#include "storage/chunk_types.hpp"
#include "storage/log/log_record.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

// What a store keeps in memory of its chunks, and what mutations do to that:
// the same functions serve live mutations and the replay of the log.

namespace dfs::storage {

inline constexpr std::size_t remembered_mutations = 256;
inline constexpr std::size_t remembered_writers = 256;

/// A chunk without a file of its own: empty, or in the log. 56 bytes.
struct packed_chunk {
  chunk_version version;
  mutation_serial serial;
  log_position last; ///< Its newest record.
  log_position data; ///< Where its bytes are; empty: the record it began with.
  std::uint32_t length = 0;
  std::uint32_t crc = 0;
  writer_id writer; ///< If an append made it: with `sequence`.
  std::uint64_t sequence = 0;
};

/// The short form of a mutation of one chunk.
struct known_mutation {
  std::uint32_t offset = 0;
  std::uint32_t length : 27 = 0; ///< 64 MiB at most.
  std::uint32_t kind : 3 = 0;
  std::uint32_t overwrote : 1 = 0; ///< Changed bytes that were there.
  std::uint32_t named : 1 = 0;     ///< By writer and sequence.
};

/// What a chunk has in hand between `apply` and the disk (chunk_activity.hpp).
struct chunk_activity;

/// Its owner is the store: neither copied nor moved.
struct loose_chunk {
  loose_chunk();
  ~loose_chunk();
  loose_chunk(const loose_chunk&) = delete;

  chunk_version version;
  mutation_serial serial;
  std::uint32_t length = 0;      ///< Padding included.
  std::uint32_t data_length = 0; ///< What can be read.
  std::uint64_t file = 0;        ///< Which file of the chunk; 0: none yet.
  log_position last;
  std::vector<std::uint32_t> crcs;     ///< One per block of data.
  std::vector<known_mutation> known;   ///< The last ones, up to `serial`.
  std::vector<append_entry> known_ids; ///< One per named one in `known`.
  std::vector<append_entry> appends;   ///< By writer, oldest first.
  msg::recent_writes writes;
  /// Bytes of the records that this chunk needs, by segment.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> uses;
  bool name_synced = false; ///< The file's name is on the disk.
  std::unique_ptr<chunk_activity> activity;
};

// -- pure functions -----------------------------------------------------------

[[nodiscard]] chunk_state state_of(chunk_id id, const packed_chunk& x);
[[nodiscard]] chunk_state state_of(chunk_id id, const loose_chunk& x);

/// What follows from the chunk's state alone; see `chunk_store::apply`.
[[nodiscard]] result<nothing>
check_mutation(const chunk_state& now, const mutation& change,
               const payload& data, std::uint32_t chunk_bytes_max);

/// Calls `f(view)` for the parts of `pieces` that hold `[begin, begin + size)`.
template <class F>
void for_each_slice(std::span<const std::string_view> pieces, std::size_t begin,
                    std::size_t size, F f) {
  for (auto piece : pieces) {
    if (size == 0)
      return;
    if (begin >= piece.size()) {
      begin -= piece.size();
      continue;
    }
    piece = piece.substr(begin, size);
    begin = 0;
    size -= piece.size();
    f(piece);
  }
}

/// Number of blocks that `[offset, offset + length)` touches.
[[nodiscard]] constexpr std::size_t
blocks_in(std::uint32_t offset, std::uint32_t length) {
  if (length == 0)
    return 0;
  return (std::size_t{offset} + length - 1) / block_bytes - offset / block_bytes
         + 1;
}

/// CRCs of the blocks touched, after `data` has been added at `offset`, the end
/// of what `crcs` describe.
[[nodiscard]] std::vector<std::uint32_t>
crcs_after_adding(std::span<const std::uint32_t> crcs, std::uint32_t offset,
                  std::uint32_t length, const payload& data);

/// Length, CRCs, serial, and what is remembered of mutations and appends.
void advance(loose_chunk& x, const mutation_meta& change);

/// Undoes mutations that added something, the newest first, down to `serial`.
/// The CRC of a block that is cut is the caller's to set.
/// @returns `ec::unsupported`, `ec::invalid_argument` (it had another length
///   then), having changed nothing.
[[nodiscard]] result<nothing>
step_back(loose_chunk& x, mutation_serial serial, std::uint32_t to_length);

void remember(std::vector<append_entry>& appends, const append_entry& entry);

/// @returns nothing if some of them are not known any more.
[[nodiscard]] std::optional<std::vector<mutation>>
mutations_after(chunk_id id, const loose_chunk& x, mutation_serial serial);
[[nodiscard]] std::optional<std::vector<mutation>>
mutations_after(chunk_id id, const packed_chunk& x, mutation_serial serial);

[[nodiscard]] std::vector<append_entry> appends_of(const packed_chunk& x);

[[nodiscard]] mutation_meta meta_of(const mutation& change, std::uint64_t file,
                                    std::vector<std::uint32_t> crcs);
/// What a record must say of it that says everything.
struct full_state {
  record_kind kind{};
  std::string meta;
};
[[nodiscard]] full_state full_state_of(const loose_chunk& x);
void assign(loose_chunk& x, const state_meta& from);

/// All chunks of a volume. A chunk is in one of the two.
struct chunk_table {
  std::unordered_map<chunk_id, packed_chunk> packed;
  std::unordered_map<chunk_id, std::unique_ptr<loose_chunk>> loose;
  /// In the making, beside what they replace; under `order` alone. The log and
  /// the readers know nothing of them.
  std::unordered_map<chunk_id, std::unique_ptr<loose_chunk>> copies;

  [[nodiscard]] packed_chunk* find_packed(chunk_id id);
  [[nodiscard]] loose_chunk* find_loose(chunk_id id);
  [[nodiscard]] loose_chunk* find_copy(chunk_id id);
  [[nodiscard]] const packed_chunk* find_packed(chunk_id id) const;
  [[nodiscard]] const loose_chunk* find_loose(chunk_id id) const;
  [[nodiscard]] std::optional<chunk_state> state(chunk_id id) const;
};

} // namespace dfs::storage
