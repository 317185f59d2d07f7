#pragma once

#include <cstdint>
#include <string_view>

namespace dfs {

/// CRC-32C (Castagnoli, RFC 3720 appendix B.4). Hand the result of one piece
/// to the next to checksum a sequence of pieces.
[[nodiscard]] std::uint32_t
crc32c(std::string_view bytes, std::uint32_t before = 0);

} // namespace dfs
