#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// The system calls that stores make, as an interface: tests put a disk under it
// that loses power, fills up and fails (tests/support/simulated_files.hpp).
//
// Errors everywhere: `ec::full` (ENOSPC, EDQUOT), `ec::not_found`,
// `ec::exists`, `ec::busy` (no descriptors left, or as said), `ec::io_error`
// (anything else); the context names the path.

namespace dfs::storage {

/// A file open for reading and writing; closed with its last owner. Calls may
/// come from several threads.
class open_file {
public:
  virtual ~open_file() = default;

  /// @returns How many bytes; fewer than asked at the end of the file only.
  [[nodiscard]] virtual result<std::size_t>
  read(std::uint64_t offset, std::span<char> to) = 0;

  /// The same out of the page cache. @returns `ec::busy` if it is not all
  /// there.
  [[nodiscard]] virtual result<std::size_t>
  read_cached(std::uint64_t offset, std::span<char> to) = 0;

  /// Writes the pieces one after another. After an error any part of them may
  /// have been written; may be repeated.
  [[nodiscard]] virtual result<nothing>
  write(std::uint64_t offset, std::span<const std::string_view> pieces) = 0;

  [[nodiscard]] result<nothing>
  write(std::uint64_t offset, std::string_view bytes) {
    return write(offset, std::span{&bytes, 1});
  }

  /// The same, for much that nobody is about to read: not by way of the page
  /// cache as far as that can be done (whole pages, from memory that begins
  /// with one). One call at a time for a page.
  [[nodiscard]] virtual result<nothing>
  write_uncached(std::uint64_t offset, std::string_view bytes) {
    return write(offset, bytes);
  }

  /// Content and size onto the disk (fdatasync). Never to be repeated after an
  /// error: the kernel has forgotten what it could not write.
  [[nodiscard]] virtual result<nothing> sync() = 0;

  /// Starts writing a range back, without waiting. A hint: errors come from
  /// `sync`.
  virtual void start_sync(std::uint64_t offset, std::uint64_t length) = 0;

  [[nodiscard]] virtual result<nothing> truncate(std::uint64_t size) = 0;
  [[nodiscard]] virtual result<std::uint64_t> size() = 0;

  /// For `sendfile`; -1 if the file is none of the operating system's.
  [[nodiscard]] virtual int descriptor() const = 0;
};

/// Held until it is destroyed, or the process ends.
class file_lock {
public:
  virtual ~file_lock() = default;
};

enum class open_mode : std::uint8_t {
  existing, ///< `ec::not_found` if it is not there.
  create,   ///< Made if it is not there.
  replace   ///< Made, or emptied.
};

struct disk_space {
  std::uint64_t capacity = 0;
  std::uint64_t available = 0; ///< To this user.
};

class file_io {
public:
  virtual ~file_io() = default;

  [[nodiscard]] virtual result<std::shared_ptr<open_file>>
  open(const std::string& path, open_mode mode) = 0;

  /// Mode 0700. One that is there already is fine.
  [[nodiscard]] virtual result<nothing> make_directory(const std::string& path)
    = 0;

  /// Names in a directory, sorted, without "." and "..".
  [[nodiscard]] virtual result<std::vector<std::string>>
  list(const std::string& directory) = 0;

  /// Replaces `to`. Durable when both directories are synced.
  [[nodiscard]] virtual result<nothing>
  rename(const std::string& from, const std::string& to) = 0;

  /// A file. @returns `ec::not_found`.
  [[nodiscard]] virtual result<nothing> remove(const std::string& path) = 0;

  /// Names of a directory onto the disk.
  [[nodiscard]] virtual result<nothing> sync_directory(const std::string& path)
    = 0;

  [[nodiscard]] virtual result<disk_space> space(const std::string& path) = 0;

  /// Makes the file if need be; at most one process has it (flock).
  /// @returns `ec::in_use`; the context is the holder's pid, or "?".
  [[nodiscard]] virtual result<std::unique_ptr<file_lock>>
  lock(const std::string& path) = 0;
};

/// The operating system's. Lives as long as the program.
[[nodiscard]] file_io& posix_files();

/// Reads a whole file of up to `bytes_max` bytes.
/// @returns `ec::malformed` if it is longer.
[[nodiscard]] result<std::string>
read_small_file(file_io& io, const std::string& path, std::size_t bytes_max);

/// Replaces a file as a whole: draft, sync, rename, sync of the directory.
[[nodiscard]] result<nothing>
replace_file(file_io& io, const std::string& directory, const std::string& name,
             std::string_view bytes);

} // namespace dfs::storage
