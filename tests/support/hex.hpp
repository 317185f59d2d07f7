#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dfs::test {

/// Two digits a byte, as golden samples are written down.
[[nodiscard]] inline std::string hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const auto byte : bytes) {
    text += digits[static_cast<std::uint8_t>(byte) >> 4];
    text += digits[static_cast<std::uint8_t>(byte) & 15];
  }
  return text;
}

} // namespace dfs::test
