#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "messages/recent_writes.hpp"
#include "storage/chunk_types.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Records of the chunk store's log (docs/formats/chunk_store.md): bytes to
// structs and back, nothing else.

namespace dfs::storage {

struct log_position_tag {};

/// Where a record begins: segment number * 2^32 + offset in the file. Grows
/// along the log; zero is before all of it.
using log_position = strong_id<log_position_tag>;

[[nodiscard]] constexpr std::uint32_t segment_of(log_position x) {
  return static_cast<std::uint32_t>(x.value() >> 32);
}
[[nodiscard]] constexpr std::uint32_t offset_of(log_position x) {
  return static_cast<std::uint32_t>(x.value());
}
[[nodiscard]] constexpr log_position
position_at(std::uint32_t segment, std::uint64_t offset) {
  return log_position{(std::uint64_t{segment} << 32) + offset};
}

/// Append only; a retired number stays here as a comment.
enum class record_kind : std::uint8_t {
  created = 1,
  packed = 2,
  journalled = 3,
  direct = 4,
  versioned = 5,
  removed = 6,
  state = 7,
  quarantined = 8,
  checkpoint = 9,
  mark = 10,
  sealed = 11,
  segments = 12,
  purged = 13,
  tally = 14,
  written = 15,
};

inline constexpr std::size_t record_header_bytes = 72;
inline constexpr std::size_t segment_header_bytes = 64;
/// What a record may carry: a mutation of a whole chunk, and more than its CRCs
/// and appends can take. Longer ones are taken for damage.
inline constexpr std::uint32_t record_data_max = 64u << 20;
inline constexpr std::uint32_t record_meta_max = 8u << 20;
inline constexpr std::uint32_t format_version = 1;

struct record_header {
  record_kind kind{};
  std::uint32_t meta_bytes = 0;
  std::uint32_t data_bytes = 0;
  log_position position;
  /// Everything before this was on the disk when the record was written.
  log_position synced;
  chunk_id chunk;
  log_position previous; ///< The chunk's record before this one.
  /// The log's record before this one: tells what was lost if it is.
  log_position neighbour;
  chunk_id neighbour_chunk;
  std::uint32_t meta_crc = 0;
  std::uint32_t data_crc = 0;

  /// Bytes in the file, with padding to a multiple of 8.
  [[nodiscard]] std::uint64_t size() const {
    return (record_header_bytes + std::uint64_t{meta_bytes} + data_bytes + 7)
           / 8 * 8;
  }
};

/// @param volume Seeds the checksum: records of another volume do not fit.
void encode_header(const record_header& x, store_id volume, char* to);

/// Sets `synced` in an encoded header.
void stamp_header(char* header, log_position synced, store_id volume);

/// @pre `bytes` holds `record_header_bytes`.
/// @returns nothing if this is no header of this volume for this position.
[[nodiscard]] std::optional<record_header>
decode_header(std::string_view bytes, store_id volume, log_position position);

[[nodiscard]] std::string
encode_segment_header(store_id volume, std::uint32_t number);

/// @returns `ec::malformed`, `ec::unsupported` (a newer format; the context has
///   both numbers).
[[nodiscard]] result<nothing> check_segment_header(std::string_view bytes,
                                                   store_id volume,
                                                   std::uint32_t number);

// -- what stands between header and data --------------------------------------

struct created_meta {
  chunk_version version;
};

/// The data is all of the chunk.
struct packed_meta {
  chunk_version version;
  mutation_serial serial;
  std::vector<append_entry> appends; ///< One, if an append made the chunk.
};

/// Of `journalled` (the data follows) and `direct` (it is in the chunk's file).
struct mutation_meta {
  chunk_version version;
  mutation_serial serial;
  mutation_kind kind = mutation_kind::write;
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
  writer_id writer;
  std::uint64_t sequence = 0;
  std::uint64_t file = 0;          ///< Which file of the chunk; 0: none.
  std::vector<std::uint32_t> crcs; ///< Of all blocks touched, afterwards.
};

struct versioned_meta {
  chunk_version version;
};

/// Replaces everything said about the chunk before. With data: that is all of
/// the chunk, to be written to its file.
struct state_meta {
  chunk_version version;
  mutation_serial serial;
  std::uint32_t length = 0; ///< Padding included.
  std::uint32_t data_length = 0;
  std::uint64_t file = 0;
  std::vector<std::uint32_t> crcs;
  std::vector<append_entry> appends;
};

/// As a state, of a chunk that has had writes with an identity.
struct written_meta {
  state_meta state;
  msg::recent_writes writes;
};

/// Everything journalled before is in its file, on the disk.
struct checkpoint_meta {
  log_position until;
};

/// How many records of which chunks begin in `[from, until)`, which is in one
/// segment: the tally's own, or the one before.
struct tally_meta {
  log_position from;
  log_position until;
  std::vector<chunk_id> chunks;       ///< Rising.
  std::vector<std::uint32_t> records; ///< One number for each.
};

/// A tally comes each time, about the last two such stretches: so each is told
/// of twice, and a hole may hold one of them.
inline constexpr std::uint64_t tally_bytes = 64 * 1024;

/// Of what was or is to be set aside.
struct quarantined_meta {
  std::uint64_t file = 0;
  bool repeated = false; ///< Said before: the chunk may have come back since.
};

/// All segments of the log that exist, its own included.
struct segments_meta {
  std::vector<std::uint32_t> numbers;
};

template <class F>
void inspect(F& f, append_entry& x) {
  f(x.writer, x.sequence, x.offset, x.length);
}
template <class F>
void inspect(F& f, created_meta& x) {
  f(x.version);
}
template <class F>
void inspect(F& f, packed_meta& x) {
  f(x.version, x.serial, x.appends);
}
template <class F>
void inspect(F& f, mutation_meta& x) {
  f(x.version, x.serial, x.kind, x.offset, x.length, x.writer, x.sequence,
    x.file, x.crcs);
}
template <class F>
void inspect(F& f, versioned_meta& x) {
  f(x.version);
}
template <class F>
void inspect(F& f, state_meta& x) {
  f(x.version, x.serial, x.length, x.data_length, x.file, x.crcs, x.appends);
}
template <class F>
void inspect(F& f, written_meta& x) {
  f(x.state, x.writes);
}
template <class F>
void inspect(F& f, checkpoint_meta& x) {
  f(x.until);
}
template <class F>
void inspect(F& f, tally_meta& x) {
  f(x.from, x.until, x.chunks, x.records);
}
template <class F>
void inspect(F& f, quarantined_meta& x) {
  f(x.file, x.repeated);
}
template <class F>
void inspect(F& f, segments_meta& x) {
  f(x.numbers);
}

} // namespace dfs::storage
