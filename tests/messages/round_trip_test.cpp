#include "messages/round_trip.hpp"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace dfs::msg {
namespace {

using namespace std::chrono_literals;

using RoundTrip = test::round_trip;

using block = caf::id_block::dfs_messages;

template <std::size_t... Positions>
std::vector<std::string> registered(std::index_sequence<Positions...>) {
  return {caf::type_name_by_id<block::begin + Positions>::value...};
}

// Nodes of two releases talk to each other: append here, change nothing else.
const std::vector<std::string> released{
  "dfs::msg::member_record",
  "dfs::msg::member_changed",
  "dfs::msg::list_members",
  "dfs::msg::member_list",
  "dfs::msg::get_self",
  "dfs::msg::watch_members",
  "dfs::msg::reopen_log",
  "dfs::msg::self_changed",
  "dfs::msg::join_group",
  "dfs::msg::group_joined",
  "dfs::msg::leave_group",
  "dfs::msg::group_left",
  "dfs::msg::get_bandwidth",
  "dfs::msg::reset_time",
  "dfs::msg::bandwidth_report",
  "dfs::msg::get_detector_status",
  "dfs::msg::detector_status",
  "dfs::msg::group_datagram",
  "dfs::msg::list_actors",
  "dfs::msg::actor_list",
  "dfs::msg::get_actor",
  "dfs::msg::actor_detail",
  "dfs::msg::get_log_levels",
  "dfs::msg::set_log_level",
  "dfs::msg::log_levels",
  "dfs::msg::get_config",
  "dfs::msg::config_list",
  "dfs::msg::get_health",
  "dfs::msg::health_report",
  "dfs::msg::stop_subsystems",
  "dfs::msg::subsystems_stopped",
  "dfs::msg::introduce",
  "dfs::msg::introduction",
  "dfs::msg::link_heartbeat",
  "dfs::msg::link_heartbeat_ack",
  "dfs::msg::get_links",
  "dfs::msg::link_list",
  "dfs::msg::directory_found",
  "dfs::msg::directory_missing",
  "dfs::msg::echo",
  "dfs::msg::file_status",
  "dfs::msg::get_status",
  "dfs::msg::make_directory",
  "dfs::msg::create_file",
  "dfs::msg::list_directory",
  "dfs::msg::directory_page",
  "dfs::msg::rename_entry",
  "dfs::msg::remove_entry",
  "dfs::msg::entry_removed",
  "dfs::msg::list_trash",
  "dfs::msg::trash_list",
  "dfs::msg::restore_trash",
  "dfs::msg::purge_trash",
  "dfs::msg::get_usage",
  "dfs::msg::tree_usage",
  "dfs::msg::allocate_chunks",
  "dfs::msg::chunks_allocated",
  "dfs::msg::commit_file",
  "dfs::msg::begin_upload",
  "dfs::msg::upload_status",
  "dfs::msg::extend_upload",
  "dfs::msg::finish_upload",
  "dfs::msg::abort_upload",
  "dfs::msg::find_upload",
  "dfs::msg::open_file",
  "dfs::msg::file_layout",
  "dfs::msg::lease_chunk",
  "dfs::msg::chunk_leased",
  "dfs::msg::add_chunk",
  "dfs::msg::report_replica",
  "dfs::msg::replica_reported",
  "dfs::msg::locate_chunks",
  "dfs::msg::adopt_chunks",
  "dfs::msg::chunks_adopted",
  "dfs::msg::keep_chunks",
  "dfs::msg::release_chunks",
  "dfs::msg::files_grown",
  "dfs::msg::register_chunkserver",
  "dfs::msg::chunkserver_registered",
  "dfs::msg::report_chunks",
  "dfs::msg::chunks_reported",
  "dfs::msg::chunk_heartbeat",
  "dfs::msg::chunk_heartbeat_ack",
  "dfs::msg::fence_chunk",
  "dfs::msg::chunk_fenced",
  "dfs::msg::take_lease",
  "dfs::msg::lease_taken",
  "dfs::msg::release_lease",
  "dfs::msg::lease_released",
  "dfs::msg::copy_chunk",
  "dfs::msg::chunk_copied",
  "dfs::msg::delete_chunks",
  "dfs::msg::chunks_deleted",
  "dfs::msg::backup_metadata",
  "dfs::msg::metadata_backed_up",
  "dfs::msg::find_chunk_directory",
  "dfs::msg::get_master_directory",
  "dfs::msg::leave_chunkserver",
  "dfs::msg::chunkserver_left",
  "dfs::msg::get_leases",
  "dfs::msg::lease_list",
  "dfs::msg::get_scrub",
  "dfs::msg::scrub_chunks",
  "dfs::msg::scrub_status",
  "dfs::msg::drain_chunkserver",
  "dfs::msg::chunkserver_drained",
  "dfs::msg::get_cluster_status",
  "dfs::msg::cluster_status",
  "dfs::msg::read_backup",
  "dfs::msg::backup_page",
  "dfs::msg::check_chunks",
  "dfs::msg::chunks_checked",
  "dfs::msg::verify_replicas",
  "dfs::msg::replicas_verified",
  "dfs::msg::forget_server",
  "dfs::msg::server_forgotten",
  "dfs::msg::locate_file",
  "dfs::msg::create_versioned",
  "dfs::msg::file_located",
  "dfs::msg::locate_group",
  "dfs::msg::group_location",
  "dfs::msg::number_writer",
  "dfs::msg::writer_numbered",
  "dfs::msg::list_groups",
  "dfs::msg::group_list",
  "dfs::msg::list_fileservers",
  "dfs::msg::fileserver_list",
  "dfs::msg::force_group",
  "dfs::msg::group_forced",
  "dfs::msg::rebuild_directory",
  "dfs::msg::directory_rebuilt",
  "dfs::msg::find_version_directory",
  "dfs::msg::get_version_directory",
  "dfs::msg::register_fileserver",
  "dfs::msg::fileserver_registered",
  "dfs::msg::fileserver_beat",
  "dfs::msg::fileserver_beat_ack",
  "dfs::msg::group_orders",
  "dfs::msg::group_news",
  "dfs::msg::versions_noted",
  "dfs::msg::unlink_file",
  "dfs::msg::file_unlinked",
  "dfs::msg::purge_versions",
  "dfs::msg::queue_greeting",
  "dfs::msg::queue_greeted",
  "dfs::msg::change_queue",
  "dfs::msg::queue_answer",
  "dfs::msg::read_queue",
  "dfs::msg::get_queue_group",
  "dfs::msg::queue_group_status",
  "dfs::msg::list_queues",
  "dfs::msg::queue_list",
  "dfs::msg::force_queue_primary",
  "dfs::msg::queue_primary_forced",
  "dfs::msg::note_versions",
  "dfs::msg::notes_receipted",
  "dfs::msg::find_told",
  "dfs::msg::told_found",
  "dfs::msg::forget_fileserver",
  "dfs::msg::fileserver_forgotten",
  "dfs::msg::list_versioned",
  "dfs::msg::versioned_page",
  "dfs::msg::confirm_restore",
  "dfs::msg::restore_confirmed",
  "dfs::msg::confirm_deletion",
  "dfs::msg::deletion_confirmed",
  "dfs::msg::adopt_orphans",
  "dfs::msg::orphans_adopted",
  "dfs::msg::claim_orphans",
  "dfs::msg::orphans_claimed",
  "dfs::msg::find_purges",
  "dfs::msg::purges_found",
};

// SPEC O5
TEST(MessageTypes, KeepTheirNamesAndPositions) {
  EXPECT_EQ(registered(std::make_index_sequence<block::end - block::begin>{}),
            released);
}

const endpoint somewhere = *endpoint::parse("10.0.0.9:7400");
const member_id id{*ip_address::parse("10.0.0.5"), 7401, 1'700'000'000'000};
const member_id other_id{*ip_address::parse("2001:db8::1"), 7411, 1};
const member_record record{
  id,   "chunkserver-1", 4,      store_id{9}, 7400, 7402, 7403,
  7404, "zone-a",        "0.1.0"};

TEST_F(RoundTrip, Member) {
  expect_unchanged(record);
  expect_unchanged(member_changed{member_change::failed, record, "silence"});
}

TEST_F(RoundTrip, Membership) {
  expect_unchanged(list_members{});
  expect_unchanged(member_list{id, {record}});
  expect_unchanged(get_self{});
  expect_unchanged(watch_members{});
  expect_unchanged(reopen_log{});
  expect_unchanged(self_changed{record, "joined"});
  expect_unchanged(join_group{{somewhere}, true, 7ms});
  expect_unchanged(group_joined{record, 8});
  expect_unchanged(leave_group{});
  expect_unchanged(group_left{id});
  expect_unchanged(get_bandwidth{});
  expect_unchanged(reset_time{});
  expect_unchanged(bandwidth_report{3ms, {{"ping", {1, 2, 3}, {4, 5, 6}}}});
  expect_unchanged(get_detector_status{});
  expect_unchanged(detector_status{
    record, true, 1, 2, 3ms, 4ms, 5, {{other_id, 6ms}}, {id, other_id}});
  expect_unchanged(group_datagram{socket_kind::group, somewhere, "body"});
}

TEST_F(RoundTrip, Control) {
  expect_unchanged(introduce{id, boot_id{1}, 2, 3});
  expect_unchanged(introduction{record, boot_id{1}, 2, 3});
  expect_unchanged(link_heartbeat{id, boot_id{1}, link_epoch{2}, 3});
  expect_unchanged(link_heartbeat_ack{boot_id{1}, link_epoch{2}, 3, 4});
  expect_unchanged(get_links{});
  expect_unchanged(link_list{{{id, "master-1", true, link_state::up, 1ms, 2us,
                               3, 4, "connection lost"}}});
  expect_unchanged(directory_found{link_epoch{1}});
  expect_unchanged(directory_missing{link_epoch{1}, 2, "refused"});
}

TEST_F(RoundTrip, Admin) {
  const actor_stats stats{"gate",
                          "supervisor",
                          actor_activity::busy,
                          1,
                          2,
                          3,
                          4,
                          5ms,
                          6ns,
                          7ns,
                          8ns,
                          9ns,
                          10ns,
                          "no disk"};
  expect_unchanged(list_actors{});
  expect_unchanged(actor_list{{stats}});
  expect_unchanged(get_actor{"gate"});
  expect_unchanged(actor_detail{stats, {{1us, 2}}, {{"@atom", 3ms, 4ns}}});
  expect_unchanged(get_log_levels{});
  expect_unchanged(set_log_level{"gate", "debug", 5min, "eve"});
  expect_unchanged(log_levels{{{"gate", "debug", 300s}}});
  expect_unchanged(get_config{});
  expect_unchanged(config_list{{{"http.port", "7404", "default"}}});
}

TEST_F(RoundTrip, Health) {
  expect_unchanged(get_health{});
  expect_unchanged(health_report{true, true, {{"group", true, "joined"}}});
  expect_unchanged(stop_subsystems{5s});
  expect_unchanged(subsystems_stopped{{"gate"}});
}

TEST_F(RoundTrip, Door) {
  expect_unchanged(echo{"text"});
}

} // namespace
} // namespace dfs::msg
