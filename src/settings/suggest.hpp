#pragma once

#include <span>
#include <string>
#include <string_view>

namespace dfs::settings {

/// What somebody who typed `word` may have meant: the closest candidate, the
/// first of equals; empty if none is close (about a third of it mistyped; a
/// transposition is one slip).
[[nodiscard]] std::string
closest(std::string_view word, std::span<const std::string> candidates);

/// " (did you mean 'x'?)", or nothing.
[[nodiscard]] std::string
did_you_mean(std::string_view word, std::span<const std::string> candidates);

} // namespace dfs::settings
