#pragma once

#include "messages/admin.hpp"
#include "messages/control.hpp"
#include "messages/detector.hpp"
#include "messages/door.hpp"
#include "messages/health.hpp"
#include "messages/member.hpp"
#include "messages/membership.hpp"

#include <caf/atom.hpp>
#include <caf/type_id.hpp>

// Every type that is a message element of its own, and no other. Released names
// and positions are frozen: CAF 0.17 sends the names, 0.18 sends the numbers.
// Nothing checks at compile time that a type stands here; the round trip test
// does. Include this wherever typed interfaces are declared.

CAF_BEGIN_TYPE_ID_BLOCK(dfs_messages, caf::first_custom_type_id)
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::member_record))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::member_changed))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::list_members))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::member_list))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::get_self))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::watch_members))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::reopen_log))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::self_changed))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::join_group))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::group_joined))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::leave_group))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::group_left))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::get_bandwidth))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::reset_time))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::bandwidth_report))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::get_detector_status))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::detector_status))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::group_datagram))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::list_actors))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::actor_list))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::get_actor))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::actor_detail))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::get_log_levels))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::set_log_level))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::log_levels))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::get_config))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::config_list))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::get_health))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::health_report))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::stop_subsystems))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::subsystems_stopped))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::introduce))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::introduction))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::link_heartbeat))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::link_heartbeat_ack))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::get_links))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::link_list))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::directory_found))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::directory_missing))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::echo))
CAF_END_TYPE_ID_BLOCK(dfs_messages)

namespace dfs::msg {

/// Marks a `dfs::ec` inside a `caf::error`. Atoms hold 10 characters at most.
inline constexpr auto error_category = caf::atom("dfs");

} // namespace dfs::msg
