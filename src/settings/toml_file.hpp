#pragma once

#include "base/result.hpp"
#include "settings/value.hpp"

#include <string>
#include <vector>

namespace dfs::settings {

/// One key of a file and where it stands.
struct file_entry {
  std::string key;   ///< "section.name"; an empty section and a key outside of
                     ///< sections have no dot.
  std::string where; ///< "FILE:LINE:COLUMN", of the key.
  raw_value content;
};

/// All keys of a TOML file, in the file's order. A table below a section is
/// one entry with its strings, because settings are never nested deeper.
/// @returns `ec::configuration`: unreadable, larger than 1 MiB, or no TOML; the
/// context is "FILE:LINE:COLUMN: what".
[[nodiscard]] result<std::vector<file_entry>>
read_toml(const std::string& path);

/// The same of text that `path` names in messages.
[[nodiscard]] result<std::vector<file_entry>>
parse_toml(std::string_view text, const std::string& path);

} // namespace dfs::settings
