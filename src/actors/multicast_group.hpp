#pragma once

#include "actors/interfaces.hpp"
#include "actors/queue_interfaces.hpp"
#include "actors/support/subsystem_ref.hpp"
#include "fileserver/multicast/multicast_driver.hpp"

#include <map>
#include <string>

namespace dfs::actors {

/// What `multicast_news` and `multicast_payloads` hold, each one of them.
struct multicast_batch {
  fileserver::multicast_events events;
  fileserver::multicast_submits payloads;
};

struct multicast_group_options {
  fileserver::multicast_driver* driver = nullptr;      ///< Outlives the actor.
  std::map<std::string, server_id, std::less<>> names; ///< Of nodes.
  subsystem_ref<membership_actor> membership;
};

struct multicast_group_state {
  static inline const char* name = "multicast-group";
  multicast_group_state() = default;

  multicast_group_options options;
};

/// The ordered multicast as actors see it. The work is the driver's, on its own
/// thread; what it delivers goes straight to the service. Its log and its place
/// in the group live in the process: not to be restarted by itself.
multicast_group_actor::behavior_type multicast_group(
  multicast_group_actor::stateful_pointer<multicast_group_state> self,
  multicast_group_options options);

} // namespace dfs::actors
