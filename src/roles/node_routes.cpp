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
  return router;
}

} // namespace dfs::roles
