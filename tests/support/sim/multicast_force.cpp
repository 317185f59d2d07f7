#include "support/sim/multicast_harm.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

// Too few servers are left, and an operator goes on with one of them. What only
// the others had goes, but never for nothing.

namespace dfs::sim {

using namespace std::chrono_literals;

namespace {

class overrides {
public:
  overrides(multicast_cluster& cluster, multicast_trouble& faults)
    : cluster_{cluster},
      faults_{faults} {
    // nop
  }

  void run() {
    faults_.wait(100ms, 1s);
    if (!cluster_.complaints_about_members().empty())
      return;
    const auto left = faults_.any();
    lose_the_others(left);
    faults_.wait(2s, 1s);
    if (running(left) && !serving())
      override_at(left);
    faults_.wait(1s, 4s);
    faults_.bring_back();
    if (world().random().one_in(2))
      world().net().heal();
    faults_.wait(2s, 3s);
  }

private:
  [[nodiscard]] sim::world& world() {
    return cluster_.world();
  }
  [[nodiscard]] core::multicast_machine& machine(node_index i) {
    return cluster_.server(i)->machine();
  }
  [[nodiscard]] bool running(node_index i) {
    return world().at(i).state() == node_state::running && cluster_.server(i);
  }

  [[nodiscard]] bool serving() {
    for (node_index i = 0; i < cluster_.options().servers; ++i)
      if (running(i) && machine(i).serving())
        return true;
    return false;
  }

  // One after another, at any moment of the changes that this brings about: so
  // whoever is left may know of configurations that its log does not follow.
  void lose_the_others(node_index left) {
    auto& random = world().random();
    const auto n = cluster_.options().servers;
    for (node_index step = 1; step < n; ++step) {
      const auto i = (left + step) % n;
      if (random.one_in(3)) {
        faults_.cut(left, i, faults_.up_to(1s));
        faults_.wait(0ms, 1s);
      }
      faults_.crash(i, 14s, random.one_in(2));
      faults_.wait(0ms, random.one_in(2) ? 20ms : 1'500ms);
    }
    // Of the one that has the vote alone nobody can do without the disk.
    const bool alone
      = cluster_.options().config.rule == core::primary_rule::highest_id
        && left + 1 == n;
    if (!alone && random.one_in(4))
      faults_.empty(left, 10ms);
  }

  void override_at(node_index i) {
    const bool blank = machine(i).status().blank;
    const auto had = machine(i).position().k;
    world().act(i, [this, i] { cluster_.server(i)->force(false); });
    for (const auto end = world().now() + 3s;
         world().now() < end && !serving() && !world().broken();)
      world().run_for(20ms);
    if (blank && serving())
      world().report("M10", fmt::format("node {} has nothing, and is the "
                                        "primary by an operator's order",
                                        i));
    if (!blank && !serving())
      world().report("M10", fmt::format("an operator's order at node {} comes "
                                        "to nothing",
                                        i));
    if (!blank && running(i) && machine(i).position().k < had)
      world().report("M10", fmt::format("node {} had {}", i, had));
  }

  multicast_cluster& cluster_;
  multicast_trouble& faults_;
};

} // namespace

multicast_run run_force(const multicast_options& usual) {
  auto options = usual;
  options.overrides = true;
  options.config.retained = 200;
  options.config.unstable = 100;
  options.config.fit_lag = 50;
  return under(options, {}, 30s, [](auto& cluster, auto& faults) {
    overrides{cluster, faults}.run();
  });
}

} // namespace dfs::sim
