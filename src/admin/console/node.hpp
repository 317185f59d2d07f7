#pragma once

#include "base/result.hpp"
#include "base/rights.hpp"
#include "messages/admin.hpp"
#include "messages/chunk_admin.hpp"
#include "messages/control.hpp"
#include "messages/detector.hpp"
#include "messages/health.hpp"
#include "messages/membership.hpp"
#include "messages/queue_admin.hpp"
#include "messages/version_file.hpp"

#include <string>

namespace dfs::admin {

/// The node at the other end, as console commands see it: one function for each
/// request. Each call waits for its answer. Errors: what the node says, or
/// `ec::unavailable`, `ec::timed_out` and the like when it says nothing.
class console_node {
public:
  virtual ~console_node() = default;

  virtual result<msg::actor_list> actors() = 0;
  virtual result<msg::actor_detail> actor(const std::string& name) = 0;
  virtual result<msg::log_levels> log_levels() = 0;
  virtual result<msg::log_levels> set_log_level(msg::set_log_level x) = 0;
  virtual result<msg::config_list> config() = 0;
  virtual result<msg::health_report> health() = 0;
  virtual result<msg::member_list> members() = 0;
  virtual result<msg::member_record> self() = 0;
  virtual result<msg::bandwidth_report> bandwidth() = 0;
  virtual result<msg::bandwidth_report> reset_time() = 0;
  virtual result<msg::group_left> leave() = 0;
  virtual result<msg::group_joined> join() = 0;
  virtual result<msg::link_list> links() = 0;
  virtual result<msg::lease_list> leases(const msg::get_leases& which) = 0;
  /// @param start A pass over all replicas, now.
  virtual result<msg::scrub_status> scrub(bool start) = 0;
  // Of a master.
  virtual result<msg::fileserver_list> fileservers() = 0;
  virtual result<msg::group_list> groups(const msg::list_groups& which) = 0;
  // Of a file server that has queues.
  virtual result<msg::queue_group_status> queue_group() = 0;
  virtual result<msg::queue_list> queues(const msg::list_queues& which) = 0;

  // Known since the login, without asking.
  [[nodiscard]] virtual std::string name() const = 0; ///< Of the node.
  [[nodiscard]] virtual std::string principal() const = 0;
  [[nodiscard]] virtual rights right() const = 0;
};

} // namespace dfs::admin
