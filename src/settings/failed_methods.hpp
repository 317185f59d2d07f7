#pragma once

#include "base/result.hpp"
#include "base/utc_time.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dfs::settings {

/// Methods of clients whose handlers threw in this node: the file
/// `failed_methods` of its data directory (docs/formats/data_dir.md). A process
/// that ended by such a handler leaves it to the next one.
struct failed_methods {
  struct entry {
    std::uint16_t method = 0;
    std::uint32_t throws = 0;
    unix_milliseconds last;

    bool operator==(const entry&) const = default;
  };

  static constexpr std::size_t entries_max = 1'024;

  std::vector<entry> entries;

  bool operator==(const failed_methods&) const = default;
};

[[nodiscard]] std::string to_text(const failed_methods& x);

/// @returns `ec::malformed`, or `ec::unsupported` for a newer format.
[[nodiscard]] result<failed_methods> parse_failed_methods(std::string_view text);

/// None, if there is no such file.
/// @returns as `parse_failed_methods` and `read_file`.
[[nodiscard]] result<failed_methods>
load_failed_methods(const std::string& directory);

/// Replaces the file as a whole. Waits for the disk. May be repeated.
/// @returns as `write_file`.
[[nodiscard]] result<nothing>
save_failed_methods(const std::string& directory, const failed_methods& x);

} // namespace dfs::settings
