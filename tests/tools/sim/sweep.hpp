#pragma once

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

// Many runs of one scenario, a seed each: what the commands have in common.

namespace dfs::sim {

struct sweep {
  std::string scenario = "faults";
  std::uint64_t seeds = 100;
  std::uint64_t first_seed = 1;
  std::vector<std::string> mutants;
  std::size_t trace = 0;
  bool all = false;
};

/// `--list` prints the names, for tools/sweep.py, and ends the program.
inline void add_list_option(CLI::App& command, std::vector<std::string> names) {
  command.add_flag_callback(
    "--list",
    [names = std::move(names)] {
      for (const auto& x : names)
        fmt::print("{}\n", x);
      throw CLI::Success{};
    },
    "The names of all scenarios, and no run");
}

/// @param scenarios With `name` and `help`. @param bugs With `name` and `what`.
template <class Scenarios, class Mutants>
void add_sweep_options(CLI::App& command, sweep& s, const Scenarios& scenarios,
                       const Mutants& bugs) {
  std::vector<std::string> names;
  std::string help = "What happens:";
  for (const auto& x : scenarios) {
    names.emplace_back(x.name);
    help += fmt::format("\n  {}: {}", x.name, x.help);
  }
  std::vector<std::string> mutants;
  std::string planted = "A planted bug; repeatable:";
  for (const auto& x : bugs) {
    mutants.emplace_back(x.name);
    planted += fmt::format("\n  {}: {}", x.name, x.what);
  }
  command.add_option("--scenario", s.scenario, help)
    ->capture_default_str()
    ->check(CLI::IsMember(names));
  command.add_option("--seeds", s.seeds, "Runs")->capture_default_str();
  command.add_option("--seed", s.first_seed, "Of the first run")
    ->capture_default_str();
  command.add_option("--mutant", s.mutants, planted)
    ->check(CLI::IsMember(mutants));
  command.add_option("--trace", s.trace, "Events kept per node")
    ->capture_default_str();
  command.add_flag("--all", s.all, "Go on after a broken run");
  add_list_option(command, std::move(names));
}

/// What repeats one run, after `command`, which says all but this.
inline std::string
replay_line(const sweep& s, std::string command, std::uint64_t seed) {
  command += fmt::format(" --scenario {} --seeds 1 --seed {} --trace 60",
                         s.scenario, seed);
  for (const auto& x : s.mutants)
    command += " --mutant " + x;
  return command;
}

/// For the world of one run.
template <class World>
void set_world(World& world, const sweep& s, const std::string& command,
               std::uint64_t seed) {
  world.seed = seed;
  world.trace_depth = s.trace;
  world.mutants.insert(s.mutants.begin(), s.mutants.end());
  world.replay = replay_line(s, command, seed);
}

struct sweep_sum {
  std::uint64_t broken = 0;
  std::uint64_t events = 0;
  std::uint64_t last_seed = 0;
  double events_per_second = 0;

  /// "seeds 1..100: 0 broken; 12345 events (678/s)".
  [[nodiscard]] std::string text(const sweep& s) const {
    return fmt::format("seeds {}..{}: {} broken; {} events ({:.0f}/s)",
                       s.first_seed, last_seed, broken, events,
                       events_per_second);
  }
};

/// Runs until a promise is broken, or, with `all`, to the end.
/// @param run Of a seed; its result has `broken` and `events`.
template <class Run>
sweep_sum run_all(const sweep& s, Run run) {
  sweep_sum sum;
  const auto began = std::chrono::steady_clock::now();
  for (auto seed = s.first_seed; seed < s.first_seed + s.seeds; ++seed) {
    const auto x = run(seed);
    sum.last_seed = seed;
    sum.events += x.events;
    if (!x.broken)
      continue;
    ++sum.broken;
    fmt::print(stderr, "{}", *x.broken);
    if (!s.all)
      break;
  }
  const std::chrono::duration<double> took
    = std::chrono::steady_clock::now() - began;
  sum.events_per_second
    = static_cast<double>(sum.events) / std::max(took.count(), 1e-9);
  return sum;
}

} // namespace dfs::sim
