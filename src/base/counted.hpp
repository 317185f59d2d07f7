#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dfs {

/// For people: "1 chunk", "2 chunks".
[[nodiscard]] inline std::string
counted(std::uint64_t n, std::string_view what) {
  return std::to_string(n) + ' ' + std::string{what} + (n == 1 ? "" : "s");
}

/// The same for other plurals: "1 copy", "2 copies".
[[nodiscard]] inline std::string
counted(std::uint64_t n, std::string_view one, std::string_view several) {
  return std::to_string(n) + ' ' + std::string{n == 1 ? one : several};
}

} // namespace dfs
