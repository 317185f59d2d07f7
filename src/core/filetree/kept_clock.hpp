#pragma once

#include "base/time.hpp"
#include "base/utc_time.hpp"
#include "core/filetree/tree_rows.hpp"
#include "core/filetree/tree_time.hpp"
#include "messages/chunk_status.hpp"

#include <chrono>
#include <optional>
#include <vector>

namespace dfs::core {

/// The clock of the cluster by which things are deleted. The master's view; it
/// stands in the rows of the namespace, and a restart resumes it.
///
/// It advances with CLOCK_BOOTTIME while the master runs, stands while the
/// master is down, and never follows a jump of the wall clock. While it is
/// behind the wall clock it gains 1/48 (30 minutes a day): this makes up for
/// the times when the master was down. A jump of years moves it no faster. When
/// it is ahead of the wall clock, it advances as ever. Pure.
///
///  I1  It never goes back in one life of a master.
///  I2  In a time d it advances by d at least and by d·49/48 at most.
class kept_clock {
public:
  /// Part of a time that it gains at most.
  static constexpr int gain = 48;
  /// More than this between the clocks is a jump.
  static constexpr std::chrono::milliseconds jump_min = std::chrono::hours{1};

  /// @param row Of the life before; null: this is the first.
  kept_clock(const std::optional<clock_row>& row, unix_milliseconds wall,
             boot_instant now);

  [[nodiscard]] tree_time read(unix_milliseconds wall, boot_instant now);

  /// How far the wall clock has jumped in this life of the master, or back
  /// from what the life before saw. Positive: forward. Zero: by no more than
  /// `jump_min`.
  [[nodiscard]] std::chrono::milliseconds jumped() const;

  /// How far it is behind the wall clock.
  [[nodiscard]] std::chrono::milliseconds behind() const {
    return std::chrono::floor<std::chrono::milliseconds>(wall_ - kept_);
  }

private:
  using microseconds = std::chrono::microseconds;

  boot_instant now_; ///< Of the last reading, as the other two.
  unix_milliseconds wall_;
  std::chrono::sys_time<microseconds> kept_;
  microseconds jumped_{0};
};

/// By the kept clock.
[[nodiscard]] std::chrono::milliseconds
passed(const clock_row& since, const clock_row& now);

/// Has the wall clock jumped, by more than `kept_clock::jump_min`?
[[nodiscard]] bool has_jumped(const clock_row& since, const clock_row& now);

/// What `status` says of a jump: one finding or none.
[[nodiscard]] std::vector<msg::health_finding>
find_clock_trouble(std::chrono::milliseconds jumped);

} // namespace dfs::core
