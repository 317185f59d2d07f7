#pragma once

#include "base/result.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace dfs::wire {

/// Secrets by generation, as `cluster.key` and `token.key` hold them: new bytes
/// are made with the first, old ones are understood with any. So a key is
/// replaced while nodes with and without it talk to each other.
class key_ring {
public:
  static constexpr std::size_t secret_bytes = 32;
  static constexpr std::size_t keys_max = 16; ///< More is no rotation.

  struct key {
    std::uint8_t generation = 0; ///< 1 to 255.
    std::array<std::uint8_t, secret_bytes> secret{};
  };

  /// Takes the text of a key file: `GENERATION HEX64` a line, '#' for comments.
  /// @returns `ec::configuration` with the number of the line, never with what
  ///          stands in it.
  [[nodiscard]] static result<key_ring> parse(std::string_view text);

  /// What seals and signs: the first line.
  [[nodiscard]] const key& active() const {
    return keys_.front();
  }

  /// Null for a generation that is not here.
  [[nodiscard]] const key* find(std::uint8_t generation) const;

  [[nodiscard]] const std::vector<key>& keys() const {
    return keys_;
  }

private:
  explicit key_ring(std::vector<key> keys) : keys_{std::move(keys)} {
    // nop
  }

  std::vector<key> keys_; ///< Never empty; generations differ.
};

} // namespace dfs::wire
