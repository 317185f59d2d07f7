#include "admin/console/cluster_node.hpp"

#include "admin/ask.hpp"
#include "messages/queue_methods.hpp"
#include "messages/version_methods.hpp"

#include <utility>

#include <chrono>

namespace dfs::admin {

namespace {

/// Less than a request waits for its answer.
constexpr std::chrono::milliseconds join_patience{8'000};

} // namespace

result<msg::actor_list> cluster_node::actors() {
  return client_->call(msg::list_actors{});
}

result<msg::actor_detail> cluster_node::actor(const std::string& name) {
  return client_->call(msg::get_actor{name});
}

result<msg::log_levels> cluster_node::log_levels() {
  return client_->call(msg::get_log_levels{});
}

result<msg::log_levels> cluster_node::set_log_level(msg::set_log_level x) {
  return client_->call(x);
}

result<msg::config_list> cluster_node::config() {
  return client_->call(msg::get_config{});
}

result<msg::health_report> cluster_node::health() {
  return client_->call(msg::get_health{});
}

result<msg::member_list> cluster_node::members() {
  return client_->call(msg::list_members{});
}

result<msg::member_record> cluster_node::self() {
  return client_->call(msg::get_self{});
}

result<msg::bandwidth_report> cluster_node::bandwidth() {
  return client_->call(msg::get_bandwidth{});
}

result<msg::bandwidth_report> cluster_node::reset_time() {
  return client_->call(msg::reset_time{});
}

result<msg::group_left> cluster_node::leave() {
  return client_->call(msg::leave_group{});
}

result<msg::group_joined> cluster_node::join() {
  msg::join_group request;
  request.patience = join_patience;
  return client_->call(request);
}

result<msg::link_list> cluster_node::links() {
  return client_->call(msg::get_links{});
}

result<msg::lease_list> cluster_node::leases(const msg::get_leases& which) {
  return client_->call(which);
}

result<msg::scrub_status> cluster_node::scrub(bool start) {
  return start ? client_->call(msg::scrub_chunks{})
               : client_->call(msg::get_scrub{});
}

result<msg::fileserver_list> cluster_node::fileservers() {
  return client_->call(msg::list_fileservers{});
}

result<msg::group_list> cluster_node::groups(const msg::list_groups& which) {
  return client_->call(which);
}

result<msg::queue_group_status> cluster_node::queue_group() {
  return client_->call(msg::get_queue_group{});
}

result<msg::queue_list> cluster_node::queues(const msg::list_queues& which) {
  return client_->call(which);
}

std::string cluster_node::name() const {
  return client_->connection().login().node;
}

std::string cluster_node::principal() const {
  return client_->connection().login().principal;
}

rights cluster_node::right() const {
  return client_->connection().login().right;
}

result<std::unique_ptr<console_node>>
attach(verb_context& context, const std::string& name) {
  auto client = context.cluster_at(name);
  if (!client)
    return client.error();
  // Logs in, for the prompt.
  if (const auto self = ask(context, msg::get_self{}); !self)
    return self.error();
  return std::unique_ptr<console_node>{
    std::make_unique<cluster_node>(*std::move(client))};
}

} // namespace dfs::admin
