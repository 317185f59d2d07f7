#pragma once

#include "base/result.hpp"
#include "support/history/operation.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace dfs::history {

/// One line, without its end.
[[nodiscard]] std::string to_json(const operation& x);

/// @returns `ec::malformed` with what is wrong.
[[nodiscard]] result<operation> from_json(std::string_view line);

/// All lines of a text; empty ones are skipped.
/// @returns `ec::malformed`, naming the line.
[[nodiscard]] result<std::vector<operation>>
history_from_json(std::string_view text);

} // namespace dfs::history
