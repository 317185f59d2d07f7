#pragma once

#include "core/multicast/primary_choice.hpp"

#include <cstdint>
#include <vector>

namespace dfs::core {

/// A server that is heard, and what it told last.
struct reach_node {
  msg::member_standing standing;
  std::vector<server_id> heard;
};

/// Servers that all hear each other, and may act together.
struct reach_component {
  std::vector<server_id> servers; ///< Ascending.
  primary_choice choice;
  server_id leader; ///< The highest that can be a member; of all, if none can.
};

/// Parts the servers into sets of which all hear each other, best set first,
/// and returns the one that has `self`. Equal knowledge gives equal parts, so
/// that the members of a set agree on it without asking. Best is: primary; with
/// most members; the last configuration again; with the highest servers.
/// @param nodes At most 16, `self` among them; each server once.
[[nodiscard]] reach_component
component_of(const multicast_config& config, server_id self,
             const std::vector<reach_node>& nodes);

} // namespace dfs::core
