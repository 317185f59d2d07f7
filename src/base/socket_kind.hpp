#pragma once

#include <cstdint>

namespace dfs {

/// Which of a node's two UDP sockets a datagram uses. Probes have one of their
/// own, so that a burst of gossip in the other's buffer delays none of them.
enum class socket_kind : std::uint8_t {
  ping = 0,  ///< Probes and their answers, to a member's ping port.
  group = 1, ///< Everything else, to a member's group port.
};

} // namespace dfs
