#pragma once

#include <string>
#include <string_view>

namespace dfs::admin {

/// Holds bytes that are no text.
[[nodiscard]] bool is_binary(std::string_view bytes);

/// The lines that differ, with three around them, as `diff -u` prints them;
/// empty: equal. Shortest for texts that differ in up to some 2,000 lines;
/// beyond that the middle is replaced as a whole.
[[nodiscard]] std::string
unified_diff(std::string_view before, std::string_view after,
             const std::string& before_name, const std::string& after_name);

} // namespace dfs::admin
