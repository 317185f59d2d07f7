#pragma once

#include "messages/admin.hpp"
#include "messages/chunk_admin.hpp"
#include "messages/chunk_check.hpp"
#include "messages/chunk_control.hpp"
#include "messages/chunk_master.hpp"
#include "messages/chunk_status.hpp"
#include "messages/control.hpp"
#include "messages/detector.hpp"
#include "messages/door.hpp"
#include "messages/health.hpp"
#include "messages/member.hpp"
#include "messages/membership.hpp"
#include "messages/metadata_copy.hpp"
#include "messages/namespace.hpp"
#include "messages/upload.hpp"

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
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::file_status))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::get_status))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::make_directory))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::create_file))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::list_directory))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::directory_page))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::rename_entry))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::remove_entry))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::entry_removed))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::list_trash))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::trash_list))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::restore_trash))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::purge_trash))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::get_usage))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::tree_usage))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::allocate_chunks))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::chunks_allocated))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::commit_file))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::begin_upload))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::upload_status))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::extend_upload))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::finish_upload))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::abort_upload))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::find_upload))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::open_file))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::file_layout))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::lease_chunk))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::chunk_leased))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::add_chunk))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::report_replica))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::replica_reported))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::locate_chunks))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::adopt_chunks))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::chunks_adopted))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::keep_chunks))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::release_chunks))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::files_grown))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::register_chunkserver))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::chunkserver_registered))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::report_chunks))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::chunks_reported))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::chunk_heartbeat))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::chunk_heartbeat_ack))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::fence_chunk))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::chunk_fenced))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::take_lease))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::lease_taken))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::release_lease))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::lease_released))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::copy_chunk))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::chunk_copied))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::delete_chunks))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::chunks_deleted))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::backup_metadata))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::metadata_backed_up))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::find_chunk_directory))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::get_master_directory))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::leave_chunkserver))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::chunkserver_left))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::get_leases))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::lease_list))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::get_scrub))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::scrub_chunks))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::scrub_status))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::drain_chunkserver))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::chunkserver_drained))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::get_cluster_status))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::cluster_status))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::read_backup))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::backup_page))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::check_chunks))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::chunks_checked))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::verify_replicas))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::replicas_verified))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::forget_server))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::server_forgotten))
CAF_END_TYPE_ID_BLOCK(dfs_messages)

namespace dfs::msg {

/// Marks a `dfs::ec` inside a `caf::error`. Atoms hold 10 characters at most.
inline constexpr auto error_category = caf::atom("dfs");

} // namespace dfs::msg
