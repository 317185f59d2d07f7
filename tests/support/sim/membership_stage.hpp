#pragma once

#include "support/sim/membership_scenarios.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dfs::sim {

/// A formed group, its measurements, and the words for what goes wrong.
struct stage {
  explicit stage(const scenario_options& options)
    : group{options.group},
      formed{options.formed} {
    // nop
  }

  bool form() {
    // Then a while of peace, ending at no particular phase of any probe.
    return group.form() && (!formed || formed(world()))
           && world().run_for(
             std::chrono::seconds{3}
             + up_to(world().random(), std::chrono::seconds{1}));
  }

  sim::world& world() {
    return group.world();
  }

  void measure(std::string_view name, double value) {
    run.measured.push_back({name, value});
  }

  bool breach(std::string_view promise, std::string what) {
    world().report(promise, std::move(what));
    return false;
  }

  node_index any(const std::vector<node_index>& xs) {
    return xs[world().random().below(xs.size())];
  }

  scenario_run finish() {
    if (world().broken())
      run.broken = world().story();
    run.events = world().events();
    return std::move(run);
  }

  membership group;
  std::function<bool(sim::world&)> formed;
  scenario_run run;
};

} // namespace dfs::sim
