#pragma once

#include "actors/interfaces.hpp"
#include "actors/support/actor_registry.hpp"
#include "actors/support/health_board.hpp"

#include <caf/all.hpp>

namespace dfs::actors {

/// What the console looks at; all of it lives as long as the actor system.
struct admin_sources {
  const actor_registry* registry = nullptr;
  const health_board* board = nullptr;
  msg::config_list config; ///< Effective settings, secrets redacted.
};

struct admin_console_state {
  static inline const char* name = "admin-console";
  admin_console_state() = default;

  admin_sources sources;
};

/// Answers for this node, also while other actors are stuck: it asks none of
/// them. Every change is logged with the principal who asked for it.
admin_console_actor::behavior_type
admin_console(admin_console_actor::stateful_pointer<admin_console_state> self,
              const admin_sources& sources);

} // namespace dfs::actors
