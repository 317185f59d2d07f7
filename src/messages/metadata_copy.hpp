#pragma once

#include <caf/meta/type_name.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

// A backup of the master's metadata, piece by piece, to whoever asks.

namespace dfs::msg {

/// Bytes in one page, but for the row that crosses the limit.
inline constexpr std::size_t backup_page_bytes = 256 * 1024;

/// The next bytes of a backup file (docs/formats/metadata_backup.md) ->
/// `backup_page`. All pages show one moment: that of the first. The last page
/// that was answered may be asked for again. Who does not ask for a minute has
/// given up. Errors: `not_found` (over, or of another life of the master: begin
/// again), `busy` (too many at once), `io_error`, `integrity`.
struct read_backup {
  std::uint64_t backup = 0; ///< 0, with page 0: a new one.
  std::uint32_t page = 0;

  bool operator==(const read_backup&) const = default;
};

struct backup_page {
  std::uint64_t backup = 0;
  std::uint32_t page = 0;
  bool last = false;
  std::uint64_t rows = 0; ///< Up to the end of this page.
  std::string bytes;      ///< What comes next in the file.

  bool operator==(const backup_page&) const = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, read_backup& x) {
  return f(caf::meta::type_name("read_backup"), x.backup, x.page);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, backup_page& x) {
  return f(caf::meta::type_name("backup_page"), x.backup, x.page, x.last,
           x.rows, x.bytes);
}

} // namespace dfs::msg
