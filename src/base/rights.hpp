#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string_view>

namespace dfs {

/// What a principal may do; each includes those before it. The numbers travel
/// in tokens: append only.
enum class rights : std::uint8_t {
  none = 0,   ///< Nothing but log in.
  reader = 1, ///< Ask and watch.
  writer = 2, ///< Change files, queues and documents.
  admin = 3,  ///< Order servers about.
};

/// "none", "reader", "writer" or "admin"; "unknown" for another number.
[[nodiscard]] std::string_view to_string(rights x);

/// Takes "reader", "writer" and "admin".
/// @returns `ec::invalid_argument`.
[[nodiscard]] result<rights> parse_rights(std::string_view text);

} // namespace dfs
