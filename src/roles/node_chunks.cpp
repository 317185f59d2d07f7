#include "actors/chunk_directory.hpp"
#include "actors/metadata_backup.hpp"
#include "actors/namespace_keeper.hpp"
#include "actors/support/clocks.hpp"
#include "actors/support/subsystem.hpp"
#include "chunkserver/data_hands.hpp"
#include "core/filetree/tree_orphans.hpp"
#include "roles/node_parts.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <string>
#include <system_error>

// What the roles master and chunkserver add to a node: the metadata with the
// namespace and the chunk directory, the disks with the data port.

namespace dfs::roles {

namespace {

using actors::on_end;
using actors::spawn_subsystem;
using actors::supervise;

core::directory_config directory_config_of(const settings::node_settings& how) {
  const auto& chunks = how.chunks;
  core::directory_config config;
  config.chunk_size = static_cast<std::uint32_t>(chunks.size);
  config.replication = static_cast<std::uint8_t>(chunks.replication);
  config.replicas_min = static_cast<std::uint8_t>(chunks.replicas_min);
  config.durable = chunks.durability != "memory";
  config.heartbeat = chunks.heartbeat;
  config.node_lease = chunks.node_lease;
  config.chunk_lease = chunks.chunk_lease;
  config.death_by_refusal = chunks.death_proof == "refused";
  config.orphan_life = chunks.orphan_life;
  config.repair_delay = chunks.repair_delay;
  config.repair_parallel = chunks.repair_parallel;
  config.plain = !how.stream.tls;
  return config;
}

void set_tree_config(core::tree_config& config,
                     const settings::node_settings& how, std::uint64_t seed) {
  config.hash_seed = seed;
  config.replication = static_cast<std::uint8_t>(how.chunks.replication);
  config.chunk_size = static_cast<std::uint32_t>(how.chunks.size);
  config.trash_life = how.chunks.trash_life;
  config.version_trash_life = how.versions.trash_life;
  config.upload_life = how.chunks.upload_life;
}

/// What the data server notices goes to the keeper.
chunkserver::data_events events_for(const actors::keeper_inlet& to) {
  return {
    .arrived
    = [to](const msg::chunk_state& x) { to.put(actors::replica_arrived{x}); },
    .lost = [to](chunk_id x) { to.put(actors::replica_lost{x}); },
    .corrupt = [to](chunk_id x) { to.put(actors::replica_corrupt{x}); },
    .lease_ended =
      [to](chunk_id x, lease_epoch epoch, const error& why) {
        to.put(actors::lease_given_up{x, epoch, why});
      },
  };
}

/// What the disks do by themselves, for people.
chunkserver::volume_watch_options watch_for(const chunk_disks& disks) {
  chunkserver::volume_watch_options options;
  options.out_of_service = disks.out_of_service();
  options.stuck = [](const std::string& path) {
    actors::log_event(*actors::log_for("chunk-keeper"), spdlog::level::warn,
                      "a volume gets nothing done", {{"path", path}});
  };
  options.failed = [](const std::string& path) {
    actors::log_event(*actors::log_for("chunk-keeper"), spdlog::level::err,
                      "a volume has failed: its replicas are lost",
                      {{"path", path}});
  };
  return options;
}

/// A sector that is lost can concern many chunks; the count says how many.
constexpr std::size_t damages_told = 20;

void tell_damages(const storage::chunk_store& volume) {
  const auto all = volume.damages();
  for (std::size_t i = 0; i < std::min(all.size(), damages_told); ++i)
    actors::log_event(*actors::log_for("chunk-keeper"), spdlog::level::err,
                      "a volume is damaged",
                      {{"path", volume.path()}, {"what", all[i].what}});
  if (all.size() > damages_told)
    actors::log_event(
      *actors::log_for("chunk-keeper"), spdlog::level::err,
      "a volume has more damages",
      {{"path", volume.path()}, {"all", std::to_string(all.size())}});
}

void tell_failure(const std::string& path, const error& why) {
  actors::log_event(*actors::log_for("chunk-keeper"), spdlog::level::err,
                    "a volume is out of service",
                    {{"path", path}, {"why", why.context}});
}

/// A cluster id is 16 hex digits: checked where the certificate was read.
std::uint64_t cluster_number(const std::string& id) {
  std::uint64_t number = 0;
  std::from_chars(id.data(), id.data() + id.size(), number, 16);
  return number;
}

} // namespace

actors::supervised node::parts::supervise_chunk_keeper() {
  return supervise("chunk-keeper", keeper, on_end::end_process, [this] {
    auto handle = spawn_subsystem(*system, registry, {.name = "chunk-keeper"},
                                  actors::chunk_keeper, keeper_options);
    keeper_options.inlet.connect(handle);
    return handle;
  });
}

result<nothing> node::parts::open_metadata() {
  if (!msg::has(how.roles, msg::role::master))
    return done;
  storage::metadata_options options;
  options.cluster = cluster_number(keys->cluster());
  options.sync = how.settings.chunks.durability != "memory";
  options.cache_bytes = how.settings.metadata.cache_size;
  options.on_failure = [this](const error& why) {
    give_up(1, "the metadata cannot be written any more: " + why.context);
  };
  auto opened
    = storage::metadata_store::open(how.settings.metadata.path, options);
  if (!opened)
    return opened.error();
  metadata = *std::move(opened);
  auto begun = metadata->next_term(random_number());
  if (!begun)
    return begun.error();
  term = *begun;
  leaders->lead(term);
  self.term = term;
  const auto lives = metadata->lives();
  if (!lives)
    return lives.error();
  lineage.restored_at = metadata->restored_at();
  for (const auto& x : *lives)
    lineage.lives.push_back({x.term, x.life, x.began});
  return done;
}

result<nothing> node::parts::open_chunks() {
  if (!msg::has(how.roles, msg::role::chunkserver))
    return done;
  auto opened = chunk_plane::open({.how = how.settings,
                                   .keys = *keys,
                                   .data = *data,
                                   .boot = boot,
                                   .events = events_for(keeper_options.inlet),
                                   .on_failure = tell_failure});
  if (!opened)
    return opened.error();
  chunk_bytes = *std::move(opened);
  for (const auto* volume : chunk_bytes->disks().stores())
    tell_damages(*volume);
  keeper_options.newest = obeyed->newest();
  keeper_options.self
    = {.store = data->store(),
       .boot = boot,
       .name = keys->name(),
       .zone = how.settings.node.zone,
       .data = {how.settings.node.advertise, how.settings.stream.data_port}};
  keeper_options.hands = std::make_shared<chunkserver::data_hands>(
    chunk_bytes->data(), chunk_bytes->disks().stores(),
    chunkserver::data_hands_options{.obeyed = obeyed,
                                    .volumes = watch_for(chunk_bytes->disks()),
                                    .corrupt
                                    = [to = keeper_options.inlet](chunk_id x) {
                                        to.put(actors::replica_corrupt{x});
                                      }});
  keeper_options.membership = membership;
  keeper_options.links = links;
  keeper_options.board = &board;
  keeper_options.clocks = actors::read_clocks;
  return done;
}

// What chunks know nothing of.
void node::parts::complete_status(msg::cluster_status& x) const {
  x.unnamed_files = namespace_options.counters->unnamed.load();
  for (auto found : {core::find_clock_trouble(deletions->jumped()),
                     core::find_unnamed(x.unnamed_files),
                     core::find_conflicts(
                       version_directory_options.conflicts->get(), "versions"),
                     link_findings->get(), list_findings->get()})
    std::ranges::move(found, std::back_inserter(x.findings));
}

result<nothing> node::parts::load_metadata() {
  if (!metadata)
    return done;
  prober = std::make_unique<actors::tcp_port_prober>(ports->background());
  directory_options.store = metadata.get();
  directory_options.term = term;
  directory_options.lineage = lineage;
  directory_options.config = directory_config_of(how.settings);
  directory_options.seed = seed;
  directory_options.keys = [this] { return keys->token_key(); };
  directory_options.prober = prober.get();
  directory_options.roll = roll;
  directory_options.disks
    = [this] { return std::vector{disk_at(how.settings.metadata.path)}; };
  directory_options.complete = [this](auto& x) { complete_status(x); };
  directory_options.on_growth
    = [to = names](const msg::files_grown& x) { caf::anon_send(to.get(), x); };
  auto machine
    = actors::load_chunk_directory(directory_options, system->clock().now());
  if (!machine)
    return machine.error();
  directory_options.machine = *std::move(machine);
  if (auto loaded = load_versions(); !loaded)
    return loaded;
  namespace_options.store = metadata.get();
  namespace_options.term = term;
  set_tree_config(namespace_options.config, how.settings, seed);
  namespace_options.chunks = [to = chunks] { return to.get(); };
  namespace_options.versions = [to = versions] { return to.get(); };
  namespace_options.clock = [this] { return deletions->read(); };
  namespace_options.jumped = [this] { return deletions->jumped(); };
  namespace_options.fitness = directory_options.fitness;
  auto tree = actors::load_namespace(namespace_options);
  if (!tree)
    return tree.error();
  namespace_options.tree = *std::move(tree);
  deletions->begin(namespace_options.tree->clock());
  return done;
}

actors::supervised node::parts::supervise_chunk_directory() {
  return supervise("chunk-directory", chunks, on_end::end_process, [this] {
    return spawn_subsystem(*system, registry, {.name = "chunk-directory"},
                           actors::chunk_directory, directory_options);
  });
}

actors::supervised node::parts::supervise_namespace() {
  return supervise("namespace", names, on_end::end_process, [this] {
    return spawn_subsystem(*system, registry, {.name = "namespace"},
                           actors::namespace_keeper, namespace_options);
  });
}

actors::supervised node::parts::supervise_backup() {
  return supervise("metadata-backup", backup, on_end::restart_always, [this] {
    // It waits for disks.
    return spawn_subsystem<caf::detached>(
      *system, registry, {.name = "metadata-backup", .waits_for_disks = true},
      actors::metadata_backup,
      actors::metadata_backup_options{
        .store = metadata.get(), .term = term, .clock = wall_clock});
  });
}

void node::parts::forget_new_data() {
  if (!data->is_new())
    return;
  keeper_options.hands.reset();
  chunk_bytes.reset();
  version_bytes.reset();
  queue_group.reset();
  metadata.reset();
  // Disks elsewhere keep the volumes that were made there: they are known by
  // their own names.
  std::error_code ignored;
  for (const auto* name :
       {"chunks", "versions", "version-rows", "version-rows.made",
        "version-rows.mark", "metadata", "metadata.made", "metadata.mark",
        "volumes", "master_term", "queues", "queues.made", "queues.mark"})
    std::filesystem::remove_all(std::filesystem::path{data->path()} / name,
                                ignored);
}

} // namespace dfs::roles
