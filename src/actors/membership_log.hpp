#pragma once

#include "base/result.hpp"
#include "base/utc_time.hpp"
#include "messages/member.hpp"

#include <string>

namespace dfs::actors {

/// One line without its end (docs/formats/membership_log.md). Control
/// characters in names and causes come out as '?': one event is one line.
[[nodiscard]] std::string
membership_log_line(const msg::member_changed& event, unix_milliseconds when);

/// The file with every change of one node's list (SPEC M7). Each line is one
/// write to a file opened for appending: whole, and in the file when the call
/// returns, also if the process is killed next.
class membership_log {
public:
  /// Opens or creates. An empty path is a log that takes everything and keeps
  /// nothing.
  /// @returns `ec::configuration`, naming the path and what to do.
  [[nodiscard]] static result<membership_log> open(std::string path);

  membership_log(membership_log&& other) noexcept;
  membership_log& operator=(membership_log&& other) noexcept;
  ~membership_log();

  /// @returns `ec::io_error`; the line is lost then.
  [[nodiscard]] result<nothing>
  write(const msg::member_changed& event, unix_milliseconds when);

  /// Opens the path again: somebody has moved the file away. The old file stays
  /// in use if that fails.
  /// @returns `ec::configuration`.
  [[nodiscard]] result<nothing> reopen();

private:
  membership_log(std::string path, int descriptor);

  std::string path_;
  int descriptor_ = -1;
};

} // namespace dfs::actors
