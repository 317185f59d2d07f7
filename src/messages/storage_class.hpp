#pragma once

#include <cstdint>
#include <string_view>

namespace dfs::msg {

/// The numbers travel and stand on the disk: append only.
///
/// How the files of a directory are kept (SPEC V9). A file is of the class of
/// its directory, always.
enum class storage_class : std::uint8_t {
  as_above = 0, ///< In requests only: as the directory above.
  chunked = 1,
  versioned = 2,
  content = 3,
  shared = 4,
};

/// As people write it.
[[nodiscard]] constexpr std::string_view to_string(storage_class x) {
  switch (x) {
    case storage_class::as_above:
      return "as above";
    case storage_class::chunked:
      return "chunked";
    case storage_class::versioned:
      return "versioned";
    case storage_class::content:
      return "content";
    case storage_class::shared:
      return "shared";
  }
  return "unknown";
}

} // namespace dfs::msg
