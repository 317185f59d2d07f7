#include "support/sim/versions_scenarios.hpp"

#include "support/sim/versions_client.hpp"
#include "support/sim/versions_master.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dfs::sim {

using namespace std::chrono_literals;

namespace {

constexpr auto faults_last = 20s;
constexpr auto rest_at_most = 60s;

class trouble {
public:
  explicit trouble(version_cluster& cluster)
    : cluster_{cluster},
      world_{cluster.world()} {
    // nop
  }

  /// One fault now, and its end later.
  void strike() {
    auto& random = world_.random();
    const auto i = any_server();
    switch (random.below(11)) {
      case 0:
        crash(i, 50ms + up_to(random, 3s), false);
        break;
      case 1:
        crash(i, 50ms + up_to(random, 3s), true);
        break;
      case 2:
        world_.pause(i, 100ms + up_to(random, 4s));
        break;
      case 3:
        crash(version_cluster::master(), 50ms + up_to(random, 2s), false);
        break;
      case 4:
        cut(i, version_cluster::master(), up_to(random, 4s));
        break;
      case 5:
        cut(i, other(i), up_to(random, 4s));
        break;
      case 6:
        for (node_index j = 0; j < cluster_.options().servers; ++j)
          if (version_cluster::first_server() + j != i)
            cut_one_way(i, version_cluster::first_server() + j,
                        up_to(random, 2s));
        break;
      case 7:
        cut(i, any_client(), up_to(random, 3s));
        break;
      case 8: // The power of all.
        for (node_index j = 0; j < cluster_.options().servers; ++j)
          crash(version_cluster::first_server() + j, 50ms + up_to(random, 1s),
                true);
        break;
      default:
        change();
        break;
    }
  }

  void change() {
    if (!cluster_.options().changes || cluster_.director() == nullptr)
      return;
    std::vector<store_id> servers;
    const auto n = cluster_.options().servers;
    const auto start = world_.random().below(n);
    const auto copies = cluster_.options().rule.copies;
    for (std::uint64_t k = 0; servers.size() < copies; ++k)
      servers.push_back(
        version_cluster::store_of(version_cluster::first_server()
                                  + static_cast<node_index>((start + k) % n)));
    world_.act(version_cluster::master(),
               [this, servers] { cluster_.director()->change(servers); });
  }

  void end() {
    world_.net().heal();
    for (node_index i = 0; i < cluster_.first_client(); ++i)
      if (world_.at(i).state() == node_state::down)
        world_.start(i);
  }

private:
  node_index any_server() {
    return version_cluster::first_server()
           + static_cast<node_index>(
             world_.random().below(cluster_.options().servers));
  }
  node_index any_client() {
    return cluster_.first_client()
           + static_cast<node_index>(
             world_.random().below(cluster_.options().clients));
  }
  node_index other(node_index server) {
    const auto n = cluster_.options().servers;
    const auto step = 1 + static_cast<node_index>(world_.random().below(n - 1));
    return version_cluster::first_server()
           + (server - version_cluster::first_server() + step) % n;
  }

  void crash(node_index i, std::chrono::nanoseconds rest, bool power) {
    if (world_.at(i).state() == node_state::down)
      return;
    cluster_.crash(i, power);
    world_.after(rest, [this, i] {
      if (world_.at(i).state() == node_state::down)
        world_.start(i);
    });
  }

  void cut_one_way(node_index a, node_index b, std::chrono::nanoseconds lasts) {
    world_.net().cut(a, b);
    world_.after(lasts, [this, a, b] { world_.net().mend(a, b); });
  }

  void cut(node_index a, node_index b, std::chrono::nanoseconds lasts) {
    const auto which = world_.random().below(3);
    if (which != 0)
      cut_one_way(a, b, lasts);
    if (which != 1)
      cut_one_way(b, a, lasts);
  }

  version_cluster& cluster_;
  sim::world& world_;
};

std::uint64_t operations(version_cluster& cluster) {
  std::uint64_t sum = 0;
  for (auto i = cluster.first_client(); i < cluster.world().size(); ++i)
    sum
      += static_cast<version_client*>(cluster.world().at(i).program())->puts();
  return sum;
}

// All faults are over: everything comes to rest, and works. Clients go on, so
// files are compared in a moment in which nobody happens to write.
void come_to_rest(version_cluster& cluster) {
  auto& world = cluster.world();
  const auto end = world.now() + rest_at_most;
  world.run_for(5s);
  const auto before = operations(cluster);
  std::string complaints = "not asked";
  while (world.now() < end && !world.broken()) {
    world.run_for(19ms);
    complaints = cluster.complaints();
    if (complaints.empty() && operations(cluster) > before + 10)
      break;
  }
  if (world.broken())
    return;
  if (!complaints.empty())
    world.report("rest",
                 fmt::format("a minute after the last fault:{}", complaints));
  else if (operations(cluster) <= before + 10)
    world.report("rest", "clients cannot change files any more");
  world.check_now();
}

versions_run finish(version_cluster& cluster) {
  versions_run run;
  auto& world = cluster.world();
  if (!world.broken())
    if (auto why = cluster.judge())
      world.report("history", *why);
  run.events = world.events();
  for (const auto& x : cluster.past()) {
    const bool put = x.op == history::verb::write;
    run.puts += put && x.result == history::outcome::done ? 1 : 0;
    run.gets += put ? 0 : 1;
    run.unknown += x.result == history::outcome::unknown ? 1 : 0;
  }
  if (cluster.director() != nullptr)
    run.changes = cluster.director()->changes();
  if (world.broken()) {
    std::vector<node_index> about;
    for (node_index i = 0; i < world.size(); ++i)
      about.push_back(i);
    run.broken = world.story(about);
  }
  return run;
}

versions_run with_faults(const versions_options& options,
                         std::chrono::milliseconds between,
                         link_quality quality) {
  version_cluster cluster{options};
  auto& world = cluster.world();
  world.net().set_quality(quality);
  cluster.start_all();
  world.run_for(3s);
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

versions_run run_calm(const versions_options& options) {
  version_cluster cluster{options};
  cluster.start_all();
  cluster.world().run_for(8s);
  come_to_rest(cluster);
  return finish(cluster);
}

versions_run run_faults(const versions_options& options) {
  return with_faults(options, 1'500ms, {});
}

versions_run run_storm(const versions_options& options) {
  link_quality bad;
  bad.loss = percent(3);
  bad.duplicate = percent(2);
  bad.straggler = percent(3);
  bad.lateness = 3s;
  return with_faults(options, 1'000ms, bad);
}

versions_run run_sets(const versions_options& options) {
  version_cluster cluster{options};
  auto& world = cluster.world();
  link_quality bad;
  bad.loss = percent(1);
  bad.straggler = percent(1);
  bad.lateness = 1s;
  world.net().set_quality(bad);
  cluster.start_all();
  world.run_for(3s);
  trouble faults{cluster};
  for (int i = 0; i < 14 && !world.broken(); ++i) {
    faults.change();
    if (world.random().one_in(2))
      faults.strike();
    world.run_for(300ms + up_to(world.random(), 2s));
  }
  faults.end();
  world.net().set_quality(link_quality{});
  come_to_rest(cluster);
  return finish(cluster);
}

} // namespace

versions_options brisk_versions() {
  versions_options x;
  x.config.keep.trash_life = 300ms;
  x.config.stuck = 1'500ms;
  x.world.trace_depth = 0;
  return x;
}

const std::vector<versions_scenario>& version_scenarios() {
  static const std::vector<versions_scenario> all{
    {"calm", "nothing happens", run_calm},
    {"faults",
     "crashes, power cuts, pauses, one-way cuts, takeovers, changes of the set",
     run_faults},
    {"storm",
     "the same, closer together, over a network that loses, doubles and "
     "delays",
     run_storm},
    {"sets", "the set changes all the time, with faults in between", run_sets},
  };
  return all;
}

const versions_scenario* find_version_scenario(std::string_view name) {
  for (const auto& x : version_scenarios())
    if (x.name == name)
      return &x;
  return nullptr;
}

} // namespace dfs::sim
