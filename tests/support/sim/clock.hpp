#pragma once

#include "base/time.hpp"

#include <chrono>
#include <cstdint>

namespace dfs::sim {

/// Time since the start of a simulated world. No node can see it.
using virtual_time = std::chrono::nanoseconds;

/// A node's clocks: a steady one that runs fast or slow, and a wall clock that
/// may be wrong. Neither ever goes back, and a restart does not touch them.
class node_clock {
public:
  node_clock() = default;

  /// @param rate_ppm Parts per million too fast (or slow, below zero); 5 % is
  ///                 50,000.
  /// @param started  What the steady clock shows when the world begins.
  /// @param wall     What the wall clock shows then, as Unix time.
  node_clock(std::int32_t rate_ppm, instant started,
             std::chrono::milliseconds wall)
    : rate_ppm_{rate_ppm},
      started_{started},
      wall_{wall} {
    // nop
  }

  [[nodiscard]] instant local(virtual_time t) const {
    return started_ + elapsed(t) - frozen_;
  }

  /// The steady clock stood still in between; the wall clock was set right.
  void freeze(virtual_time from, virtual_time to) {
    frozen_ += elapsed(to) - elapsed(from);
  }

  [[nodiscard]] std::chrono::milliseconds wall(virtual_time t) const {
    return wall_ + std::chrono::floor<std::chrono::milliseconds>(elapsed(t));
  }

  /// The first moment at which `local` is no less than `when`.
  [[nodiscard]] virtual_time due(instant when) const {
    const auto target = (when - started_ + frozen_).count();
    if (target <= 0)
      return {};
    // In two parts, because the product of all would overflow after hours.
    const std::int64_t pace = million + rate_ppm_;
    virtual_time t{target / pace * million + target % pace * million / pace};
    while (elapsed(t).count() < target)
      ++t;
    return t;
  }

private:
  static constexpr std::int64_t million = 1'000'000;

  [[nodiscard]] virtual_time elapsed(virtual_time t) const {
    const auto n = t.count();
    return virtual_time{n + n / million * rate_ppm_
                        + n % million * rate_ppm_ / million};
  }

  std::int64_t rate_ppm_ = 0;
  instant started_{};
  virtual_time frozen_{};
  std::chrono::milliseconds wall_{};
};

} // namespace dfs::sim
