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

/// The time on two clocks: Unix time is written down, and orders nothing.
struct version_time {
  instant now;
  std::int64_t unix_ms = 0;
};

} // namespace dfs::core
