#include "support/sim/chunks_scenarios.hpp"

#include "support/sim/chunks_client.hpp"
#include "support/sim/chunks_master.hpp"
#include "support/sim/chunks_trouble.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace dfs::sim {

using namespace std::chrono_literals;

namespace {

constexpr auto faults_last = 25s;
constexpr auto rest_at_most = 60s;

std::uint64_t changes_by_clients(chunk_cluster& cluster) {
  std::uint64_t sum = 0;
  for (auto i = cluster.first_client(); i < cluster.world().size(); ++i)
    sum += static_cast<chunk_client*>(cluster.world().at(i).program())
             ->acknowledged();
  return sum;
}

// All faults are over: everything comes to rest, is repaired, and works.
void come_to_rest(chunk_cluster& cluster) {
  auto& world = cluster.world();
  const auto end = world.now() + rest_at_most;
  world.run_for(5s);
  const auto before = changes_by_clients(cluster);
  std::string complaints = "not asked";
  while (world.now() < end && !world.broken()) {
    world.run_for(500ms);
    complaints = cluster.complaints();
    if (complaints.empty() && changes_by_clients(cluster) > before + 10)
      break;
  }
  if (world.broken())
    return;
  if (!complaints.empty())
    world.report("rest",
                 fmt::format("a minute after the last fault:{}", complaints));
  else if (changes_by_clients(cluster) <= before + 10)
    world.report("rest", "clients cannot change files any more");
  cluster.judge_holders();
  const auto& table = cluster.master_process()->machine().state().table;
  for (const auto& [chunk, file] : cluster.witness().files())
    if (const auto* entry = table.find(chunk))
      cluster.witness().judge_replicas(chunk, chunk_version{entry->version});
  world.check_now();
  if (auto breach = cluster.witness().breach())
    world.report("chunks", breach->first + ": " + breach->second);
}

chunks_run finish(chunk_cluster& cluster) {
  chunks_run run;
  auto& world = cluster.world();
  run.events = world.events();
  run.changes = cluster.witness().changes();
  run.reads = cluster.witness().reads();
  run.grants = cluster.witness().grants();
  if (world.broken()) {
    std::vector<node_index> about;
    for (node_index i = 0; i < cluster.first_client(); ++i)
      about.push_back(i);
    run.broken = world.story(about);
  }
  return run;
}

void begin(chunk_cluster& cluster) {
  auto& world = cluster.world();
  cluster.start_all();
  world.run_for(4s);
  for (std::uint32_t n = 0; n < cluster.options().files; ++n)
    cluster.found(n);
  world.run_for(2s);
}

chunks_run with_faults(const chunks_options& options, ppm crash_steps,
                       std::chrono::milliseconds between,
                       link_quality quality) {
  chunk_cluster cluster{options};
  auto& world = cluster.world();
  world.net().set_quality(quality);
  begin(cluster);
  cluster.set_crash_steps(crash_steps);
  chunk_trouble faults{cluster};
  const auto end = world.now() + faults_last;
  while (world.now() < end && !world.broken()) {
    faults.strike();
    world.run_for(between / 4 + up_to(world.random(), between * 3 / 2));
  }
  faults.end();
  world.net().set_quality(link_quality{});
  come_to_rest(cluster);
  return finish(cluster);
}

chunks_run run_calm(const chunks_options& options) {
  chunk_cluster cluster{options};
  auto& world = cluster.world();
  cluster.start_all();
  world.run_for(4s);
  for (std::uint32_t n = 0; n < options.files; ++n)
    cluster.found(n);
  world.run_for(20s);
  come_to_rest(cluster);
  return finish(cluster);
}

chunks_run run_faults(const chunks_options& options) {
  return with_faults(options, 0, 2'000ms, {});
}

chunks_run run_storm(const chunks_options& options) {
  link_quality bad;
  bad.loss = percent(2);
  bad.duplicate = percent(1);
  bad.straggler = percent(3);
  bad.lateness = 4s;
  return with_faults(options, 0, 1'200ms, bad);
}

chunks_run run_islands(const chunks_options& options) {
  chunk_cluster cluster{options};
  auto& world = cluster.world();
  begin(cluster);
  chunk_trouble faults{cluster};
  const auto end = world.now() + faults_last;
  while (world.now() < end && !world.broken()) {
    faults.maroon();
    world.run_for(500ms + up_to(world.random(), 2s));
  }
  faults.end();
  come_to_rest(cluster);
  return finish(cluster);
}

chunks_run run_removals(const chunks_options& options) {
  chunk_cluster cluster{options};
  auto& world = cluster.world();
  begin(cluster);
  chunk_trouble faults{cluster};
  for (int round = 0; round < 6 && !world.broken(); ++round)
    faults.forget_deletion();
  faults.end();
  if (!world.broken())
    come_to_rest(cluster);
  return finish(cluster);
}

chunks_run
in_rounds(const chunks_options& options, void (chunk_trouble::*strike)()) {
  chunk_cluster cluster{options};
  auto& world = cluster.world();
  begin(cluster);
  chunk_trouble faults{cluster};
  for (int round = 0; round < 8 && !world.broken(); ++round) {
    (faults.*strike)();
    world.run_for(500ms + up_to(world.random(), 2s));
  }
  faults.end();
  if (!world.broken())
    come_to_rest(cluster);
  return finish(cluster);
}

chunks_run run_hangs(const chunks_options& options) {
  return in_rounds(options, &chunk_trouble::hang);
}

chunks_run run_full(const chunks_options& options) {
  return in_rounds(options, &chunk_trouble::fill);
}

chunks_run run_lapsed(const chunks_options& options) {
  return in_rounds(options, &chunk_trouble::lapse);
}

// Two replicas of a chunk rot, and nothing else happens; or one of them, while
// one other thing happens; or one whose server is the only one that is left for
// a while.
chunks_run run_rot(const chunks_options& options) {
  chunk_cluster cluster{options};
  auto& world = cluster.world();
  begin(cluster);
  cluster.set_rots(true);
  chunk_trouble faults{cluster};
  for (int round = 0; round < 5 && !world.broken(); ++round) {
    const auto kind = world.random().below(4);
    if (kind == 0)
      faults.leave_alone();
    for (auto n = 1 + world.random().below(4); n > 0 && kind != 0; --n)
      faults.rot(kind == 1 ? 2 : 1, kind == 1 ? 1 : 2);
    world.run_for(up_to(world.random(), 1s));
    if (kind > 1) {
      faults.strike_one();
      world.run_for(8s);
    }
    world.run_for(up_to(world.random(), 3s));
    faults.wait_for_health();
  }
  faults.end();
  cluster.set_scrubs(true);
  if (!world.broken())
    come_to_rest(cluster);
  if (!world.broken())
    faults.wait_for_purge();
  return finish(cluster);
}

chunks_run run_restarts(const chunks_options& options) {
  chunk_cluster cluster{options};
  auto& world = cluster.world();
  begin(cluster);
  chunk_trouble faults{cluster};
  for (int round = 0; round < 3 && !world.broken(); ++round) {
    world.run_for(500ms + up_to(world.random(), 4s));
    faults.restart_without_one();
  }
  faults.end();
  if (!world.broken())
    come_to_rest(cluster);
  return finish(cluster);
}

chunks_run run_torn(const chunks_options& options) {
  chunk_cluster cluster{options};
  auto& world = cluster.world();
  begin(cluster);
  cluster.set_steady(true);
  chunk_trouble faults{cluster};
  for (int round = 0; round < 3 && !world.broken(); ++round) {
    world.run_for(2s + up_to(world.random(), 2s));
    faults.tear();
  }
  cluster.set_steady(false);
  faults.end();
  if (!world.broken())
    come_to_rest(cluster);
  return finish(cluster);
}

chunks_run run_steps(const chunks_options& options) {
  return with_faults(options, percent(4), 1'500ms, {});
}

// Older metadata are put back as files while the cluster has gone on: of a
// master that ran when they were copied, or of one that had been stopped.
chunks_run run_older(const chunks_options& options) {
  chunk_cluster cluster{options};
  auto& world = cluster.world();
  begin(cluster);
  const auto master = chunk_cluster::master();
  world.run_for(up_to(world.random(), 3s));
  if (world.random().one_in(2))
    cluster.crash(master);
  const auto older = cluster.rows();
  if (world.at(master).state() == node_state::down)
    world.start(master);
  world.run_for(8s + up_to(world.random(), 4s));
  cluster.crash(master);
  const auto newest = std::exchange(cluster.rows(), older);
  cluster.witness().older(true);
  world.start(master);
  world.run_for(4s + up_to(world.random(), 10s));
  if (cluster.master_process()->machine().stopped().empty())
    world.report("older", "a master with older metadata goes on");
  cluster.crash(master);
  cluster.rows() = newest;
  cluster.witness().older(false);
  world.start(master);
  come_to_rest(cluster);
  return finish(cluster);
}

// As `admin metadata restore`.
void restore(chunk_cluster& cluster, row_disk backup, sim_names names) {
  auto& disk = cluster.rows();
  backup.term = master_term{std::max(backup.term, disk.term).value() + 65'536};
  backup.lineage.restored_at = backup.term.next();
  backup.last_file = disk.last_file; // Numbers begin with the term.
  backup.node_lease = disk.node_lease;
  backup.chunk_lease = disk.chunk_lease;
  backup.confirmed = false;
  disk = std::move(backup);
  cluster.witness().restores(disk.lineage.restored_at);
  cluster.set_names(std::move(names));
}

// The metadata as a backup has them, with the names that it knows.
struct metadata_copy {
  row_disk rows;
  sim_names names;

  explicit metadata_copy(chunk_cluster& of)
    : rows{of.rows()},
      names{of.names()} {
    // nop
  }
};

// Files get new chunks, of which the backup will know that they are there.
void begin_chunks(chunk_cluster& cluster) {
  for (std::uint32_t n = 0; n < cluster.options().files; ++n)
    if (const auto* grant = cluster.file(n);
        grant != nullptr && cluster.world().random().one_in(2))
      cluster.next_chunk(n, grant->chunk);
}

// The backup is made in the middle of that, some moment or other.
std::optional<metadata_copy>
strike_and_copy(chunk_cluster& cluster, chunk_trouble& faults) {
  auto& world = cluster.world();
  const auto copy = std::make_shared<std::optional<metadata_copy>>();
  const auto at = up_to(world.random(), 8s);
  const auto fresh = up_to(world.random(), 1s);
  world.after(at, [&cluster] { begin_chunks(cluster); });
  world.after(at + fresh, [&cluster, copy] { copy->emplace(cluster); });
  const auto end = world.now() + at + fresh + up_to(world.random(), 6s);
  cluster.set_crash_steps(percent(4));
  while (world.now() < end && !world.broken()) {
    world.run_for(std::min<std::chrono::nanoseconds>(
      end - world.now(), 1s + up_to(world.random(), 2s)));
    faults.strike();
  }
  cluster.set_crash_steps(0);
  return *copy;
}

// It is made of fresh chunks, and what has some of them falls apart.
std::optional<metadata_copy>
strand_and_copy(chunk_cluster& cluster, chunk_trouble& faults) {
  auto& world = cluster.world();
  begin_chunks(cluster);
  world.run_for(up_to(world.random(), 300ms));
  std::optional<metadata_copy> copy{cluster};
  world.run_for(up_to(world.random(), 1s));
  for (int n = 0; n < 2; ++n)
    faults.strand();
  world.run_for(200ms + up_to(world.random(), 4s));
  return copy;
}

// The metadata go back to a backup, while clients, leases and servers are in
// the middle of something; once, or again, also from the same one.
chunks_run run_restored(const chunks_options& options) {
  chunk_cluster cluster{options};
  auto& world = cluster.world();
  begin(cluster);
  for (std::uint32_t n = 0; n < options.files; ++n)
    while (!cluster.file(n) && !world.broken())
      world.run_for(200ms);
  metadata_copy backup{cluster};
  chunk_trouble faults{cluster};
  const auto times = 1 + world.random().below(2);
  for (std::uint64_t i = 0; i < times && !world.broken(); ++i) {
    const auto copy = world.random().one_in(2)
                        ? strike_and_copy(cluster, faults)
                        : strand_and_copy(cluster, faults);
    if (copy && !world.random().one_in(4))
      backup = *copy;
    cluster.crash(chunk_cluster::master());
    restore(cluster, backup.rows, backup.names);
    world.run_for(50ms + up_to(world.random(), 4s));
    if (world.at(chunk_cluster::master()).state() == node_state::down)
      world.start(chunk_cluster::master());
    world.run_for(2s + up_to(world.random(), 14s));
  }
  faults.end();
  world.run_for(6s);
  const auto confirm = [&] {
    bool done = false;
    world.act(chunk_cluster::master(),
              [&] { done = cluster.master_process()->confirm_restore(); });
    return done;
  };
  for (int n = 0; n < 40 && !world.broken() && !confirm(); ++n)
    world.run_for(500ms);
  come_to_rest(cluster);
  return finish(cluster);
}

// Leases get shorter and longer with the settings of each life of the master,
// while somebody whom only clients reach has one of before.
chunks_run run_settings(const chunks_options& options) {
  auto changed = options;
  changed.config.node_lease = 12s;
  changed.config.chunk_lease = 20s;
  chunk_cluster cluster{changed};
  auto& world = cluster.world();
  begin(cluster);
  chunk_trouble faults{cluster};
  for (int n = 0; n < 6 && !world.broken(); ++n) {
    const bool shorter = n % 2 == 0;
    const auto who = chunk_cluster::first_server()
                     + static_cast<node_index>(
                       world.random().below(cluster.options().servers));
    for (node_index i = 0; i < cluster.first_client(); ++i)
      if (i != who) {
        world.net().cut(i, who);
        world.net().cut(who, i);
      }
    cluster.crash(chunk_cluster::master());
    cluster.settings().node_lease = shorter ? 1s : 12s;
    cluster.settings().chunk_lease = shorter ? 3s : 20s;
    world.run_for(50ms + up_to(world.random(), 500ms));
    world.start(chunk_cluster::master());
    world.run_for(4s + up_to(world.random(), 6s));
    world.net().heal();
    world.run_for(6s + up_to(world.random(), 10s));
  }
  faults.end();
  come_to_rest(cluster);
  return finish(cluster);
}

} // namespace

chunks_options brisk_chunks() {
  chunks_options x;
  auto& c = x.config;
  c.chunk_lease = 8s;
  c.pending_life = 12s;
  c.orphan_life = 8s;
  c.deletion_delay = 3s;
  c.repair_patience = 1s;
  c.grant_timeout = 5s;
  c.chunk_size = 96;
  x.world.trace_depth = 0;
  return x;
}

const std::vector<chunks_scenario>& chunk_scenarios() {
  static const std::vector<chunks_scenario> all{
    {"calm", "nothing happens", run_calm},
    {"faults", "crashes, power cuts, pauses, suspended machines, cuts",
     run_faults},
    {"storm",
     "the same, closer together, over a network that loses, doubles "
     "and delays",
     run_storm},
    {"islands",
     "servers that only clients reach, after late answers of the master",
     run_islands},
    {"steps", "the same, and the master dies at steps of grants", run_steps},
    {"removals", "the master dies while a server deletes what is too much",
     run_removals},
    {"hangs", "disks that get nothing done, and power cuts meanwhile",
     run_hangs},
    {"full", "disks without room, and crashes meanwhile", run_full},
    {"lapsed", "a disk goes back, and everybody dies who knows of it",
     run_lapsed},
    {"rot", "bytes of replicas change by themselves, under faults", run_rot},
    {"restarts", "all or much of it dies, and comes back but for one server",
     run_restarts},
    {"older", "older metadata are put back as files, then the newest again",
     run_older},
    {"restored", "the metadata are restored from a backup, under faults",
     run_restored},
    {"settings", "lives of the master with shorter and longer leases",
     run_settings},
    {"torn", "servers that only the master and clients reach", run_torn},
  };
  return all;
}

const chunks_scenario* find_chunk_scenario(std::string_view name) {
  for (const auto& x : chunk_scenarios())
    if (x.name == name)
      return &x;
  return nullptr;
}

} // namespace dfs::sim
