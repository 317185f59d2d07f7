#include "base/crc32c.hpp"

#include <isa-l/crc.h>

namespace dfs {

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) {
  // ISA-L wants the inverted state, a mutable pointer and an int, and reads
  // only. Longer input than an int holds is fed in pieces.
  constexpr std::size_t piece_bytes_max = 1u << 30;
  auto state = ~before;
  while (!bytes.empty()) {
    const auto piece = bytes.substr(0, piece_bytes_max);
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast)
    auto* data
      = reinterpret_cast<unsigned char*>(const_cast<char*>(piece.data()));
    state = crc32_iscsi(data, static_cast<int>(piece.size()), state);
    bytes.remove_prefix(piece.size());
  }
  return ~state;
}

} // namespace dfs
