#pragma once

#include "actors/interfaces.hpp"
#include "actors/support/health_board.hpp"
#include "actors/support/subsystem_ref.hpp"

#include <string>

namespace dfs::roles {

/// A listener of membership.
using group_watch_actor
  = caf::typed_actor<caf::reacts_to<msg::member_changed>,
                     // INTERNAL: membership is to be asked.
                     caf::reacts_to<caf::tick_atom>>;

struct group_watch_options {
  actors::health_board* board = nullptr; ///< Outlives the actor system.
  actors::subsystem_ref<actors::membership_actor> membership;
  std::string name; ///< Of this node.
};

struct group_watch_state {
  static inline const char* name = "group-watch";
  group_watch_state() = default;

  group_watch_options options;
};

/// Keeps the check "group" of /readyz true to the member list: a node that has
/// left, or was declared dead and is not back yet, is not to be sent work.
group_watch_actor::behavior_type
group_watch(group_watch_actor::stateful_pointer<group_watch_state> self,
            group_watch_options options);

} // namespace dfs::roles
