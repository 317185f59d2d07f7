#pragma once

#include <caf/fwd.hpp>

#include <functional>
#include <set>
#include <string>

namespace dfs::actors {

/// Everything about an actor system whose peers come through the gate: CAF's
/// middleman without a port of its own, its heartbeat, our message types and
/// handles. Call it in the constructor of the configuration.
/// @param cluster Nodes of another one are refused by CAF, too.
void configure_control_plane(caf::actor_system_config& config,
                             const std::string& cluster);

/// Names of the types that may pass the gate: what servers say to each other,
/// and the few of CAF's own that this needs. Nothing that only one node's
/// actors say among themselves.
[[nodiscard]] std::set<std::string, std::less<>> control_types();

} // namespace dfs::actors
