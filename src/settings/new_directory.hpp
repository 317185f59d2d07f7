#pragma once

#include "base/result.hpp"

#include <string>
#include <vector>

namespace dfs::settings {

/// A directory that is not there yet: filled beside its place, then renamed to
/// it. Until `commit` its place is untouched, and without it nothing is left.
class new_directory {
public:
  /// @returns `ec::exists` if `path` is no empty directory, `ec::not_found`
  /// without a parent, `ec::denied`, `ec::io_error`.
  [[nodiscard]] static result<new_directory> begin(const std::string& path);

  new_directory(new_directory&& other) noexcept;
  new_directory& operator=(new_directory&&) = delete;
  ~new_directory();

  /// Mode 0600. @returns as `write_file`.
  [[nodiscard]] result<nothing>
  add(const std::string& name, std::string_view bytes);

  /// Puts it in its place, durably. Once.
  [[nodiscard]] result<nothing> commit();

private:
  new_directory(std::string path, std::string draft);

  std::string path_;
  std::string draft_; ///< Empty once committed or moved from.
  std::vector<std::string> names_;
};

} // namespace dfs::settings
