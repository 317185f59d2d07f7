#pragma once

#include "base/result.hpp"
#include "settings/files.hpp"

#include <filesystem>

namespace dfs::admin {

/// Keeps a second `dfsnode dev` out of a directory, for as long as the first
/// one lives, whatever ends it.
class directory_lock {
public:
  /// @returns `ec::in_use` with the process that holds it, `ec::io_error`.
  [[nodiscard]] static result<directory_lock>
  take(const std::filesystem::path& directory);

  /// Whether a `dfsnode dev` has ever taken this directory.
  [[nodiscard]] static bool stands_in(const std::filesystem::path& directory);

private:
  explicit directory_lock(settings::file_descriptor held)
    : held_{std::move(held)} {
    // nop
  }

  settings::file_descriptor held_;
};

} // namespace dfs::admin
