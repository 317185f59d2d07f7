#pragma once

#include <cstddef>
#include <cstdint>

// Numbers in the heads of frames, which have fixed places.

namespace dfs::wire {

template <class T>
void store(char* at, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i)
    at[i] = static_cast<char>(value >> (8 * i));
}

template <class T>
[[nodiscard]] T load(const char* at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    value |= std::uint64_t{static_cast<std::uint8_t>(at[i])} << (8 * i);
  return static_cast<T>(value);
}

} // namespace dfs::wire
