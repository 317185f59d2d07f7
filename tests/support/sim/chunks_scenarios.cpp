#include "support/sim/chunks_scenarios.hpp"

#include "support/sim/chunks_client.hpp"
#include "support/sim/chunks_master.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

namespace dfs::sim {

using namespace std::chrono_literals;

namespace {

constexpr auto faults_last = 25s;
constexpr auto rest_at_most = 60s;
/// After the last start of a server everything has all its copies again.
constexpr auto repaired_within = 30s;
/// One broken pair of links stops writes no longer than this. SPEC G7
constexpr auto write_within = 4s;

class trouble {
public:
  explicit trouble(chunk_cluster& cluster)
    : cluster_{cluster},
      world_{cluster.world()} {
    // nop
  }

  /// One fault now, and its end later.
  void strike() {
    auto& random = world_.random();
    const auto server = any_server();
    switch (random.below(10)) {
      case 0:
        crash(server, 100ms + up_to(random, 6s), false);
        break;
      case 1:
        crash(server, 100ms + up_to(random, 6s), true);
        break;
      case 2:
        world_.pause(server, 300ms + up_to(random, 7s));
        break;
      case 3:
        world_.suspend(server, 300ms + up_to(random, 7s));
        break;
      case 4:
        cluster_.crash_master_for_a_while();
        break;
      case 5:
        world_.pause(chunk_cluster::master(), 200ms + up_to(random, 4s));
        break;
      case 6:
        cut(server, chunk_cluster::master(), up_to(random, 6s));
        break;
      case 7:
        cut(server, other(server), up_to(random, 4s));
        break;
      case 8:
        cluster_.reset_link(server);
        break;
      case 9: // A crash of two at once.
        crash(server, 100ms + up_to(random, 3s), false);
        crash(other(server), 100ms + up_to(random, 3s), random.one_in(2));
        break;
    }
  }

  /// A server whose answers from the master come late, and then nobody but
  /// clients reaches it.
  void maroon() {
    auto& random = world_.random();
    const auto n = cluster_.options().servers;
    const auto who = chunk_cluster::first_server()
                     + static_cast<node_index>(random.below(n));
    link_quality late;
    late.delay = 200ms + up_to(random, 900ms);
    world_.net().set_quality(chunk_cluster::master(), who, late);
    world_.run_for(1s + up_to(random, 1s));
    for (node_index i = 0; i < cluster_.first_client(); ++i)
      if (i != who) {
        world_.net().cut(i, who);
        world_.net().cut(who, i);
      }
    world_.run_for(1s + up_to(random, 5s));
    world_.net().heal();
    world_.net().set_quality(chunk_cluster::master(), who, link_quality{});
  }

  /// One server, or one pair, cannot hear other servers, or be heard by them:
  /// the master and the clients reach all. Writes go on.
  void tear() {
    auto& random = world_.random();
    const auto who = any_server();
    const auto with = other(who);
    const bool pair = random.one_in(2);
    const auto which = random.below(3);
    for (auto i = chunk_cluster::first_server(); i < cluster_.first_client();
         ++i) {
      if (i == who || (pair && i != with))
        continue;
      if (which != 0)
        world_.net().cut(who, i);
      if (which != 1)
        world_.net().cut(i, who);
    }
    watch_writes(5s + up_to(random, 7s));
    world_.net().heal();
    watch_writes(1s);
    wait_for_copies({});
  }

  /// Much dies in one moment, and comes back but for one server, if there are
  /// enough others for all copies. No client does anything meanwhile.
  void restart_without_one() {
    auto& random = world_.random();
    const auto& options = cluster_.options();
    const bool spare = options.servers > options.config.replication;
    const auto missing = spare ? any_server() : cluster_.first_client();
    cluster_.set_idle(true);
    // Not all of it need die.
    const auto all = random.one_in(2);
    for (auto i = chunk_cluster::first_server(); i < cluster_.first_client();
         ++i)
      if (i == missing || all || random.one_in(2))
        stop(i);
    if (all || random.one_in(2))
      cluster_.crash(chunk_cluster::master());
    world_.run_for(up_to(random, 4s));
    std::vector<node_index> down;
    for (node_index i = 0; i < cluster_.first_client(); ++i)
      if (i != missing && world_.at(i).state() == node_state::down)
        down.insert(
          down.begin()
            + static_cast<std::ptrdiff_t>(random.below(down.size() + 1)),
          i);
    for (const auto i : down) {
      world_.start(i);
      if (random.one_in(2))
        world_.run_for(up_to(random, 2s));
    }
    wait_for_copies(missing);
    cluster_.set_idle(false);
    if (spare)
      world_.start(missing);
  }

  void end() {
    world_.net().heal();
    cluster_.set_crash_steps(0);
    for (node_index i = 0; i < cluster_.first_client(); ++i)
      if (world_.at(i).state() == node_state::down)
        world_.start(i);
  }

private:
  node_index any_server() {
    return chunk_cluster::first_server()
           + static_cast<node_index>(
             world_.random().below(cluster_.options().servers));
  }

  void stop(node_index i) {
    if (world_.random().one_in(2))
      cluster_.cut_power(i);
    else
      cluster_.crash(i);
  }

  void watch_writes(std::chrono::nanoseconds time) {
    const auto end = world_.now() + time;
    while (world_.now() < end && !world_.broken()) {
      world_.run_for(20ms);
      const auto since = cluster_.waits_since();
      if (since && world_.now() - *since > write_within)
        world_.report("links", "a write waits for more than 4 s while one "
                               "server or pair is cut off");
    }
  }

  void wait_for_copies(std::optional<node_index> missing) {
    const auto end = world_.now() + repaired_within;
    std::string complaints = "not asked";
    while (!complaints.empty() && world_.now() < end && !world_.broken()) {
      world_.run_for(200ms);
      complaints = cluster_.complaints(missing);
    }
    if (!world_.broken() && !complaints.empty())
      world_.report("restart",
                    fmt::format("{} s after the last start or cut:{}",
                                repaired_within / 1s, complaints));
    else if (!world_.broken())
      cluster_.judge_holders();
  }

  node_index other(node_index server) {
    const auto n = cluster_.options().servers;
    const auto step = 1 + static_cast<node_index>(world_.random().below(n - 1));
    return chunk_cluster::first_server()
           + (server - chunk_cluster::first_server() + step) % n;
  }

  void crash(node_index i, std::chrono::nanoseconds rest, bool power) {
    if (world_.at(i).state() == node_state::down)
      return;
    if (power)
      cluster_.cut_power(i);
    else
      cluster_.crash(i);
    world_.after(rest, [this, i] {
      if (world_.at(i).state() == node_state::down)
        world_.start(i);
    });
  }

  void cut(node_index a, node_index b, std::chrono::nanoseconds lasts) {
    const auto which = world_.random().below(3);
    if (which != 0)
      world_.net().cut(a, b);
    if (which != 1)
      world_.net().cut(b, a);
    world_.after(lasts, [this, a, b] {
      world_.net().mend(a, b);
      world_.net().mend(b, a);
    });
  }

  chunk_cluster& cluster_;
  sim::world& world_;
};

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
  trouble faults{cluster};
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
  trouble faults{cluster};
  const auto end = world.now() + faults_last;
  while (world.now() < end && !world.broken()) {
    faults.maroon();
    world.run_for(500ms + up_to(world.random(), 2s));
  }
  faults.end();
  come_to_rest(cluster);
  return finish(cluster);
}

chunks_run run_restarts(const chunks_options& options) {
  chunk_cluster cluster{options};
  auto& world = cluster.world();
  begin(cluster);
  trouble faults{cluster};
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
  trouble faults{cluster};
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
  cluster.witness().restores();
  cluster.set_names(std::move(names));
}

// The metadata go back to a backup, while clients, leases and servers are in
// the middle of something; once, or again from the same one.
chunks_run run_restored(const chunks_options& options) {
  chunk_cluster cluster{options};
  auto& world = cluster.world();
  begin(cluster);
  for (std::uint32_t n = 0; n < options.files; ++n)
    while (!cluster.file(n) && !world.broken())
      world.run_for(200ms);
  const auto backup = cluster.rows();
  const auto names = cluster.names();
  trouble faults{cluster};
  const auto times = 1 + world.random().below(2);
  for (std::uint64_t i = 0; i < times && !world.broken(); ++i) {
    cluster.set_crash_steps(percent(4));
    for (int n = 0; n < 4; ++n) {
      world.run_for(1s + up_to(world.random(), 2s));
      faults.strike();
    }
    cluster.set_crash_steps(0);
    cluster.crash(chunk_cluster::master());
    restore(cluster, backup, names);
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
  trouble faults{cluster};
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
