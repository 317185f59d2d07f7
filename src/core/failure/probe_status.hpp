#pragma once

#include "messages/member.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace dfs::core {

/// Whether the group answers this node.
enum class group_reach : std::uint8_t {
  answered,   ///< Or there are not two others who could.
  unanswered, ///< By none of two others or more: deaf, mute or cut off.
  alone,      ///< For so long that it has lost sight of all others.
};

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
  group_reach reach = group_reach::answered;
};

} // namespace dfs::core
