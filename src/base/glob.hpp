#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>

namespace dfs {

// Patterns of names: `*` any characters, also none; `?` one; `[a-z]` one of
// these, `[!a-z]` one that is not; `\x` the character x. Characters are code
// points. A name that begins with a dot is nothing special.

/// @returns `ec::invalid_argument` for a `[` or `\` that nothing ends.
[[nodiscard]] result<nothing> check_glob(std::string_view pattern);

/// Time: at most (length of the pattern) × (length of the name).
/// @pre A pattern that `check_glob` takes.
[[nodiscard]] bool
glob_matches(std::string_view pattern, std::string_view name);

/// What every match begins with, without its escapes: where to look in a sorted
/// list.
[[nodiscard]] std::string glob_prefix(std::string_view pattern);

/// Whether there is anything to match: otherwise the prefix is the only match.
[[nodiscard]] bool is_glob(std::string_view pattern);

} // namespace dfs
