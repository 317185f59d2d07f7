#pragma once

#include "actors/interfaces.hpp"

namespace dfs::actors {

struct echo_state {
  static inline const char* name = "echo";

  echo_state() = default; // Not an aggregate; see lease of CAF 0.17.
};

/// The shortest subsystem: the way to it and back is all that takes time.
echo_actor::behavior_type echo(echo_actor::stateful_pointer<echo_state> self);

} // namespace dfs::actors
