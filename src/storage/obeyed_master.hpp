#pragma once

#include "base/result.hpp"
#include "messages/master_mark.hpp"
#include "storage/file_io.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace dfs::storage {

/// The newest master that a server ever obeyed, and how far its metadata had
/// come: the file `master_term` of its data directory (docs/formats/
/// data_dir.md). Older metadata must not order anything. Of one node, whatever
/// roles it has; any thread.
class obeyed_master {
public:
  /// @param io Outlives it. @returns `ec::configuration` for a file that is
  ///   damaged or of a newer format, with how to mend; errors of `file_io`.
  [[nodiscard]] static result<std::shared_ptr<obeyed_master>>
  open(file_io& io, const std::string& data_dir);

  obeyed_master(file_io& io, std::string data_dir, msg::master_mark newest);

  /// Term 0: none was obeyed yet.
  [[nodiscard]] msg::master_mark newest() const;

  /// Replaces the file, durably, if `x` goes beyond it. Waits for the disk;
  /// repeatable. @returns as `file_io` says.
  [[nodiscard]] result<nothing> raise(const msg::master_mark& x);

private:
  file_io& io_;
  std::string data_dir_;
  mutable std::mutex guard_; ///< Of `newest_`.
  std::mutex writing_;       ///< One at a time.
  msg::master_mark newest_;
};

/// What stands in the file.
[[nodiscard]] std::string obeyed_master_text(const msg::master_mark& x);

/// Reads formats 1, which knows a term only, and 2.
/// @returns `ec::malformed`, `ec::unsupported`.
[[nodiscard]] result<msg::master_mark>
parse_obeyed_master(std::string_view text);

} // namespace dfs::storage
