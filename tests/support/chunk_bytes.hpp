#pragma once

#include "base/rng.hpp"

#include <cstdint>
#include <string>

namespace dfs::test {

/// Bytes that differ from those of other seeds.
inline std::string some_bytes(std::size_t size, std::uint64_t seed) {
  rng random{seed * 2 + 1};
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; i += 8) {
    auto word = random.below(~std::uint64_t{0});
    for (std::size_t j = i; j < i + 8 && j < size; ++j, word >>= 8)
      bytes[j] = static_cast<char>(word);
  }
  return bytes;
}

} // namespace dfs::test
