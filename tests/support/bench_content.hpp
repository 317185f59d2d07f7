#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>

namespace dfs::bench {

inline constexpr std::size_t stamp_every = 1024;

using content_mark = std::array<std::uint64_t, 2>;

/// Bytes that no store can fold: random, and each KiB is stamped with whose it
/// is and where it stands. Equal seeds give equal bytes.
inline void fill(std::span<char> bytes, std::uint64_t seed) {
  std::mt19937_64 engine{seed};
  for (std::size_t i = 0; i + 8 <= bytes.size(); i += 8) {
    const auto number = engine();
    std::memcpy(&bytes[i], &number, sizeof number);
  }
}

/// Stamps bytes that stand at `offset` of the file `id`.
inline void
stamp(std::span<char> bytes, std::uint64_t id, std::uint64_t offset) {
  for (std::size_t i = 0; i + sizeof(content_mark) <= bytes.size();
       i += stamp_every) {
    const content_mark wanted{id, offset + i};
    std::memcpy(&bytes[i], wanted.data(), sizeof wanted);
  }
}

/// Whether they are the bytes of that place.
[[nodiscard]] inline bool is_stamped(std::span<const char> bytes,
                                     std::uint64_t id, std::uint64_t offset) {
  for (std::size_t i = 0; i + sizeof(content_mark) <= bytes.size();
       i += stamp_every) {
    const content_mark wanted{id, offset + i};
    if (std::memcmp(&bytes[i], wanted.data(), sizeof wanted) != 0)
      return false;
  }
  return true;
}

} // namespace dfs::bench
