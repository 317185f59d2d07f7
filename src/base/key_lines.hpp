#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace dfs {

/// "key = value" lines, as the identities in data directories are written.
/// @returns false if a line is none, or says a key again; `to` is then what was
///   read until there.
[[nodiscard]] bool
parse_key_lines(std::string_view text, std::map<std::string, std::string>& to);

/// All of `text`, digits only. @param base 2 to 36.
[[nodiscard]] bool
parse_whole_number(std::string_view text, int base, std::uint64_t& to);

} // namespace dfs
