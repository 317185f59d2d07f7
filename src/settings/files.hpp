#pragma once

#include "base/result.hpp"

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>

// Small files, whole: settings, keys, the identity of a data directory.

namespace dfs::settings {

/// Closes what it holds.
class file_descriptor {
public:
  file_descriptor() = default;
  explicit file_descriptor(int fd) : fd_{fd} {
    // nop
  }
  file_descriptor(file_descriptor&& other) noexcept;
  file_descriptor& operator=(file_descriptor&& other) noexcept;
  ~file_descriptor();

  [[nodiscard]] int get() const {
    return fd_;
  }
  explicit operator bool() const {
    return fd_ >= 0;
  }

private:
  int fd_ = -1;
};

/// @returns `ec::not_found`, `ec::denied`, `ec::io_error`, or `ec::malformed`
/// if it is larger than `bytes_max` or no regular file. The context names the
/// path and how to mend.
[[nodiscard]] result<std::string>
read_file(const std::string& path, std::size_t bytes_max);

/// Like `read_file`, and refuses what its group or others may touch, or what
/// belongs to another user than this one and root: `ec::configuration`. Root
/// reads everybody's.
[[nodiscard]] result<std::string> read_secret_file(const std::string& path);

/// Replaces or creates the file at once: whoever reads it, also after a loss
/// of power, finds the old content or the new one. When it returns, the new
/// one is on the disk. May be repeated.
/// @returns `ec::io_error`, `ec::denied` or `ec::not_found` (no directory).
[[nodiscard]] result<nothing>
write_file(const std::string& path, std::string_view bytes, mode_t mode);

/// Makes names in a directory (new, renamed, removed) survive a loss of power.
/// @returns as `write_file`.
[[nodiscard]] result<nothing> sync_directory(const std::string& path);

/// The directory part: "." if there is none.
[[nodiscard]] std::string parent_of(const std::string& path);

/// `name` if absolute, otherwise `directory`/`name`.
[[nodiscard]] std::string
join(const std::string& directory, const std::string& name);

/// For what the system refused just now (`errno`): "WHAT: why", with the code
/// that fits.
[[nodiscard]] error system_failure(const std::string& what);

} // namespace dfs::settings
