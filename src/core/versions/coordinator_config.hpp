#pragma once

#include "base/time.hpp"
#include "core/versions/keep_policy.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace dfs::core {

struct coordinator_config {
  keep_policy keep;
  /// What is not answered is sent again after that, later less often.
  std::chrono::milliseconds again{200};
  std::chrono::milliseconds again_max{5'000};
  /// A proposal that is open for so long: another ballot has to look who has
  /// what.
  std::chrono::milliseconds stuck{3'000};
  std::size_t evened_at_once = 64; ///< Files that the survey has in work.
};

/// The time on three clocks. Nothing is ordered by them.
struct version_time {
  instant now;
  /// Unix time of the cluster (`kept_clock`): a version is as old as that says,
  /// and a deletion is stamped with it. 0: not told yet, nothing is old.
  std::int64_t kept_ms = 0;
  /// Unix time here: written down with contents, for users.
  std::int64_t wall_ms = 0;
};

} // namespace dfs::core
