#include "admin/console/cluster_node.hpp"

#include "settings/suggest.hpp"

#include <utility>
#include <vector>

namespace dfs::admin {

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

result<msg::link_list> cluster_node::links() {
  return client_->call(msg::get_links{});
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

namespace {

result<std::shared_ptr<client::cluster_client>>
open_at(verb_context& context, const endpoint& where) {
  const auto settings = context.client_settings();
  if (!settings)
    return settings.error();
  client::client_options options;
  const auto& bundle = settings->bundle;
  options.tls
    = {bundle + "/ca.crt", bundle + "/user.crt", bundle + "/user.key"};
  options.connection.contacts = {to_string(where)};
  options.connection.timeout = settings->timeout;
  options.connection.program = "dfsnode console " DFS_VERSION;
  auto opened = client::cluster_client::open(options);
  if (!opened)
    return opened.error();
  return std::shared_ptr{*std::move(opened)};
}

result<endpoint>
find_member(client::cluster_client& cluster, const std::string& name) {
  const auto list = cluster.call(msg::list_members{});
  if (!list)
    return list.error();
  std::vector<std::string> names;
  for (const auto& x : list->members) {
    if (x.name == name)
      return x.stream_address();
    names.push_back(x.name);
  }
  return fail(ec::not_found,
              "no member '" + name + "'" + settings::did_you_mean(name, names));
}

} // namespace

result<std::unique_ptr<console_node>>
attach(verb_context& context, const std::string& name) {
  auto cluster = context.cluster();
  if (!cluster)
    return cluster.error();
  auto client = *cluster;
  if (!name.empty()) {
    const auto where = find_member(*client, name);
    if (!where)
      return where.error();
    // A connection of its own: the console must not go on at another node
    // when this one ends.
    auto opened = open_at(context, *where);
    if (!opened)
      return opened.error();
    client = *opened;
  }
  auto node = std::make_unique<cluster_node>(std::move(client));
  if (const auto self = node->self(); !self) // Logs in, for the prompt.
    return self.error();
  return std::unique_ptr<console_node>{std::move(node)};
}

} // namespace dfs::admin
