#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// Frames of the data port: a header of 32 bytes, a small message, and file
// bytes. Drawn in docs/formats/data_frame.md. The header's checksum covers
// header and message; the bytes have their own, in the message: they are made
// once, by whoever wrote the bytes first, and travel and are stored with them.

namespace dfs::wire {

/// The numbers travel: append only.
enum class data_kind : std::uint8_t {
  request = 1, ///< Is answered once, under its id.
  answer = 2,  ///< Status 0: the reply; else a text for people.
  notice = 3,  ///< A message that nobody answers.
  ping = 4,    ///< "Does your loop turn?" Either side.
  pong = 5,    ///< It does.
};

struct data_header {
  data_kind kind = data_kind::request;
  std::uint16_t method = 0; ///< `msg::data_method`; of requests and notices.
  std::uint8_t status = 0;  ///< `dfs::ec` of an answer, 0: it succeeded.
  std::uint32_t message_size = 0;
  std::uint32_t data_size = 0;
  request_id id; ///< 0 in an answer: it is about the whole connection.

  bool operator==(const data_header&) const = default;
};

inline constexpr std::size_t data_header_size = 32;

/// Lists of changes are the longest messages: some 16 bytes for each of 256.
inline constexpr std::uint32_t data_message_max = 32 * 1024;

/// As `msg::record_max`: a record of a quarter chunk is one frame.
inline constexpr std::uint32_t data_bytes_max = 16 * 1024 * 1024;

/// Texts of refusals are cut here.
inline constexpr std::size_t data_refusal_max = 512;

/// Appends header and message; the data follows them as it is.
/// `header.message_size` is ignored. @pre The message is no longer than
/// `data_message_max`, the data no longer than `data_bytes_max`.
void append_data_head(std::string& out, const data_header& header,
                      std::string_view message);

/// Judges a header before memory is taken for what it announces.
/// @pre `bytes` has at least `data_header_size` bytes.
/// @returns `ec::malformed` (not our frame, an unknown kind, too long) or
///   `ec::unsupported` (another version). Close the connection.
[[nodiscard]] result<data_header> parse_data_header(std::string_view bytes);

/// Whether header and message arrived as they were sent.
/// @param head Header and message.
/// @returns `ec::malformed`.
[[nodiscard]] result<nothing> check_data_head(std::string_view head);

// -- checksums of file bytes -------------------------------------------------

/// Bytes are checksummed in pieces, cut where blocks of the chunk end.
inline constexpr std::uint32_t data_block_bytes = 64 * 1024;

/// From `offset` to where its block ends.
[[nodiscard]] constexpr std::uint32_t piece_room(std::uint32_t offset) {
  return data_block_bytes - offset % data_block_bytes;
}

/// How many pieces the cut of `[offset, offset + size)` makes.
[[nodiscard]] constexpr std::size_t
piece_count(std::uint32_t offset, std::size_t size) {
  return size == 0 ? 0
                   : (offset % data_block_bytes + size + data_block_bytes - 1)
                       / data_block_bytes;
}

/// CRC32C of each piece of bytes that belong at `offset`.
[[nodiscard]] std::vector<std::uint32_t>
piece_crcs(std::uint32_t offset, std::string_view bytes);

/// Whether the bytes are those the checksums were made of.
[[nodiscard]] bool pieces_match(std::uint32_t offset, std::string_view bytes,
                                const std::vector<std::uint32_t>& crcs);

} // namespace dfs::wire
