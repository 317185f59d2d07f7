#pragma once

#include "base/utc_time.hpp"

#include <cstdint>

namespace dfs::core {

/// When an operation happens.
struct tree_time {
  tree_time() = default;
  /// Both clocks say the same.
  tree_time(unix_milliseconds both) : wall{both}, kept{both} {
    // nop
  }
  tree_time(unix_milliseconds by_wall, unix_milliseconds by_kept)
    : wall{by_wall},
      kept{by_kept} {
    // nop
  }

  unix_milliseconds wall; ///< What users see.
  unix_milliseconds kept; ///< What ages are counted on (`kept_clock`).
};

/// 'x' "clock": how far both clocks had come, written once a minute and when
/// the wall clock has jumped.
struct clock_row {
  std::int64_t kept_ms = 0; ///< `kept_clock`.
  std::int64_t wall_ms = 0;

  bool operator==(const clock_row&) const = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, clock_row& x) {
  return f(x.kept_ms, x.wall_ms);
}

} // namespace dfs::core
