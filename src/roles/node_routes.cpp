#include "messages/leader.hpp"
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

/// Requests for the master. Every node has these routes, and asks at each
/// request whether it leads.
struct leader_routes {
  actors::door_router& router;
  std::shared_ptr<actors::leader_board> leaders;

  template <class Request, class Handle>
  void route(const actors::subsystem_ref<Handle>& to) const {
    router.route<Request>(now_of(to));
    router.guard<Request>([from = leaders] { return from->may_lead(); });
  }
};

} // namespace

void node::parts::route_files(actors::door_router& router) {
  const leader_routes leader{router, leaders};
  leader.route<msg::get_status>(names);
  leader.route<msg::make_directory>(names);
  leader.route<msg::create_file>(names);
  leader.route<msg::list_directory>(names);
  leader.route<msg::rename_entry>(names);
  leader.route<msg::remove_entry>(names);
  leader.route<msg::list_trash>(names);
  leader.route<msg::restore_trash>(names);
  leader.route<msg::purge_trash>(names);
  leader.route<msg::find_purges>(names);
  leader.route<msg::get_usage>(names);
  leader.route<msg::backup_metadata>(backup);
  leader.route<msg::read_backup>(backup);
  leader.route<msg::commit_file>(names);
  leader.route<msg::begin_upload>(names);
  leader.route<msg::extend_upload>(names);
  leader.route<msg::finish_upload>(names);
  leader.route<msg::abort_upload>(names);
  leader.route<msg::find_upload>(names);
  leader.route<msg::open_file>(names);
  leader.route<msg::add_chunk>(names);
  leader.route<msg::locate_file>(names);
  leader.route<msg::create_versioned>(names);
  leader.route<msg::allocate_chunks>(names);
  leader.route<msg::lease_chunk>(chunks);
  leader.route<msg::report_replica>(chunks);
  leader.route<msg::get_cluster_status>(chunks);
  leader.route<msg::check_chunks>(chunks);
  leader.route<msg::forget_server>(chunks);
  leader.route<msg::confirm_restore>(chunks);
  leader.route<msg::confirm_deletion>(chunks);
  leader.route<msg::adopt_orphans>(names);
  leader.route<msg::locate_group>(versions);
  leader.route<msg::number_writer>(versions);
  leader.route<msg::list_groups>(versions);
  leader.route<msg::list_fileservers>(versions);
  leader.route<msg::force_group>(versions);
  leader.route<msg::rebuild_directory>(versions);
  leader.route<msg::forget_fileserver>(versions);
  leader.route<msg::list_versioned>(names);
}

actors::door_router node::parts::routes() {
  actors::door_router router;
  router.add<msg::find_master>(
    [from = leaders](actors::front_door_self, actors::door_job job) {
      if (auto asked = wire::decode<msg::find_master>(job.request().message);
          !asked)
        return job.refuse(asked.error());
      job.answer(wire::encode(from->answer()));
    });
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
