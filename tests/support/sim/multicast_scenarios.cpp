#include "support/sim/multicast_scenarios.hpp"

#include "support/sim/multicast_harm.hpp"
#include "support/sim/rest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace dfs::sim {

using namespace std::chrono_literals;

namespace {

constexpr auto rest_at_most = 40s;

link_quality lossy(std::uint32_t loss) {
  link_quality bad;
  bad.loss = percent(loss);
  bad.duplicate = percent(5);
  bad.straggler = percent(2);
  bad.lateness = 300ms;
  return bad;
}

// Who is there and heard is not left out, whatever is lost.
void nobody_is_left_out(multicast_cluster& cluster) {
  const auto count = cluster.witness().configurations();
  if (count != 1)
    cluster.world().report(
      "members", fmt::format("{} configurations, and nobody was away", count));
}

multicast_run run_calm(const multicast_options& options) {
  return under(options, {}, 2s, [](auto& cluster, auto& faults) {
    faults.wait(500ms, 0s);
    nobody_is_left_out(cluster);
  });
}

multicast_run run_loss(const multicast_options& options) {
  return under(options, lossy(30), 12s, [](auto& cluster, auto& faults) {
    faults.wait(500ms, 0s);
    nobody_is_left_out(cluster);
  });
}

multicast_run run_faults(const multicast_options& options) {
  return under(options, {}, 8s, [](auto&, auto& faults) {
    faults.strike();
    faults.wait(100ms, 1'500ms);
  });
}

multicast_run run_storm(const multicast_options& options) {
  return under(options, lossy(10), 8s, [](auto&, auto& faults) {
    faults.strike();
    faults.wait(50ms, 1'000ms);
  });
}

multicast_run run_one_way(const multicast_options& options) {
  return under(options, {}, 8s, [](auto& cluster, auto& faults) {
    const auto i = faults.any();
    if (cluster.world().random().one_in(4))
      faults.mute(i, 200ms + faults.up_to(3s));
    else
      faults.cut_one_way(i, faults.other(i), 200ms + faults.up_to(3s));
    faults.wait(50ms, 1'500ms);
  });
}

multicast_run run_flapping(const multicast_options& options) {
  return under(options, lossy(5), 8s, [](auto&, auto& faults) {
    faults.flap(faults.any(), 3s);
    faults.wait(200ms, 2s);
  });
}

multicast_run run_split(const multicast_options& options) {
  return under(options, {}, 10s, [](auto& cluster, auto& faults) {
    auto& random = cluster.world().random();
    faults.split(2 + random.below(2), 500ms + faults.up_to(2s));
    if (random.one_in(3))
      faults.crash(faults.any(), faults.up_to(2s), random.one_in(2));
    faults.wait(300ms, 2'500ms);
  });
}

// Processes die at a message or write of a change, and the network falls apart
// while they are gone: what is left of an attempt meets others.
multicast_run run_stages(const multicast_options& options) {
  return under(options, {}, 12s, [](auto& cluster, auto& faults) {
    auto& random = cluster.world().random();
    const auto deaths = 1 + random.below(2);
    for (std::uint64_t i = 0; i < deaths; ++i)
      faults.doom(faults.any(), deaths_in_changes(), 3, 3s);
    switch (random.below(3)) {
      case 0:
        faults.crash(faults.any(), 50ms + faults.up_to(1s), random.one_in(2));
        break;
      case 1:
        faults.split(2 + random.below(2), 300ms + faults.up_to(1'500ms));
        break;
      default:
        faults.flap(faults.any(), 1s);
        break;
    }
    faults.wait(100ms, 1'200ms);
  });
}

// One side has just installed a configuration when one of its members is torn
// away from it, before it hears so, and meets those of the other side.
multicast_run run_halves(const multicast_options& options) {
  return under(options, {}, 12s, [](auto& cluster, auto& faults) {
    auto& world = cluster.world();
    auto& random = world.random();
    const auto n = cluster.options().servers;
    bool torn = false;
    cluster.on_install([&](node_index who, const auto& x) {
      if (torn || x.members.size() == n || x.members.size() < 2)
        return;
      torn = true;
      auto victim = who;
      while (victim == who)
        victim = multicast_cluster::node_of(
          x.members[random.below(x.members.size())].server);
      std::vector<std::vector<node_index>> sides(2);
      for (node_index i = 0; i < n; ++i)
        sides[i == victim || !core::index_of(x, cluster.server_of(i))]
          .push_back(i);
      world.net().split(sides);
      if (random.one_in(2))
        world.after(0ns, [&faults, victim, power = random.one_in(2)] {
          faults.crash(victim, 20ms, power);
        });
    });
    faults.split(2, 4s);
    faults.wait(3s, 1s);
    cluster.on_install({});
    world.net().heal();
    faults.wait(300ms, 1s);
  });
}

// A death at any message.
multicast_run run_messages(const multicast_options& options) {
  return under(options, lossy(2), 10s, [](auto&, auto& faults) {
    faults.doom(faults.any(), all_deaths(), 20, 2s);
    faults.wait(50ms, 1'000ms);
  });
}

multicast_run run_power(const multicast_options& options) {
  return under(options, lossy(2), 8s, [](auto& cluster, auto& faults) {
    faults.crash_all(cluster.world().random().one_in(2) ? 2s : 200ms, true);
    faults.wait(500ms, 3s);
  });
}

// Who comes back needs a whole state soon.
multicast_options keeping_little(multicast_options options) {
  options.config.retained = 200;
  options.config.unstable = 100;
  options.config.fit_lag = 50;
  return options;
}

// Gone for so long that the others have forgotten what it lacks.
multicast_run run_rejoin(const multicast_options& usual) {
  auto options = keeping_little(usual);
  options.pace = 4ms;
  return under(options, {}, 10s, [](auto& cluster, auto& faults) {
    const auto i = faults.any();
    if (cluster.world().random().one_in(2))
      faults.crash(i, 1s + faults.up_to(2s), false);
    else
      for (node_index j = 0; j < cluster.options().servers; ++j)
        if (i != j)
          faults.cut(i, j, 2s);
    faults.wait(1s, 4s);
  });
}

// Its state goes just as less than half have fallen behind, by less than the
// silence that would leave them out. It comes back among those: what they lack
// is safe, by the others alone. `lose` ends the server, and takes its state.
template <class Lose>
void lose_among_the_last(multicast_cluster& cluster, multicast_trouble& faults,
                         node_index i, Lose lose) {
  std::vector<node_index> ahead{i};
  std::vector<node_index> behind;
  const auto n = cluster.options().servers;
  for (auto j = (i + 1) % n; j != i; j = (j + 1) % n)
    (2 * ahead.size() > n ? behind : ahead).push_back(j);
  auto& net = cluster.world().net();
  net.split({ahead, behind});
  faults.wait(50ms, 400ms);
  lose(20ms + faults.up_to(500ms));
  ahead.erase(ahead.begin());
  behind.push_back(i);
  net.split({ahead, behind});
  faults.wait(1'500ms, 1s);
  net.heal();
}

// A server comes back with nothing, while all others stay.
multicast_run run_empty(const multicast_options& usual) {
  auto options = keeping_little(usual);
  return under(options, lossy(1), 12s, [](auto& cluster, auto& faults) {
    // Only when all have everything: else a quorum's disks may be gone.
    const bool whole = cluster.complaints_about_members().empty();
    auto& random = cluster.world().random();
    if (whole) {
      const auto i = faults.expendable();
      if (random.one_in(3)) {
        lose_among_the_last(cluster, faults, i,
                            [&](auto lasts) { faults.empty(i, lasts); });
        return;
      }
      faults.empty(i, 20ms + faults.up_to(1s));
      if (random.one_in(3))
        faults.pause(faults.other(i), faults.up_to(1s));
      else if (random.one_in(2))
        faults.split(2, 200ms + faults.up_to(2s));
    }
    faults.wait(100ms, 1s);
  });
}

// One after another; nobody if those who are left do not go on.
std::vector<node_index> leave_one_by_one(multicast_cluster& cluster,
                                         multicast_trouble& faults,
                                         std::uint64_t count) {
  std::vector<node_index> gone;
  while (gone.size() < count) {
    const auto i = faults.expendable();
    if (std::ranges::find(gone, i) != gone.end())
      continue;
    faults.crash(i, 20s, false);
    gone.push_back(i);
    faults.wait(2s, 500ms);
    for (node_index j = 0; j < cluster.options().servers; ++j)
      if (std::ranges::find(gone, j) == gone.end()
          && (!cluster.server(j) || !cluster.server(j)->machine().serving()))
        return {};
  }
  return gone;
}

// All begin with nothing, and the first changes fail. Then some are gone, at
// most until so many are left as go on alone. They come back together, without
// their disks, and the changes that take them in fail.
multicast_run run_new_disks(const multicast_options& usual) {
  auto options = keeping_little(usual);
  // So that a disk that hangs for a moment fails a change.
  options.config.attempt_patience_again = options.config.attempt_patience;
  bool begun = false;
  const auto harm = [&](auto& cluster, auto& faults) {
    auto& random = cluster.world().random();
    if (!std::exchange(begun, true))
      faults.fail_attempts(random.below(7), 6s);
    faults.wait(300ms, 300ms);
    const auto most
      = cluster.options().servers - cluster.options().config.min_quorum;
    if (!cluster.complaints_about_members().empty())
      return; // A quorum's disks may be gone.
    for (const auto i :
         leave_one_by_one(cluster, faults, 1 + random.below(most)))
      cluster.wipe(i);
    faults.bring_back();
    faults.fail_attempts(random.below(7), 6s);
  };
  return under(options, lossy(1), 14s, harm, 0ms);
}

// A disk is put back to what it was a while ago, while all others stay: in the
// same configuration, or in one that the copy does not know.
multicast_run run_older(const multicast_options& usual) {
  auto options = keeping_little(usual);
  return under(options, lossy(1), 14s, [](auto& cluster, auto& faults) {
    faults.wait(100ms, 500ms);
    // Only when all have everything: else a quorum's disks may be gone.
    const auto whole
      = [&] { return cluster.complaints_about_members().empty(); };
    if (!whole())
      return;
    auto& random = cluster.world().random();
    const auto i = faults.expendable();
    const auto older = cluster.disk(i);
    faults.wait(500ms, 500ms);
    if (random.one_in(2)) {
      faults.crash(i, 1s, random.one_in(2));
      faults.wait(3s, 500ms);
    }
    if (!whole())
      return;
    const auto lose = [&](auto lasts) { faults.put_back(i, older, lasts); };
    if (random.one_in(3))
      lose(20ms + faults.up_to(2s));
    else
      lose_among_the_last(cluster, faults, i, lose);
  });
}

// Memory mode: who restarts has nothing. Less than half at a time.
multicast_run run_memory(const multicast_options& usual) {
  auto options = usual;
  options.config.durable = false;
  return under(options, lossy(2), 10s, [](auto& cluster, auto& faults) {
    auto& random = cluster.world().random();
    const bool whole = cluster.complaints_about_members().empty();
    const auto i = faults.expendable();
    if (whole && random.one_in(2))
      faults.crash(i, 20ms + faults.up_to(1s), false);
    else if (random.one_in(2))
      faults.split(2 + random.below(2), 200ms + faults.up_to(2s));
    else if (random.one_in(2))
      faults.cut_one_way(i, faults.other(i), 200ms + faults.up_to(2s));
    else
      faults.pause(i, faults.up_to(2s));
    faults.wait(100ms, 1'500ms);
  });
}

/// How long nothing became safe for any sender, but for what is usual.
class standstill {
public:
  explicit standstill(multicast_cluster& cluster)
    : cluster_{cluster},
      since_{cluster.world().now()} {
    // nop
  }

  /// Often.
  void look() {
    const auto now = cluster_.world().now();
    const auto safe = cluster_.witness().promised();
    if (safe == safe_)
      return;
    if (now > since_ + usual_gap)
      lasted_ += now - since_;
    longest_ = std::max(longest_, now - since_);
    safe_ = safe;
    since_ = now;
  }
  [[nodiscard]] std::chrono::nanoseconds lasted() const {
    const auto open = cluster_.world().now() - since_;
    return lasted_ + (open > usual_gap ? open : 0ns);
  }
  /// At a time.
  [[nodiscard]] std::chrono::nanoseconds longest() const {
    return std::max(longest_, cluster_.world().now() - since_);
  }

private:
  static constexpr auto usual_gap = 700ms;

  multicast_cluster& cluster_;
  virtual_time since_;
  std::uint64_t safe_ = 0;
  std::chrono::nanoseconds lasted_{};
  std::chrono::nanoseconds longest_{};
};

// It is heard all the time. Few places may wait for it, so that they do soon;
// when it works again it is taken in.
multicast_run run_hung_disk(const multicast_options& usual) {
  auto options = usual;
  options.config.retained = 200;
  options.config.unstable = 60;
  options.config.fit_lag = 50;
  options.pace = 40ms;
  return under(options, {}, 75s, [](auto& cluster, auto& faults) {
    auto& world = cluster.world();
    faults.wait(100ms, 1s);
    faults.hang(faults.expendable(), 60s);
    standstill stop{cluster};
    for (const auto end = world.now() + 74s; world.now() < end;) {
      world.run_for(20ms);
      stop.look();
      // Of two there is no quorum without it.
      if (cluster.options().servers > 2 && stop.lasted() > 3s)
        world.report("M9", fmt::format("one disk hangs, and nothing was safe "
                                       "for {} ms in all",
                                       stop.lasted() / 1ms));
      if (world.broken())
        return;
    }
    const auto left_out = cluster.complaints_about_members();
    if (!left_out.empty())
      world.report("M9", "14 s after the disk worked again:" + left_out);
  });
}

// Less than half of the disks take 600 ms for each sync, for good: longer than
// a leader waits at first. Others are away for a while, one after another, so
// that there are changes, and those with slow disks may be needed for them:
// each takes four syncs at most, and whoever comes back may interrupt the first
// one.
multicast_run run_slow_disks(const multicast_options& usual) {
  auto options = usual;
  options.pace = 20ms;
  return under(options, {}, 45s, [](auto& cluster, auto& faults) {
    auto& world = cluster.world();
    const auto n = cluster.options().servers;
    std::set<node_index> slow;
    while (slow.size() < std::max<node_index>(1, (n - 1) / 2))
      slow.insert(faults.any());
    for (const auto i : slow)
      cluster.disk(i).slow = 600ms;
    standstill stop{cluster};
    for (const auto end = world.now() + 44s; world.now() < end;) {
      const auto i = faults.any();
      if (!slow.contains(i))
        faults.crash(i, 1s + faults.up_to(2s), world.random().one_in(2));
      for (const auto next = world.now() + 11s; world.now() < next;) {
        world.run_for(20ms);
        stop.look();
        if (stop.longest() > 8s)
          world.report("M11", fmt::format("disks are slow, and nothing was "
                                          "safe for {} ms",
                                          stop.longest() / 1ms));
        if (world.broken())
          return;
      }
    }
    for (const auto i : slow)
      cluster.disk(i).slow = 0ns;
  });
}

multicast_run run_wrap(const multicast_options& usual) {
  auto options = usual;
  options.config.first_place = (std::uint64_t{1} << 32) - 50;
  return under(options, lossy(2), 4s, [](auto&, auto& faults) {
    faults.crash(faults.any(), 50ms + faults.up_to(1s), true);
    faults.wait(500ms, 1s);
  });
}

} // namespace

multicast_run multicast_result(multicast_cluster& cluster) {
  multicast_run run;
  auto& world = cluster.world();
  run.events = world.events();
  run.sent = cluster.witness().submitted();
  run.safe = cluster.witness().promised();
  run.configurations = cluster.witness().configurations();
  run.snapshots = cluster.witness().snapshots();
  run.discarded = cluster.witness().discarded();
  if (world.broken()) {
    std::vector<node_index> about;
    for (node_index i = 0; i < world.size(); ++i)
      about.push_back(i);
    run.broken = world.story(about);
  }
  return run;
}

void come_to_rest(multicast_cluster& cluster) {
  auto& world = cluster.world();
  const auto before = cluster.witness().promised();
  const auto works = [&] {
    return cluster.resting() || cluster.witness().promised() > before + 20;
  };
  if (rests(
        cluster, rest_at_most, works, [] { return true; },
        "nothing becomes safe any more"))
    world.check_now();
}

const std::vector<multicast_scenario>& multicast_scenarios() {
  static const std::vector<multicast_scenario> all{
    {"calm", "nothing happens", run_calm},
    {"loss", "30 % of packets are lost, others doubled or late", run_loss},
    {"faults", "crashes, power cuts, pauses, cuts, splits, flapping",
     run_faults},
    {"storm", "the same, closer together, over a bad network", run_storm},
    {"one-way", "who hears is not heard", run_one_way},
    {"flapping", "links that come and go", run_flapping},
    {"split", "two or three sides, again and again", run_split},
    {"stages", "deaths in each stage of a change, while the network splits",
     run_stages},
    {"halves", "a member is torn away while a configuration is installed",
     run_halves},
    {"successions", "whoever installs a configuration first is torn away",
     run_successions},
    {"messages", "a death at any message or write", run_messages},
    {"power", "the power of all servers goes", run_power},
    {"rejoin", "servers that were gone for long", run_rejoin},
    {"empty", "servers that come back without their disk", run_empty},
    {"new-disks", "several new disks at once, and logs that are slow",
     run_new_disks},
    {"older", "servers of which an older copy of the disk is put back",
     run_older},
    {"memory", "memory mode: who restarts has nothing", run_memory},
    {"hung-disk", "a disk hangs for a minute, and its server is heard",
     run_hung_disk},
    {"slow-disks", "less than half of the disks take 600 ms for each sync",
     run_slow_disks},
    {"settings", "servers restart with another rule, one after another",
     run_settings},
    {"force", "too few are left, and an operator goes on with one of them",
     run_force},
    {"wrap", "places beyond 2^32", run_wrap},
  };
  return all;
}

const multicast_scenario* find_multicast_scenario(std::string_view name) {
  for (const auto& x : multicast_scenarios())
    if (x.name == name)
      return &x;
  return nullptr;
}

} // namespace dfs::sim
