#pragma once

#include "admin/console/node.hpp"
#include "admin/verb.hpp"
#include "client/cluster_client.hpp"

#include <memory>
#include <string>

namespace dfs::admin {

/// A node behind a client's connection.
class cluster_node final : public console_node {
public:
  explicit cluster_node(std::shared_ptr<client::cluster_client> client)
    : client_{std::move(client)} {
    // nop
  }

  result<msg::actor_list> actors() override;
  result<msg::actor_detail> actor(const std::string& name) override;
  result<msg::log_levels> log_levels() override;
  result<msg::log_levels> set_log_level(msg::set_log_level x) override;
  result<msg::config_list> config() override;
  result<msg::health_report> health() override;
  result<msg::member_list> members() override;
  result<msg::member_record> self() override;
  result<msg::bandwidth_report> bandwidth() override;
  result<msg::bandwidth_report> reset_time() override;
  result<msg::group_left> leave() override;
  result<msg::group_joined> join() override;
  result<msg::link_list> links() override;
  result<msg::lease_list> leases(const msg::get_leases& which) override;
  result<msg::scrub_status> scrub(bool start) override;
  result<msg::fileserver_list> fileservers() override;
  result<msg::group_list> groups(const msg::list_groups& which) override;
  result<msg::queue_group_status> queue_group() override;
  result<msg::queue_list> queues(const msg::list_queues& which) override;

  [[nodiscard]] std::string name() const override;
  [[nodiscard]] std::string principal() const override;
  [[nodiscard]] rights right() const override;

private:
  std::shared_ptr<client::cluster_client> client_;
};

/// Connects and logs in. @param name Of a member, found in the member list of
/// any node; empty for the node that answers first.
/// @returns `ec::not_found` for no such member, with a suggestion;
/// `ec::configuration`, `ec::unavailable` and the like, explained.
[[nodiscard]] result<std::unique_ptr<console_node>>
attach(verb_context& context, const std::string& name);

} // namespace dfs::admin
