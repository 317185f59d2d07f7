#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace dfs {

/// A list as data directories keep it (docs/formats/data_dir.md): the line
/// "format = 1", one line an entry, and the CRC32C of all bytes above.
///
/// @pre No entry holds an end of a line.
[[nodiscard]] std::string
to_line_file(const std::vector<std::string>& entries);

/// @returns the entries, as parts of `text`; `ec::malformed` for one that is
///   damaged, `ec::unsupported` for another format.
[[nodiscard]] result<std::vector<std::string_view>>
parse_line_file(std::string_view text);

} // namespace dfs
