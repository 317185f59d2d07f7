#pragma once

#include "actors/support/log.hpp"

#include <spdlog/details/log_msg.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

// The two parts of the log that need no file: how a line looks, and which lines
// are too many. Apart from log.cpp for tests.

namespace dfs::actors {

using log_time = spdlog::log_clock::time_point;

/// One line without its time, which stands in front of it in both forms.
struct log_line {
  log_time time;
  spdlog::level::level_enum level = spdlog::level::info;
  std::string subsystem;
  std::string message;
  std::vector<log_field> fields;
};

/// Ends with a newline and has no other control character (I1).
[[nodiscard]] std::string format_log_line(const log_line& x, bool json);

/// Appends `text` in quotes, valid JSON whatever bytes it has; cut at 2,000.
void append_json_string(std::string& out, std::string_view text);

/// Decides which lines are too many. Not thread-safe.
class repeat_limiter {
public:
  /// @returns Whether to write the line.
  [[nodiscard]] bool admit(const log_line& x);

  /// What was held back in windows that are over at `now`, as lines.
  [[nodiscard]] std::vector<log_line> expire(log_time now);

  /// Of which no more is remembered than this; others are admitted.
  static constexpr std::size_t events_max = 1'000;
  static constexpr std::uint32_t repeats_max = 5;
  static constexpr auto repeat_window = std::chrono::seconds{10};
  static constexpr std::uint32_t burst_max = 500;
  static constexpr auto burst_window = std::chrono::seconds{1};

private:
  struct window {
    log_time began;
    std::uint32_t seen = 0;
    log_line sample;
  };

  std::map<std::string, window> events_;     ///< By what a line says.
  std::map<std::string, window> subsystems_; ///< By who says it.
};

} // namespace dfs::actors
