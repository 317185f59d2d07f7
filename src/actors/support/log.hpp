#pragma once

#include "base/result.hpp"
#include "messages/admin.hpp"

#include <spdlog/logger.h>

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

// The process's log (SPEC S5): one line an event, to a file or to standard
// error, written by a thread of its own.
//
//   2026-11-21T13:05:07.123Z info membership member joined id=10.0.0.5:7401@17…
//   {"time":"2026-…","level":"info","subsystem":"membership","message":"member
//    joined","id":"10.0.0.5:7401@17…"}                         (one line)
//
//  I1  One event is one line: control characters are escaped, in messages and
//      values alike, so that nobody who is named in a log writes lines of it.
//  I2  A caller never waits for a disk or a reader: a line is formatted and
//      queued. What does not fit in the queue is dropped and counted, and the
//      count is a line of its own later.
//  I3  A log that cannot be written costs lines, not service.
//
// Repeats: the same event (time aside) more than 5 times in 10 s, or more than
// 500 lines a second of one subsystem, are held back and counted likewise.

namespace dfs::actors {

struct log_options {
  std::string file;  ///< Empty: standard error.
  bool json = false; ///< One object a line instead of text.
  spdlog::level::level_enum level = spdlog::level::info;
  std::map<std::string, spdlog::level::level_enum> levels; ///< By subsystem.
};

/// Begins to write as told. Until then lines go to standard error as text.
/// Call it once, before other threads log, and `stop_log` before the end.
/// @returns `ec::configuration` if the file cannot be opened.
[[nodiscard]] result<nothing> start_log(log_options options);

/// Opens the file again under its name, for whoever rotates logs; soon, and by
/// the writing thread. The old one stays if that fails.
void reopen_log();

/// Writes what is queued, within a second, and ends the thread. What is logged
/// afterwards goes to standard error. Safe to repeat.
void stop_log();

/// The logger of that name; made at first call, and lives as long as the
/// process. Thread-safe. Keep the pointer where speed counts.
[[nodiscard]] std::shared_ptr<spdlog::logger>
log_for(std::string_view subsystem);

/// Under this name stands who did what. Nothing takes it below info, neither
/// settings nor `set_log_level`.
inline constexpr std::string_view audit_log_name = "audit";

/// A value of an event: `{"id", to_string(id)}`, `{"bytes", size}`.
struct log_field {
  log_field(std::string_view name, std::string_view text)
    : key{name},
      value{text} {
    // nop
  }

  log_field(std::string_view name, const char* text)
    : log_field{name, std::string_view{text}} {
    // nop
  }

  log_field(std::string_view name, const std::string& text)
    : log_field{name, std::string_view{text}} {
    // nop
  }

  log_field(std::string_view name, bool x)
    : key{name},
      value{x ? "true" : "false"},
      bare{true} {
    // nop
  }

  template <class Number>
  requires std::is_arithmetic_v<Number>
  log_field(std::string_view name, Number x)
    : key{name},
      value{std::to_string(x)},
      bare{true} {
    // nop
  }

  std::string key; ///< [a-z_]+
  std::string value;
  bool bare = false; ///< A number or a truth value: no quotes in JSON.
};

/// @param message Constant text, so that events can be counted by it; what
/// varies belongs into `fields`.
void log_event(spdlog::logger& to, spdlog::level::level_enum level,
               std::string_view message,
               std::initializer_list<log_field> fields = {});

/// trace, debug, info, warning (or warn), error, critical, off, in any case.
/// @returns `ec::invalid_argument`, naming these.
[[nodiscard]] result<spdlog::level::level_enum>
parse_log_level(std::string_view text);

/// What `parse_log_level` takes.
[[nodiscard]] std::string log_level_name(spdlog::level::level_enum level);

/// @param subsystem "*" for all, those that are yet to come too.
/// @param lasts     Then back to what it was before; 0 is for good. Ends with
///                  a second's precision, and only while the log is started.
/// @returns `ec::not_found`: nobody logs under that name; names those that do.
///          `ec::denied`: would silence `audit_log_name`, which "*" leaves out.
[[nodiscard]] result<nothing> set_log_level(std::string_view subsystem,
                                            spdlog::level::level_enum level,
                                            std::chrono::seconds lasts = {});

/// All levels, sorted by name, and when they go back.
[[nodiscard]] msg::log_levels current_log_levels();

/// Lines that never reached the file or standard error, since `start_log`.
[[nodiscard]] std::uint64_t log_lines_lost();

} // namespace dfs::actors
