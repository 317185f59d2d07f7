#pragma once

#include "messages/member.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace dfs::core {

/// Whom this node probes, and with what success: for people.
struct probe_status {
  struct target {
    msg::member_id id;
    /// How long this node has suspected it, if it does.
    std::optional<std::chrono::milliseconds> suspected_for;

    bool operator==(const target&) const = default;
  };

  std::vector<target> targets;     ///< By id.
  std::uint32_t lost_permille = 0; ///< Round trips of live targets.
};

} // namespace dfs::core
