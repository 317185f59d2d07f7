#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

// Bytes of the ordered log: docs/formats/ordered_log.md. Pure.

namespace dfs::storage {

inline constexpr std::size_t ordered_message_bytes_max = 4u << 20;
inline constexpr std::size_t ordered_promise_bytes_max = 64u << 10;

inline constexpr std::size_t log_segment_head_bytes = 64;
inline constexpr std::size_t log_block_head_bytes = 40;
inline constexpr std::size_t log_alignment = 8;
/// Of a message in a block, besides its bytes.
inline constexpr std::size_t log_message_head_bytes = 17;
inline constexpr std::size_t log_promise_head_bytes = 5;

struct log_segment_head {
  store_id owner;
  std::uint64_t segment = 0;
  std::uint64_t first_block = 0;
  std::uint64_t last_sequence = 0; ///< Of the message before.
  std::uint64_t safe = 0;          ///< The last block known to be durable.
  std::uint64_t bytes = 0;         ///< Of the segment.
  std::uint32_t salt = 0;          ///< In the checksums of the blocks' heads.

  bool operator==(const log_segment_head&) const = default;
};

struct log_block_head {
  std::uint64_t number = 0;
  std::uint64_t segment = 0;
  std::uint64_t safe = 0;
  std::uint32_t bytes = 0;    ///< Of the records.
  std::uint32_t checksum = 0; ///< Of the records.

  bool operator==(const log_block_head&) const = default;
};

[[nodiscard]] std::string encode_segment_head(const log_segment_head& x);

/// Of the first `log_segment_head_bytes`.
/// @returns nothing if it is none; `ec::unsupported` (a newer format).
[[nodiscard]] result<std::optional<log_segment_head>>
decode_segment_head(std::string_view bytes);

/// Head, records and the zeros behind, for a block of these records.
/// @param salt Of the segment: messages of strangers cannot hold what looks
///   like a block.
[[nodiscard]] std::string
encode_block(log_block_head x, std::string_view records, std::uint32_t salt);

/// Of the first `log_block_head_bytes`. @returns nothing if it is none.
[[nodiscard]] std::optional<log_block_head>
decode_block_head(std::string_view bytes, std::uint32_t salt);

/// Where the next block begins, behind one with so many bytes of records.
[[nodiscard]] constexpr std::uint64_t log_block_bytes(std::uint64_t records) {
  const auto bytes = log_block_head_bytes + records;
  return (bytes + log_alignment - 1) / log_alignment * log_alignment;
}

void append_message(std::string& records, std::uint64_t sequence,
                    std::string_view bytes);
void append_promise(std::string& records, std::string_view bytes);
void append_cut(std::string& records, std::uint64_t sequence);

/// Whom `read_records` tells, in the order of the records.
struct record_visitor {
  /// @param offset Of the bytes, from the begin of the records.
  std::function<void(std::uint64_t sequence, std::size_t offset,
                     std::string_view bytes)>
    message;
  std::function<void(std::string_view bytes)> promise;
  std::function<void(std::uint64_t sequence)> cut;
};

/// @returns `ec::integrity` (no records), `ec::unsupported` (a newer tag).
[[nodiscard]] result<nothing>
read_records(std::string_view records, const record_visitor& visitor);

/// Checksum of one message's bytes is the one of its record?
/// @param head The `log_message_head_bytes` before the bytes.
[[nodiscard]] bool is_message(std::string_view head, std::uint64_t sequence,
                              std::string_view bytes);

} // namespace dfs::storage
