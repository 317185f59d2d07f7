#include "support/sim/versions_scenarios.hpp"

#include "core/versions/group_placement.hpp"
#include "core/versions/quorum.hpp"
#include "support/sim/versions_course.hpp"
#include "support/sim/versions_master.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dfs::sim {

using namespace std::chrono_literals;

namespace {

constexpr auto moved_within = 120s;
constexpr node_index joining = 3;

const auto master = version_cluster::master_node();

versions_run run_calm(const versions_options& options) {
  return under(options, {}, [](auto&, auto& faults) { faults.wait(8s, 0s); });
}

versions_run run_faults(const versions_options& options) {
  return under(options, {}, [](auto&, auto& faults) {
    faults.strike();
    faults.wait(375ms, 2'250ms);
  });
}

versions_run run_storm(const versions_options& options) {
  return under(options, bad_network(), [](auto&, auto& faults) {
    faults.strike();
    faults.wait(250ms, 1'500ms);
  });
}

// Servers die, one after another, so their groups get others; the master dies
// in between, and comes back with another N, W, R.
versions_run run_sets(const versions_options& options) {
  const auto usual = options.directory.rules.at(0);
  const auto other = core::default_quorum(usual.copies == 3 ? 5 : 3);
  return under(options, poor_network(), [&](auto& cluster, auto& faults) {
    auto& random = cluster.world().random();
    faults.crash(faults.any_server(), 200ms + faults.up_to(3s),
                 random.one_in(3));
    if (random.one_in(3)) {
      faults.wait(0s, 20ms); // Within the change that this begins.
      if (random.one_in(2) && other.copies <= options.servers)
        cluster.set_rule(random.one_in(2) ? usual : other);
      faults.crash(master, 20ms + faults.up_to(500ms), false);
    }
    if (random.one_in(4))
      faults.strike();
    faults.wait(300ms, 2s);
  });
}

// Quiet for long enough that leads and groups move; harm while they do.
versions_run run_balance(const versions_options& usual) {
  auto options = usual;
  options.directory.groups
    = std::max<std::uint64_t>(options.directory.groups, 6);
  return under(options, {}, [](auto& cluster, auto& faults) {
    auto& random = cluster.world().random();
    faults.crash(faults.any_server(), 3s, false);
    faults.wait(8s, 2s);
    for (int i = 0; i < 4; ++i) {
      if (random.one_in(2))
        faults.pause(faults.any_primary(), faults.up_to(500ms));
      else
        faults.crash(master, 10ms + faults.up_to(100ms), false);
      faults.wait(0s, 700ms);
    }
  });
}

/// Each group is at the servers that have the best right to it.
bool in_place(version_cluster& cluster) {
  std::vector<core::placement_candidate> all;
  for (node_index i = 1; i <= cluster.options().servers; ++i)
    all.push_back({version_cluster::store_of(i), {}});
  const auto& groups = cluster.master()->machine().groups();
  return std::ranges::all_of(groups, [&](const auto& x) {
    const auto& set = x.second.in_force;
    const auto best = core::choose_group_servers(x.first, all, set.rule.copies);
    return !best.empty() && std::ranges::all_of(best, [&](store_id store) {
      return core::of_set(set, store);
    });
  });
}

// Servers join while others serve, and fail in the middle of it. Afterwards
// groups move to them, though clients never stop.
versions_run run_moves(const versions_options& usual) {
  auto options = usual;
  options.servers = usual.directory.rules.at(0).copies + joining;
  options.content_time = 5ms;
  version_cluster cluster{options};
  auto& world = cluster.world();
  const node_index first = options.servers - joining + 1;
  const auto joins
    = [&](node_index i) { return i >= first && i <= options.servers; };
  for (node_index i = 0; i < world.size(); ++i)
    if (!joins(i))
      cluster.start(i);
  world.run_for(3s);
  world.net().set_quality(poor_network());
  version_trouble faults{cluster};
  for (auto i = first; i <= options.servers; ++i)
    cluster.start(i);
  auto& random = world.random();
  for (const auto end = world.now() + 20s; world.now() < end;) {
    const auto newcomer
      = first + static_cast<node_index>(random.below(joining));
    if (random.one_in(2))
      faults.crash(newcomer, 100ms + faults.up_to(3s), random.one_in(3));
    else if (random.one_in(2))
      faults.pause(newcomer, faults.up_to(3s));
    else
      faults.crash(random.one_in(2) ? master : faults.any_server(),
                   50ms + faults.up_to(1s), false);
    faults.wait(1s, 9s);
  }
  faults.end();
  world.net().set_quality(link_quality{});
  const auto moved
    = [&] { return cluster.master() != nullptr && in_place(cluster); };
  if (!world.run_until(moved, world.now() + moved_within) && !world.broken())
    world.report("moves", fmt::format("V6: a group does not move:{}",
                                      cluster.complaints()));
  come_to_rest(cluster);
  return finish(cluster);
}

// Everybody is cut off from everybody until all are declared failed.
versions_run run_split(const versions_options& options) {
  return under(options, {}, [](auto& cluster, auto& faults) {
    auto& random = cluster.world().random();
    const auto& times = cluster.options().directory;
    const auto enough = times.silent_after + times.repair_delay + 1s;
    if (random.one_in(3)) {
      faults.shatter(enough);
    } else {
      // In two parts; the master in one of them, or alone.
      std::vector<std::vector<node_index>> sides(random.one_in(2) ? 3 : 2);
      sides[0].push_back(master);
      for (node_index i = 1; i < cluster.world().size(); ++i)
        sides[sides.size() == 3 ? 1 + random.below(2) : random.below(2)]
          .push_back(i);
      cluster.world().net().split(sides);
    }
    if (random.one_in(3))
      faults.crash(master, faults.up_to(2s), false);
    faults.wait(enough, 1s);
    cluster.world().net().heal();
    faults.wait(500ms, 4s);
  });
}

// The power of all servers goes at one moment, again and again.
versions_run run_power(const versions_options& options) {
  return under(options, poor_network(), [](auto& cluster, auto& faults) {
    auto& random = cluster.world().random();
    faults.crash_all(random.one_in(2) ? 5s : 300ms, true);
    if (random.one_in(2))
      faults.crash(master, faults.up_to(5s), true);
    faults.wait(1s, 6s);
  });
}

// Primaries stand still and wake up when others have taken their place.
versions_run run_paused(const versions_options& options) {
  return under(options, poor_network(), [](auto& cluster, auto& faults) {
    faults.pause(faults.any_primary(), 200ms + faults.up_to(5s));
    if (cluster.world().random().one_in(4))
      faults.pause(master, 200ms + faults.up_to(3s));
    faults.wait(100ms, 1'500ms);
  });
}

// Whatever is deleted is purged, while notes of later puts are on their way.
versions_run run_purges(const versions_options& usual) {
  auto options = usual;
  options.purges = true;
  options.config.keep.trash_life = 1h;
  return under(options, poor_network(), [](auto& cluster, auto& faults) {
    if (cluster.world().random().one_in(2))
      faults.crash(faults.any_primary(), 50ms + faults.up_to(2s), false);
    else
      faults.strike();
    faults.wait(300ms, 3s);
  });
}

// The same, and the master goes back to before names were freed, or to some
// moment: groups have forgotten what names show. Clients stop soon after the
// last time, so no later put hides what the lists show then.
versions_run run_regained(const versions_options& usual) {
  auto options = usual;
  options.purges = true;
  options.files = 8;
  options.config.keep.trash_life = 1h;
  version_cluster cluster{options};
  auto& world = cluster.world();
  world.net().set_quality(poor_network());
  cluster.start_all();
  world.run_for(3s);
  version_trouble faults{cluster};
  std::vector<master_disk> backups{cluster.metadata()};
  for (auto rounds = 2 + world.random().below(4); rounds > 0; --rounds) {
    if (world.random().one_in(2))
      faults.strike();
    faults.wait(500ms, 2s);
    cluster.start(master);
    faults.wait(500ms, 500ms);
    cluster.crash(master, false);
    const auto which = world.random().below(2 * backups.size());
    cluster.regain_names(which < backups.size() ? &backups[which] : nullptr);
    if (which < backups.size()) // Later ones are of a branch that is over.
      backups.resize(which + 1);
    backups.push_back(cluster.metadata());
    faults.wait(10ms, 500ms);
    cluster.start(master);
    faults.wait(50ms, 500ms);
  }
  cluster.rest();
  faults.end();
  world.net().set_quality(link_quality{});
  for (int i = 0; i < 20; ++i) { // Puts end, groups tell what they have.
    world.run_for(500ms);
    if (i > 10 && idle(cluster))
      cluster.purge_forgotten_names();
  }
  come_to_rest(cluster);
  return finish(cluster);
}

// Who hears is not heard.
versions_run run_one_way(const versions_options& options) {
  return under(options, {}, [](auto& cluster, auto& faults) {
    const auto i = cluster.world().random().one_in(2) ? faults.any_primary()
                                                      : faults.any_server();
    const auto lasts = 200ms + faults.up_to(6s);
    switch (cluster.world().random().below(5)) {
      case 0:
        faults.mute(i, lasts);
        break;
      case 1:
        faults.cut_one_way(i, master, lasts);
        break;
      case 2:
        faults.cut_one_way(master, i, lasts);
        break;
      case 3:
        faults.cut_one_way(i, faults.other(i), lasts);
        break;
      default:
        faults.cut_one_way(faults.any_client(), i, lasts);
        faults.cut_one_way(i, faults.any_client(), lasts);
        break;
    }
    faults.wait(100ms, 2s);
  });
}

/// A cluster over a poor network that has got going.
class poor_cluster {
public:
  poor_cluster(const versions_options& options, std::uint32_t files,
               std::chrono::nanoseconds time)
    : cluster{with(options, files)} {
    cluster.world().net().set_quality(poor_network());
    cluster.start_all();
    cluster.world().run_for(time);
  }

  /// Faults, or none.
  void suffer(std::chrono::nanoseconds apart) {
    for (auto rounds = cluster.world().random().below(3); rounds > 0;
         --rounds) {
      faults.strike();
      faults.wait(100ms, apart);
    }
  }

  versions_run end() {
    faults.end();
    cluster.world().net().set_quality(link_quality{});
    come_to_rest(cluster);
    return finish(cluster);
  }

  version_cluster cluster;
  version_trouble faults{cluster};

private:
  static versions_options with(versions_options x, std::uint32_t files) {
    x.files = files;
    return x;
  }
};

// Clients stop where they are, and what they did last is nobody's business any
// more but the lists': no later put mends them. Then the harm begins.
versions_run run_lists(const versions_options& options) {
  poor_cluster run{options, 12, 3s};
  auto& cluster = run.cluster;
  auto& faults = run.faults;
  auto& world = cluster.world();
  run.suffer(3s);
  faults.wait(200ms, 2s);
  cluster.rest();
  faults.wait(0s, 300ms);
  for (auto rounds = 1 + world.random().below(4); rounds > 0; --rounds) {
    if (world.random().one_in(2))
      faults.crash(master, 50ms + faults.up_to(1s), false);
    else if (world.random().one_in(2))
      faults.crash(faults.any_primary(), 50ms + faults.up_to(3s), false);
    else
      faults.strike();
    faults.wait(0s, 1'500ms);
  }
  return run.end();
}

// The master loses what it knows of groups, and finds it by asking.
versions_run run_rebuild(const versions_options& options) {
  return under(options, poor_network(), [](auto& cluster, auto& faults) {
    auto& world = cluster.world();
    faults.strike();
    faults.wait(0s, 3s);
    cluster.crash(master, false);
    cluster.lose_directory();
    faults.end();
    faults.wait(3s, 1s); // All servers register, and tell of all they have.
    world.act(master, [&] { cluster.master()->rebuild(); });
    faults.wait(5s, 4s);
  });
}

// The master's names go back to a backup: what was put since is found by what
// the groups tell, whoever leads them. Clients have stopped by then: that names
// are gone is no fault.
versions_run run_restore(const versions_options& options) {
  poor_cluster run{options, 12, 1s};
  auto& cluster = run.cluster;
  auto& faults = run.faults;
  auto& world = cluster.world();
  faults.wait(0s, 4s);
  const auto backup = cluster.metadata();
  run.suffer(2s);
  faults.wait(3s, 3s);
  faults.end();
  cluster.rest();
  if (!world.run_until([&] { return idle(cluster); }, world.now() + 20s)
      && !world.broken())
    world.report("restore", "clients are not done: nothing was restored");
  cluster.crash(master, false);
  cluster.restore_names(backup);
  faults.wait(0s, 500ms);
  cluster.start(master);
  for (auto rounds = world.random().below(4); rounds > 0; --rounds) {
    faults.wait(0s, 1'500ms);
    if (world.random().one_in(2))
      faults.crash(faults.any_primary(), 50ms + faults.up_to(2s), false);
    else if (world.random().one_in(2))
      faults.crash(master, 50ms + faults.up_to(1s), false);
    else
      faults.strike();
  }
  faults.wait(0s, 3s);
  return run.end();
}

/// All that it had is there again, or others have it.
bool counts_again(version_cluster& cluster, node_index i) {
  const auto store = version_cluster::store_of(i);
  const auto& machine = cluster.master()->machine();
  const auto& server = machine.servers().at(store);
  return !server.row.failed && !server.age.went_back && server.all_told
         && std::ranges::all_of(machine.groups(), [&](const auto& group) {
              return machine.whole(group.second);
            });
}

// The disk of a server goes back to what it was some seconds before, one server
// after another, while others crash.
versions_run run_rollback(const versions_options& options) {
  return under(options, {}, [](auto& cluster, auto& faults) {
    auto& world = cluster.world();
    const auto who = faults.any_server();
    auto older = cluster.disk(who);
    older.writes = {};
    faults.wait(3s, 3s);
    if (world.at(who).state() != node_state::running)
      return;
    if (world.random().one_in(3))
      faults.crash(faults.other(who), 100ms + faults.up_to(1s), false);
    cluster.crash(who, true);
    faults.wait(0s, 2s);
    cluster.disk(who) = older;
    if (world.random().one_in(3)) // Nobody can say yet that it is older.
      faults.crash(master, 500ms + faults.up_to(2s), false);
    if (world.at(who).state() == node_state::down)
      world.start(who);
    faults.wait(0s, 1s);
    if (world.random().one_in(4))
      faults.crash(master, 50ms + faults.up_to(500ms), false);
    // As after any loss of a copy: the next one only when this one is mended.
    const auto mended = [&] {
      return cluster.master() != nullptr && counts_again(cluster, who);
    };
    if (!world.run_until(mended, world.now() + 20s) && !world.broken())
      world.report("rollback", fmt::format("node {} does not count again:{}",
                                           who, cluster.complaints()));
  });
}

// Each put is a command of its own, and others ask what became of it, soon or
// long after its file has forgotten it. Sets change, or nothing is forgotten.
versions_run run_memory(const versions_options& usual) {
  auto options = usual;
  options.files = 1;
  options.askers = 2;
  options.commands = true;
  options.remembers = options.world.seed % 3 != 0;
  if (options.remembers) {
    options.servers = options.directory.rules.at(0).copies;
    options.directory.repair_delay = 1h;
  }
  return under(options, poor_network(), [](auto& cluster, auto& faults) {
    auto& random = cluster.world().random();
    if (random.one_in(2))
      faults.crash(faults.any_primary(), 50ms + faults.up_to(2s),
                   random.one_in(3));
    else
      faults.strike();
    faults.wait(500ms, 3s);
  });
}

} // namespace

versions_options brisk_versions() {
  versions_options x;
  x.config.keep.trash_life = 300ms;
  x.config.stuck = 1'500ms;
  x.directory.rules[0] = {3, 2, 2};
  x.directory.groups = 2;
  x.directory.heartbeat = 250ms;
  x.directory.silent_after = 1'000ms;
  x.directory.repair_delay = 1'500ms;
  x.directory.repair_parallel = 2;
  x.world.trace_depth = 0;
  return x;
}

const std::vector<versions_scenario>& version_scenarios() {
  static const std::vector<versions_scenario> all{
    {"calm", "nothing happens", run_calm},
    {"faults",
     "crashes, power cuts, pauses, one-way cuts, of servers and the master",
     run_faults},
    {"storm",
     "the same, closer together, over a network that loses, doubles and "
     "delays",
     run_storm},
    {"sets", "sets and their rule change all the time", run_sets},
    {"balance", "leads and groups move, with harm while they do", run_balance},
    {"moves", "groups move to servers that join, under puts that never stop",
     run_moves},
    {"split", "the network falls apart until all are declared failed",
     run_split},
    {"power", "the power of all servers goes, again and again", run_power},
    {"paused", "primaries stand still, and wake up too late", run_paused},
    {"one-way", "who hears is not heard", run_one_way},
    {"lists",
     "the last puts, and then harm to whoever tells the master of them",
     run_lists},
    {"memory",
     "commands that put, and others that ask what became of each of them",
     run_memory},
    {"purges", "deleted files are purged, under puts to them", run_purges},
    {"regained", "the same, and the master's metadata go back to before that",
     run_regained},
    {"rebuild", "the master loses its rows and asks the servers", run_rebuild},
    {"restore", "the master's names go back to a backup", run_restore},
    {"rollback", "the disk of a server goes back to an older state",
     run_rollback},
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
