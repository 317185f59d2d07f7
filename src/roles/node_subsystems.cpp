#include "actors/admin_console.hpp"
#include "actors/control_links.hpp"
#include "actors/directory.hpp"
#include "actors/echo.hpp"
#include "actors/failure_detector.hpp"
#include "actors/front_door.hpp"
#include "actors/membership.hpp"
#include "actors/support/subsystem.hpp"
#include "roles/group_watch.hpp"
#include "roles/node_parts.hpp"

#include <chrono>

// The supervisor's list: what runs in a node, bottom-up, and what becomes of
// the node when one of them ends.

namespace dfs::roles {

namespace {

using actors::on_end;
using actors::spawn_subsystem;
using actors::supervise;

msg::config_list
redacted(const std::vector<settings::effective_value>& effective) {
  msg::config_list list;
  for (const auto& x : effective)
    list.entries.push_back({x.key, x.text, x.where});
  return list;
}

const char* explain_reach(core::group_reach x) {
  switch (x) {
    case core::group_reach::answered:
      break;
    case core::group_reach::unanswered:
      return "no member answers this node: it is deaf, mute or cut off (UDP, "
             "group.port and group.ping_port)";
    case core::group_reach::alone:
      return "all other members fell silent at once: this node is cut off, or "
             "they have ended";
  }
  return "";
}

} // namespace

std::vector<actors::supervised> node::parts::subsystems() {
  std::vector<actors::supervised> list;
  list.push_back(supervise_membership());
  list.push_back(supervise_detector());
  list.push_back(supervise_watch());
  if (metadata) {
    list.push_back(supervise_chunk_directory());
    list.push_back(supervise_version_directory());
    list.push_back(supervise_namespace());
    list.push_back(supervise_backup());
  }
  list.push_back(supervise_links());
  list.push_back(supervise_directory());
  if (chunk_bytes)
    list.push_back(supervise_chunk_keeper());
  if (version_bytes)
    list.push_back(supervise_version_keeper());
  if (queue_group) {
    list.push_back(supervise_multicast());
    list.push_back(supervise_queues());
  }
  if (chunk_bytes || version_bytes)
    list.push_back(supervise_scrubber());
  list.push_back(supervise_console());
  list.push_back(supervise_echo());
  list.push_back(supervise_door());
  return list;
}

actors::supervised node::parts::supervise_membership() {
  return supervise("membership", membership, on_end::end_process, [this] {
    return spawn_subsystem(*system, registry, {.name = "membership"},
                           actors::membership,
                           actors::membership_options{.self = self,
                                                      .now = wall_clock,
                                                      .counters = group_counts,
                                                      .leaders = leaders},
                           history);
  });
}

actors::supervised node::parts::supervise_detector() {
  return supervise("failure-detector", detector, on_end::end_process, [this] {
    actors::failure_detector_options options;
    options.config = how.settings.failure;
    options.self = self;
    options.seed = seed;
    options.introducers = how.settings.group.introducers;
    options.may_found = msg::has(how.roles, msg::role::introducer);
    options.known = known_addresses();
    options.keep_addresses = [this](const auto& x) { keep_addresses(x); };
    options.network = ports->group();
    options.counters = group_counts;
    options.findings = list_findings;
    options.new_stamp = [this](std::uint64_t x) { return next_stamp(x); };
    options.keep_stamp = [this](std::uint64_t x) { keep_stamp(x); };
    options.on_refusal = [this](const error& why) { give_up(2, why.context); };
    options.on_reach = [this](core::group_reach x) {
      board.set("gossip", x == core::group_reach::answered, explain_reach(x));
    };
    // Acks are due whatever the handlers of others wait for.
    return spawn_subsystem<caf::detached>(
      *system, registry, {.name = "failure-detector"}, actors::failure_detector,
      std::move(options), membership.get());
  });
}

actors::supervised node::parts::supervise_watch() {
  return supervise("group-watch", watch, on_end::restart_always, [this] {
    return spawn_subsystem(
      *system, registry, {.name = "group-watch"}, group_watch,
      group_watch_options{
        .board = &board, .membership = membership, .name = keys->name()});
  });
}

actors::supervised node::parts::supervise_links() {
  return supervise("control-links", links, on_end::restart, [this] {
    actors::control_links_options options;
    options.leaders = leaders;
    options.membership = membership;
    options.finder = &ports->gate();
    if (metadata) {
      options.chunks = [to = chunks] { return to.get(); };
      options.versions = [to = versions] { return to.get(); };
      options.findings = link_findings;
    }
    options.boot = boot;
    options.seed = seed;
    options.roll = roll;
    return spawn_subsystem(*system, registry, {.name = "control-links"},
                           actors::control_links, std::move(options));
  });
}

actors::supervised node::parts::supervise_directory() {
  return supervise("directory", directory, on_end::end_process, [this] {
    actors::directory_options options;
    options.membership = membership;
    options.links = links;
    options.boot = boot;
    options.roll = roll;
    if (metadata) {
      options.chunks = [to = chunks] { return to.get(); };
      options.versions = [to = versions] { return to.get(); };
    }
    return spawn_subsystem(*system, registry, {.name = "directory"},
                           actors::directory, std::move(options));
  });
}

actors::supervised node::parts::supervise_console() {
  return supervise("admin-console", console, on_end::restart_always, [this] {
    return spawn_subsystem(
      *system, registry, {.name = "admin-console"}, actors::admin_console,
      actors::admin_sources{.registry = &registry,
                            .board = &board,
                            .config = redacted(how.effective)});
  });
}

actors::supervised node::parts::supervise_echo() {
  return supervise("echo", echo, on_end::restart_always, [this] {
    return spawn_subsystem(*system, registry, {.name = "echo"}, actors::echo);
  });
}

actors::supervised node::parts::supervise_door() {
  return supervise("front-door", door, on_end::restart, [this] {
    actors::front_door_options options;
    options.node = keys->name();
    options.keys = [this] { return keys->token_key(); };
    options.clock = [] { return wall_clock().time_since_epoch(); };
    options.token_life = how.settings.stream.token_life;
    options.data_tls = how.settings.stream.tls;
    options.statistics = door_counts;
    options.quarantine = quarantine;
    options.given_up = registry.given_up();
    options.subscriptions_max = how.settings.stream.subscriptions_max;
    options.subscriptions_per_principal_max
      = how.settings.stream.subscriptions_per_principal_max;
    if (queue_group)
      options.on_closed = [to = queues](const actors::door_caller& x) {
        caf::anon_send(to.get(), x);
      };
    auto handle
      = spawn_subsystem(*system, registry, {.name = "front-door"},
                        actors::front_door, std::move(options), routes());
    inlet.connect(handle);
    return handle;
  });
}

} // namespace dfs::roles
