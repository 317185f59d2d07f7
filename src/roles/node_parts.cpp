#include "roles/node_parts.hpp"

#include "actors/failure_detector.hpp"
#include "actors/membership.hpp"
#include "actors/membership_log.hpp"
#include "actors/support/control_plane.hpp"
#include "roles/descriptor_limit.hpp"
#include "settings/descriptors.hpp"

#include <caf/logger.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>

namespace dfs::roles {

namespace {

/// Control traffic is many short handlers in a row: a second thread on a small
/// machine is woken for each of them, takes a core from the data path, and
/// made creating files slower by a tenth.
std::size_t scheduler_threads() {
  return std::clamp(std::thread::hardware_concurrency() / 2, 1u, 4u);
}

struct node_config : caf::actor_system_config {
  explicit node_config(const std::string& cluster) {
    actors::configure_control_plane(*this, cluster);
    // Sharing sleeps when there is nothing to do; CAF's default, stealing,
    // polls, which an idle node pays for all day.
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", scheduler_threads());
  }
};

/// A port is taken by this very node more often than by a stranger.
error explain_port(const error& why, const std::string& directory) {
  const auto pid = why.code == ec::in_use
                     ? settings::data_dir::holder(directory)
                     : std::string{};
  if (pid.empty())
    return why;
  return fail(ec::in_use,
              fmt::format("already running, pid {}, holds {}; stop it, or give "
                          "this node a data_dir and ports of its own",
                          pid, directory));
}

result<nothing> begin_log(const settings::log_section& how) {
  actors::log_options options;
  options.file = how.file;
  options.json = how.format == "json";
  if (auto level = actors::parse_log_level(how.level))
    options.level = *level;
  for (const auto& [subsystem, text] : how.levels)
    if (auto level = actors::parse_log_level(text))
      options.levels.emplace(subsystem, *level);
  // Subsystems are known from their spawning on; these are none, and their
  // levels can be set, too, before they have anything to say.
  for (const auto name : {actors::audit_log_name, std::string_view{"gate"},
                          std::string_view{"log"}, std::string_view{"node"},
                          std::string_view{"supervisor"}})
    (void) actors::log_for(name);
  return actors::start_log(std::move(options));
}

} // namespace

unix_milliseconds wall_clock() {
  return std::chrono::floor<std::chrono::milliseconds>(
    std::chrono::system_clock::now());
}

std::uint64_t random_number() {
  std::random_device source;
  return (std::uint64_t{source()} << 32) | source();
}

node::parts::parts(settings::server_command_line command_line,
                   std::function<void(int, const std::string&)> on_give_up)
  : how{std::move(command_line)},
    give_up{std::move(on_give_up)} {
  // nop
}

node::parts::~parts() {
  // CAF says its last words while the gate still carries them. A thread that
  // has spawned keeps the system's logger, for which the system would wait.
  inlet.connect({});
  supervisor = nullptr;
  // Neither calls an actor any more.
  if (chunk_bytes)
    chunk_bytes->data().stop();
  if (version_bytes)
    version_bytes->service().stop();
  if (queue_group)
    queue_group->stop();
  metadata.reset();
  caf::logger::set_current_actor_system(nullptr);
  system.reset();
  if (ports)
    ports->close();
}

result<std::unique_ptr<node::parts>>
node::parts::prepare(const settings::server_command_line& how,
                     std::function<void(int, const std::string&)> give_up) {
  auto all = std::make_unique<parts>(how, std::move(give_up));
  const auto& wanted = how.settings;
  auto keys
    = credentials::load(wanted.security.bundle, wanted.node.name, how.roles);
  if (!keys)
    return keys.error();
  all->keys = *std::move(keys);
  auto ports = planes::open(wanted, how.roles, *all->keys, all->inlet);
  if (!ports)
    return explain_port(ports.error(), wanted.node.data_dir);
  all->ports = *std::move(ports);
  if (auto opened = all->open_data(); !opened)
    return opened.error();
  if (auto opened = all->open_metadata(); !opened)
    return opened.error();
  if (auto opened = all->open_chunks(); !opened)
    return opened.error();
  if (auto opened = all->open_versions(); !opened)
    return opened.error();
  if (auto opened = all->open_queues(); !opened)
    return opened.error();
  if (auto begun = begin_log(wanted.log); !begun)
    return begun.error();
  return all;
}

/// From here on there are traces: the identity of a new data directory, the
/// start stamp of this life, the membership log.
result<nothing> node::parts::open_data() {
  auto opened = settings::data_dir::open(
    how.settings.node.data_dir,
    {.cluster = keys->cluster(), .node = keys->name()});
  if (!opened)
    return opened.error();
  data.emplace(*std::move(opened));
  auto stamp = data->next_start(wall_clock());
  if (!stamp)
    return stamp.error();
  auto newest
    = storage::obeyed_master::open(storage::posix_files(), data->path());
  if (!newest)
    return newest.error();
  obeyed = *std::move(newest);
  quarantine = open_quarantine();
  auto log = actors::membership_log::open(history_path(),
                                          actors::log_membership_trouble);
  if (!log)
    return log.error();
  history = std::make_shared<actors::membership_log>(*std::move(log));
  self
    = own_record(static_cast<std::uint64_t>(stamp->time_since_epoch().count()));
  boot = boot_id{random_number()};
  seed = random_number();
  return done;
}

std::string node::parts::history_path() const {
  const auto& path = how.settings.group.log;
  return path.empty() ? data->path() + "/membership.log" : path;
}

msg::member_record node::parts::own_record(std::uint64_t start_ms) const {
  const auto& x = how.settings;
  msg::member_record record;
  record.id = {x.node.advertise, x.group.port, start_ms};
  record.name = keys->name();
  record.roles = how.roles;
  record.store = data->store();
  record.ping_port = x.group.ping_port;
  record.control_port = x.control.port;
  record.stream_port = x.stream.port;
  // Others cannot reach a port on loopback, unless all are there.
  record.http_port = x.http.bind.is_loopback() != x.node.advertise.is_loopback()
                       ? std::uint16_t{0}
                       : x.http.port;
  record.zone = x.node.zone;
  record.version = DFS_VERSION;
  return record;
}

result<nothing> node::parts::start() {
  started = true;
  system_config = std::make_unique<node_config>(keys->cluster());
  system = std::make_unique<caf::actor_system>(*system_config);
  ports->gate().attach(*system);
  // Not by way of `system`, which is null while it ends.
  roll = std::make_shared<actors::peer_roll>(
    [this, here = system->node()](const caf::node_id& node) {
      return node == here ? actors::peer_identity{keys->name(), how.roles}
                          : ports->gate().identity_of(node);
    });
  board.watch(registry);
  board.watch("membership-log",
              [to = history] { return to->oldest_wait(wall_clock()); });
  board.set("serving", false, "not in the group yet");
  judge_descriptors();
  if (auto loaded = load_metadata(); !loaded)
    return loaded;
  supervisor = actors::spawn_supervisor(*system,
                                        {.registry = &registry,
                                         .board = &board,
                                         .give_up = give_up,
                                         .own_thread = true},
                                        subsystems());
  ports->start_group(
    [to = detector](socket_kind via, const endpoint& from, std::string body) {
      caf::anon_send(to.get(), msg::group_datagram{via, from, std::move(body)});
    });
  return ports->start_control(directory.get());
}

void node::parts::judge_descriptors() {
  const auto needed = settings::descriptors_needed(how.settings, how.roles);
  const auto limit = descriptor_limit();
  if (limit >= needed)
    return board.pass("descriptors", "");
  const auto text = fmt::format(
    "{} descriptors may be open, the limits of connections ask for up to {}: "
    "raise LimitNOFILE (ulimit -Hn), or lower control.links_max and "
    "stream.connections_max",
    limit, needed);
  board.pass("descriptors", text);
  actors::log_event(*actors::log_for("node"), spdlog::level::warn,
                    "few descriptors", {{"why", text}});
}

result<nothing> node::parts::serve(const msg::group_joined& joined) {
  if (auto open = ports->start_streams(monitoring()); !open)
    return open;
  serving = true;
  board.set("serving", true);
  actors::log_event(
    *actors::log_for("node"), spdlog::level::info, "serving",
    {{"id", to_string(joined.self.id)},
     {"name", joined.self.name},
     {"roles", msg::roles_to_string(joined.self.roles)},
     {"store", fmt::format("{:016x}", joined.self.store.value())},
     {"members", joined.members}});
  return done;
}

void node::parts::use_keys() {
  ports->use(*keys);
  if (chunk_bytes)
    chunk_bytes->data().replace_keys(keys->token_key());
  if (version_bytes)
    version_bytes->service().replace_keys(keys->token_key());
  if (queue_group)
    queue_group->use(*keys->cluster_key());
}

error node::parts::explain_join(const error& why) const {
  if (why.code == ec::master_exists)
    return fail(ec::configuration, why.context);
  if (why.code != ec::timed_out)
    return why;
  std::string asked;
  for (const auto& x : how.settings.group.introducers)
    asked += (asked.empty() ? "" : ", ") + to_string(x);
  return fail(ec::unavailable,
              "no introducer answered at " + asked
                + " (group.introducers): is one running, its group port "
                  "reachable, and this node's bundle of the same cluster?");
}

} // namespace dfs::roles
