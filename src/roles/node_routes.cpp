#include "messages/version_admin_methods.hpp"
#include "roles/node_parts.hpp"

// Which of a client's requests goes to which subsystem.

namespace dfs::roles {

namespace {

/// The handle of the present life, asked at each request.
template <class Handle>
auto now_of(const actors::subsystem_ref<Handle>& ref) {
  return [ref] { return ref.get(); };
}

} // namespace

void node::parts::route_files(actors::door_router& router) {
  router.route<msg::get_status>(now_of(names));
  router.route<msg::make_directory>(now_of(names));
  router.route<msg::create_file>(now_of(names));
  router.route<msg::list_directory>(now_of(names));
  router.route<msg::rename_entry>(now_of(names));
  router.route<msg::remove_entry>(now_of(names));
  router.route<msg::list_trash>(now_of(names));
  router.route<msg::restore_trash>(now_of(names));
  router.route<msg::purge_trash>(now_of(names));
  router.route<msg::find_purges>(now_of(names));
  router.route<msg::get_usage>(now_of(names));
  router.route<msg::backup_metadata>(now_of(backup));
  router.route<msg::read_backup>(now_of(backup));
  router.route<msg::commit_file>(now_of(names));
  router.route<msg::begin_upload>(now_of(names));
  router.route<msg::extend_upload>(now_of(names));
  router.route<msg::finish_upload>(now_of(names));
  router.route<msg::abort_upload>(now_of(names));
  router.route<msg::find_upload>(now_of(names));
  router.route<msg::open_file>(now_of(names));
  router.route<msg::add_chunk>(now_of(names));
  router.route<msg::locate_file>(now_of(names));
  router.route<msg::create_versioned>(now_of(names));
  router.route<msg::allocate_chunks>(now_of(names));
  router.route<msg::lease_chunk>(now_of(chunks));
  router.route<msg::report_replica>(now_of(chunks));
  router.route<msg::get_cluster_status>(now_of(chunks));
  router.route<msg::check_chunks>(now_of(chunks));
  router.route<msg::forget_server>(now_of(chunks));
  router.route<msg::confirm_restore>(now_of(chunks));
  router.route<msg::confirm_deletion>(now_of(chunks));
  router.route<msg::adopt_orphans>(now_of(names));
  router.route<msg::locate_group>(now_of(versions));
  router.route<msg::number_writer>(now_of(versions));
  router.route<msg::list_groups>(now_of(versions));
  router.route<msg::list_fileservers>(now_of(versions));
  router.route<msg::force_group>(now_of(versions));
  router.route<msg::rebuild_directory>(now_of(versions));
  router.route<msg::forget_fileserver>(now_of(versions));
  router.route<msg::list_versioned>(now_of(names));
}

actors::door_router node::parts::routes() {
  actors::door_router router;
  router.route<msg::echo>(now_of(echo));
  router.route<msg::list_members>(now_of(membership));
  router.route<msg::get_self>(now_of(membership));
  router.subscribe<msg::watch_members>(now_of(membership));
  router.route<msg::join_group>(now_of(detector));
  router.route<msg::leave_group>(now_of(detector));
  router.route<msg::get_bandwidth>(now_of(detector));
  router.route<msg::reset_time>(now_of(detector));
  router.route<msg::get_detector_status>(now_of(detector));
  router.route<msg::get_links>(now_of(links));
  router.route<msg::list_actors>(now_of(console));
  router.route<msg::get_actor>(now_of(console));
  router.route<msg::get_log_levels>(now_of(console));
  router.route<msg::set_log_level>(now_of(console));
  router.route<msg::get_config>(now_of(console));
  router.route<msg::get_health>(now_of(console));
  if (metadata)
    route_files(router);
  if (chunk_bytes) {
    router.route<msg::get_leases>(now_of(keeper));
    router.route<msg::verify_replicas>(now_of(scrubber));
  }
  if (chunk_bytes || version_bytes) {
    router.route<msg::get_scrub>(now_of(scrubber));
    router.route<msg::scrub_chunks>(now_of(scrubber));
  }
  if (queue_group) {
    router.route<msg::queue_greeting>(now_of(queues));
    router.route_with_caller<msg::change_queue>(now_of(queues));
    router.route<msg::read_queue>(now_of(queues));
    router.route<msg::get_queue_group>(now_of(queues));
    router.route<msg::list_queues>(now_of(queues));
    router.route<msg::force_queue_primary>(now_of(queues));
  }
  return router;
}

} // namespace dfs::roles
