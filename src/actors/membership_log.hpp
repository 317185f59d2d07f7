#pragma once

#include "base/result.hpp"
#include "base/utc_time.hpp"
#include "messages/member.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace dfs::actors {

/// One line without its end (docs/formats/membership_log.md). Control
/// characters in names and causes come out as '?': one event is one line.
[[nodiscard]] std::string
membership_log_line(const msg::member_changed& event, unix_milliseconds when);

/// The file with every change of one node's list (SPEC M7). Each line is one
/// write to a file opened for appending. A thread of its own writes, in order
/// and at once: whoever tells of a change never waits for the disk, which may
/// hang, and what was written survives the end of the process.
class membership_log {
public:
  /// Lines that wait, at most: those of the largest group that all fails.
  static constexpr std::size_t waiting_max = 16'384;
  /// The destructor waits so long for the lines that are left.
  static constexpr std::chrono::seconds goodbye_max{1};

  /// Told, in any thread, that a line is lost or that the file could not be
  /// opened again.
  using trouble_handler
    = std::function<void(const char* what, const error& why)>;

  /// Opens or creates. An empty path is a log that takes everything and keeps
  /// nothing.
  /// @returns `ec::configuration`, naming the path and what to do.
  [[nodiscard]] static result<membership_log>
  open(std::string path, trouble_handler on_trouble = {});

  membership_log(membership_log&& other) noexcept;
  membership_log& operator=(membership_log&& other) noexcept;
  ~membership_log();

  /// Never waits.
  void write(const msg::member_changed& event, unix_milliseconds when);

  /// Opens the path again, after the lines that wait: somebody has moved the
  /// file away. The old file stays in use if that fails. Never waits.
  void reopen(unix_milliseconds now);

  /// How old the first line is that is not in the file yet: a disk that hangs.
  /// Zero if none is missing. Any thread.
  [[nodiscard]] std::chrono::milliseconds
  oldest_wait(unix_milliseconds now) const;

  /// Waits until all that was asked for is done. @returns false after `most`.
  bool flush(std::chrono::milliseconds most);

private:
  struct writer;

  explicit membership_log(std::shared_ptr<writer> to);

  std::shared_ptr<writer> writer_; ///< Shared with its thread; null: no file.
};

} // namespace dfs::actors
