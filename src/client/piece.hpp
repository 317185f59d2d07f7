#pragma once

#include "messages/chunk_data.hpp"
#include "net/data_buffer.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace dfs::client {

/// A stretch of a chunk in memory, and its checksums. Does not change once it
/// is shared.
struct piece {
  net::data_buffer bytes;
  /// Of the parts that the chunk's block boundaries cut it into.
  std::vector<std::uint32_t> crcs;
  std::shared_ptr<const void> room; ///< In the memory budget; null: none.

  [[nodiscard]] std::uint32_t length() const {
    return static_cast<std::uint32_t>(bytes.size());
  }
};

/// Where the data of a chunk ends and padding may begin.
[[nodiscard]] inline std::uint32_t data_end(const msg::chunk_extent& x) {
  return std::min(x.padded_from, x.length);
}

/// CRC32C of each part of `bytes`, which stand at `offset` of their chunk.
[[nodiscard]] std::vector<std::uint32_t>
block_crcs(std::string_view bytes, std::uint32_t offset);

/// A part of a piece, which shares its memory. @param offset Where the first of
/// its bytes stands in its chunk or content: there the checksums are cut.
[[nodiscard]] piece part_of(const piece& x, std::size_t begin,
                            std::size_t length, std::uint64_t offset);

} // namespace dfs::client
