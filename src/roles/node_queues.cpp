#include "actors/support/subsystem.hpp"
#include "fileserver/multicast/queue_state.hpp"
#include "roles/node_parts.hpp"
#include "settings/queue_servers.hpp"

#include <string>
#include <string_view>

// What a file server adds to a node if it has an id in the group that keeps
// queues: the ordered multicast, and the queues on it.

namespace dfs::roles {

result<nothing> node::parts::open_queues() {
  const auto& queue = how.settings.queue;
  if (!msg::has(how.roles, msg::role::fileserver) || queue.server_id == 0)
    return done;
  const server_id own{queue.server_id};
  fileserver::multicast_driver_options options{
    .config = settings::multicast_config_of(queue),
    .self = {},
    .servers = {},
    .ring = *keys->cluster_key(),
    .bind = how.settings.node.bind,
    .owner = data->store(),
    .directory = data->path() + "/queues",
    .salt = static_cast<std::uint32_t>(seed),
    .check = [](std::string_view state) -> result<nothing> {
      const auto loaded = fileserver::decode_state(state);
      return loaded ? result<nothing>{done} : loaded.error();
    },
    .next_life = [this](life_id last) -> result<life_id> {
      const auto stamp = next_stamp(last.value() + 1);
      return stamp ? result<life_id>{life_id{*stamp}} : stamp.error();
    }};
  for (const auto& server : settings::queue_servers_of(queue)) {
    options.servers[server.id] = server.where;
    queue_options.names[server.id] = server.name;
    multicast_options.names[server.name] = server.id;
  }
  if (queue_options.names[own] != keys->name())
    return fail(ec::configuration,
                "server " + std::to_string(queue.server_id)
                  + " of queue.servers is " + queue_options.names[own]
                  + ", and this node's certificate says " + keys->name());
  // Without a log a restarted server knows nothing: it is another store.
  options.self
    = {own, options.config.durable ? data->store() : store_id{seed | 1u},
       life_id{self.id.start_ms}};
  queue_options.durable = options.config.durable;
  auto opened = fileserver::multicast_driver::open(std::move(options));
  if (!opened)
    return opened.error();
  queue_group = *std::move(opened);
  multicast_options.driver = queue_group.get();
  multicast_options.membership = membership;
  queue_options.server = own;
  queue_options.rule = queue.primary;
  queue_options.group = multicast;
  queue_options.membership = membership;
  queue_options.board = &board;
  return done;
}

actors::supervised node::parts::supervise_multicast() {
  return actors::supervise("multicast-group", multicast,
                           actors::on_end::end_process, [this] {
                             return actors::spawn_subsystem(
                               *system, registry, {.name = "multicast-group"},
                               actors::multicast_group, multicast_options);
                           });
}

actors::supervised node::parts::supervise_queues() {
  return actors::supervise(
    "queue-server", queues, actors::on_end::end_process, [this] {
      return actors::spawn_subsystem(*system, registry,
                                     {.name = "queue-server"},
                                     actors::queue_server, queue_options);
    });
}

} // namespace dfs::roles
