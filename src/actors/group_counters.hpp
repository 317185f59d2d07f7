#pragma once

#include <atomic>
#include <cstdint>

namespace dfs::actors {

/// What /metrics says of the group: written by membership and the failure
/// detector, each its own part, and read by any thread without asking them.
/// Parts may be a moment apart.
struct group_counters {
  // By membership.
  std::atomic<std::uint64_t> members{0}; ///< Listed now, this node included.
  std::atomic<std::uint64_t> joins{0};   ///< Changes, this node's own included.
  std::atomic<std::uint64_t> leaves{0};
  std::atomic<std::uint64_t> failures{0};
  // By the failure detector.
  std::atomic<std::uint64_t> suspects{0};      ///< Of its targets, now.
  std::atomic<std::uint64_t> lost_permille{0}; ///< Of its round trips, lately.
  std::atomic<std::uint64_t> rejoins{0};       ///< Lives after the first one.
  std::atomic<std::uint64_t> differing{0}; ///< Members with another list, long.
};

} // namespace dfs::actors
