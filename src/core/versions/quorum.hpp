#pragma once

#include "base/result.hpp"
#include "messages/version.hpp"

#include <cstdint>
#include <string_view>

// N, W, R and what follows from them (docs/protocols/versioned_files.md).

namespace dfs::core {

inline constexpr std::uint8_t copies_max = 9;

/// The least W and R that satisfy both rules. @pre 1 <= copies <= `copies_max`.
[[nodiscard]] msg::quorum_rule default_quorum(std::uint8_t copies);

/// W + R > N, 2 W > N, and none of them 0 or above N.
/// @returns `ec::invalid_argument`, saying which rule is broken and the least
///   value that keeps it.
[[nodiscard]] result<nothing> check_quorum(const msg::quorum_rule& rule);

/// Reads `N`, `N:W` or `N:W:R`; what is left out is the least that holds.
/// @returns `ec::invalid_argument`, as `check_quorum`.
[[nodiscard]] result<msg::quorum_rule> parse_quorum(std::string_view text);

/// So many promises contain one of any W: N - W + 1.
[[nodiscard]] std::uint8_t promise_quorum(const msg::quorum_rule& rule);

/// So many sealed leave neither a W nor an R that misses them, and contain a W.
[[nodiscard]] std::uint8_t seal_quorum(const msg::quorum_rule& rule);

} // namespace dfs::core
