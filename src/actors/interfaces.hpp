#pragma once

#include "actors/chunk_interfaces.hpp"
#include "actors/door_input.hpp"
#include "actors/version_interfaces.hpp"
#include "messages/type_ids.hpp"

#include <caf/all.hpp>

// The map of the system: who answers what. One entry per actor, in words; the
// messages themselves are explained in messages/.

namespace dfs::actors {

/// The MEMBER LISTENER interface: somebody came, went or died.
using member_listener_actor
  = caf::typed_actor<caf::reacts_to<msg::member_changed>>;

/// The MEMBERSHIP interface. One per node: the list, for those who ask, and
/// the membership log. It believes what the failure detector tells it.
using membership_actor = caf::typed_actor<
  // Everybody who is held for alive.
  caf::replies_to<msg::list_members>::with<msg::member_list>,
  // Who this node is.
  caf::replies_to<msg::get_self>::with<msg::member_record>,
  // Tells the listener of each change from now on, until it ends.
  caf::replies_to<msg::watch_members,
                  member_listener_actor>::with<msg::member_list>,
  // Opens the membership log again under its name, after a rotation.
  caf::reacts_to<msg::reopen_log>,
  // From the failure detector: a change of the list.
  caf::reacts_to<msg::member_changed>,
  // From the failure detector: this node is another incarnation.
  caf::reacts_to<msg::self_changed>>;

/// The FAILURE DETECTOR interface. One per node: speaks with the group.
using failure_detector_actor = caf::typed_actor<
  // Enters the group.
  caf::replies_to<msg::join_group>::with<msg::group_joined>,
  // Says goodbye.
  caf::replies_to<msg::leave_group>::with<msg::group_left>,
  // Traffic of the group plane since the last reset.
  caf::replies_to<msg::get_bandwidth>::with<msg::bandwidth_report>,
  // The same, and counts from zero.
  caf::replies_to<msg::reset_time>::with<msg::bandwidth_report>,
  // How it does, for the console.
  caf::replies_to<msg::get_detector_status>::with<msg::detector_status>,
  // INTERNAL: a datagram with a good seal came.
  caf::reacts_to<msg::group_datagram>,
  // INTERNAL: time has passed.
  caf::reacts_to<caf::tick_atom>>;

/// The SUPERVISOR interface. One per process: its list is in roles/.
using supervisor_actor = caf::typed_actor<
  // Ends all subsystems, those that were spawned last first.
  caf::replies_to<msg::stop_subsystems>::with<msg::subsystems_stopped>,
  // Which of them are well.
  caf::replies_to<msg::get_health>::with<msg::health_report>,
  // INTERNAL: time has passed.
  caf::reacts_to<caf::tick_atom>>;

/// The ADMIN CONSOLE interface. One per node: what `dfsnode console` asks.
using admin_console_actor = caf::typed_actor<
  // All subsystems with their figures.
  caf::replies_to<msg::list_actors>::with<msg::actor_list>,
  // One of them, with its histogram and last messages.
  caf::replies_to<msg::get_actor>::with<msg::actor_detail>,
  // Levels of the log, by subsystem.
  caf::replies_to<msg::get_log_levels>::with<msg::log_levels>,
  // Changes one, for good or for a while.
  caf::replies_to<msg::set_log_level>::with<msg::log_levels>,
  // Effective settings and where they came from.
  caf::replies_to<msg::get_config>::with<msg::config_list>,
  // What /readyz says.
  caf::replies_to<msg::get_health>::with<msg::health_report>>;

/// The FRONT DOOR interface. One per node: clients' requests to the actors that
/// answer them. Its requests come as frames, so they do not show here; see
/// messages/methods.hpp.
using front_door_actor = caf::typed_actor<
  // INTERNAL: what the stream port has received.
  caf::reacts_to<door_input>,
  // INTERNAL: time has passed.
  caf::reacts_to<caf::tick_atom>>;

/// The ECHO interface: gives back what it takes.
using echo_actor
  = caf::typed_actor<caf::replies_to<msg::echo>::with<msg::echo>>;

/// The LINK KEEPER interface: the end of a control link that hears heartbeats.
using link_keeper_actor = caf::typed_actor<
  caf::replies_to<msg::link_heartbeat>::with<msg::link_heartbeat_ack>>;

/// The DIRECTORY interface. One per node: the one actor that the gate hands to
/// peers. It says who this node is and gives handles of its subsystems.
using directory_actor = caf::typed_actor<
  // Who are you, and whom do I send heartbeats?
  caf::replies_to<msg::introduce>::with<msg::introduction, link_keeper_actor>,
  // Where is the chunk directory, if you are the master?
  caf::replies_to<msg::find_chunk_directory>::with<chunk_directory_actor>,
  // And the version directory?
  caf::replies_to<msg::find_version_directory>::with<version_directory_actor>>;

/// The DIRECTORY LISTENER interface, INTERNAL: the end of a search.
using directory_listener_actor
  = caf::typed_actor<caf::reacts_to<msg::directory_found, directory_actor>,
                     caf::reacts_to<msg::directory_missing>>;

/// The CONTROL LINKS interface. One per node: keeps the link to the master, and
/// knows who keeps one to this node.
using control_links_actor = caf::typed_actor<
  // From a peer: the link works.
  caf::replies_to<msg::link_heartbeat>::with<msg::link_heartbeat_ack>,
  // How the links are, for the console.
  caf::replies_to<msg::get_links>::with<msg::link_list>,
  // The present master's chunk directory; here, if this node is the master.
  caf::replies_to<msg::get_master_directory>::with<chunk_directory_actor>,
  // And its version directory.
  caf::replies_to<msg::get_version_directory>::with<version_directory_actor>,
  // From membership: a change of the list.
  caf::reacts_to<msg::member_changed>,
  // INTERNAL: the gate has found a peer's directory, or not.
  caf::reacts_to<msg::directory_found, directory_actor>,
  caf::reacts_to<msg::directory_missing>,
  // INTERNAL: time has passed.
  caf::reacts_to<caf::tick_atom>>;

} // namespace dfs::actors

// Handles that travel to other nodes. As for messages: append only. Far behind
// them, so that neither block is in the other's way.
CAF_BEGIN_TYPE_ID_BLOCK(dfs_handles, caf::first_custom_type_id + 1000)
  CAF_ADD_TYPE_ID(dfs_handles, (dfs::actors::link_keeper_actor))
  CAF_ADD_TYPE_ID(dfs_handles, (dfs::actors::chunk_keeper_actor))
  CAF_ADD_TYPE_ID(dfs_handles, (dfs::actors::chunk_directory_actor))
  CAF_ADD_TYPE_ID(dfs_handles, (dfs::actors::version_keeper_actor))
  CAF_ADD_TYPE_ID(dfs_handles, (dfs::actors::version_directory_actor))
CAF_END_TYPE_ID_BLOCK(dfs_handles)
