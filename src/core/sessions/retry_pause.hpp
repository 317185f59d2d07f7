#pragma once

#include "base/error.hpp"
#include "base/rng.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace dfs::core {

/// May the same request get another answer a moment later?
[[nodiscard]] inline bool may_pass(ec code) {
  return code == ec::unavailable || code == ec::timed_out || code == ec::busy
         || code == ec::shutting_down || code == ec::outcome_unknown
         || code == ec::not_leader;
}

/// Half to one and a half times as long: clients that failed in the same moment
/// do not come back in the same moment.
[[nodiscard]] inline std::chrono::milliseconds
jittered(std::chrono::milliseconds pause, rng& random) {
  const auto whole
    = static_cast<std::uint64_t>(std::max<std::int64_t>(pause.count(), 0));
  return std::chrono::milliseconds{whole / 2 + random.below(whole + 1)};
}

/// Pauses between tries of one thing: doubled each time, jittered. Pure.
class retry_pause {
public:
  retry_pause(std::chrono::milliseconds min, std::chrono::milliseconds max)
    : min_{min},
      max_{max} {
    // nop
  }

  /// The next one. @param told By the server: not before that time.
  [[nodiscard]] std::chrono::milliseconds
  next(rng& random, std::optional<std::chrono::milliseconds> told = {}) {
    last_ = std::clamp(last_ * 2, min_, max_);
    if (!told)
      return jittered(last_, random);
    // Its word counts up to the longest pause: nobody is sent away for a day.
    const auto named = std::clamp(*told, min_, max_);
    return named + jittered(named, random) / 2;
  }

  void reset() {
    last_ = {};
  }

private:
  std::chrono::milliseconds min_;
  std::chrono::milliseconds max_;
  std::chrono::milliseconds last_{0};
};

} // namespace dfs::core
