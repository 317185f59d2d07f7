#pragma once

#include "base/endpoint.hpp"
#include "base/result.hpp"
#include "base/utc_time.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace dfs::settings {

/// Group addresses of the members that a node knew, and when it saw each last:
/// the file `members` of its data directory (docs/formats/data_dir.md). Whoever
/// starts without an introducer that answers finds the group by them.
struct known_members {
  struct entry {
    endpoint where;
    unix_milliseconds seen;

    bool operator==(const entry&) const = default;
  };

  static constexpr std::size_t entries_max = 16'384;

  std::vector<entry> entries;

  bool operator==(const known_members&) const = default;
};

[[nodiscard]] std::string to_text(const known_members& x);

/// @returns `ec::malformed`, or `ec::unsupported` for a newer format.
[[nodiscard]] result<known_members> parse_known_members(std::string_view text);

/// Nobody, if there is no such file.
/// @returns as `parse_known_members` and `read_file`.
[[nodiscard]] result<known_members>
load_known_members(const std::string& directory);

/// Replaces the file as a whole. Waits for the disk. May be repeated.
/// @returns as `write_file`.
[[nodiscard]] result<nothing>
save_known_members(const std::string& directory, const known_members& x);

} // namespace dfs::settings
