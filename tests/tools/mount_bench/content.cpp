#include "content.hpp"

#include <array>
#include <cstring>
#include <random>

namespace dfs::bench {

namespace {

constexpr std::size_t stamp_every = 1024;

using mark = std::array<std::uint64_t, 2>;

} // namespace

void fill(std::span<char> bytes, std::uint64_t seed) {
  std::mt19937_64 engine{seed};
  for (std::size_t i = 0; i + 8 <= bytes.size(); i += 8) {
    const auto number = engine();
    std::memcpy(&bytes[i], &number, sizeof number);
  }
}

void stamp(std::span<char> bytes, std::uint64_t id, std::uint64_t offset) {
  for (std::size_t i = 0; i + sizeof(mark) <= bytes.size(); i += stamp_every) {
    const mark wanted{id, offset + i};
    std::memcpy(&bytes[i], wanted.data(), sizeof wanted);
  }
}

bool is_stamped(std::span<const char> bytes, std::uint64_t id,
                std::uint64_t offset) {
  for (std::size_t i = 0; i + sizeof(mark) <= bytes.size(); i += stamp_every) {
    const mark wanted{id, offset + i};
    if (std::memcmp(&bytes[i], wanted.data(), sizeof wanted) != 0)
      return false;
  }
  return true;
}

} // namespace dfs::bench
