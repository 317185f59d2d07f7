#pragma once

#include "core/multicast/multicast_effects.hpp"
#include "support/sim/clock.hpp"
#include "support/sim/versions_disk.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dfs::sim {

/// A server's log and its service's state: survives its processes.
struct multicast_disk {
  bool used = false;
  std::uint64_t store = 0;
  core::stored_group group;
  std::string state;                ///< The service's, at `group.position`.
  bool went_back = false;           ///< It was put back to an older state.
  virtual_time hangs_until{};       ///< No write ends before, and none fails.
  std::chrono::nanoseconds slow{0}; ///< A sync takes so much longer.
  ordered_writes writes;

  /// Places `first` … of the order; what was there from `first` on is void.
  void append(std::uint64_t first, const std::vector<msg::message_body>& items,
              std::uint64_t final);
  void
  record(const core::group_record& x, std::uint64_t keep, std::uint64_t final);
  void replace(const core::order_position& position, const std::string& bytes,
               const core::group_record& x);
  /// The service's own state at `position`: what is before it goes.
  void compact(const core::order_position& position, const std::string& bytes);
};

} // namespace dfs::sim
