#include "versions.hpp"

#include "core/versions/quorum.hpp"
#include "support/sim/versions_mutants.hpp"
#include "support/sim/versions_scenarios.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace dfs::sim {

namespace {

struct settings {
  std::string scenario = "faults";
  std::uint32_t copies = 3;
  std::uint32_t write = 0;
  std::uint32_t read = 0;
  std::uint32_t servers = 0;
  std::uint32_t clients = 3;
  std::uint32_t files = 3;
  std::uint64_t seeds = 100;
  std::uint64_t first_seed = 1;
  std::vector<std::string> mutants;
  std::size_t trace = 0;
  bool all = false;
};

msg::quorum_rule rule_of(const settings& s) {
  auto rule = core::default_quorum(static_cast<std::uint8_t>(s.copies));
  if (s.write != 0)
    rule.write = static_cast<std::uint8_t>(s.write);
  if (s.read != 0)
    rule.read = static_cast<std::uint8_t>(s.read);
  return rule;
}

std::string replay_line(const settings& s, std::uint64_t seed) {
  const auto rule = rule_of(s);
  auto line = fmt::format(
    "./dev sim versions --scenario {} --copies {} --write {} --read {} "
    "--servers {} --clients {} --files {} --seeds 1 --seed {} --trace 60",
    s.scenario, rule.copies, rule.write, rule.read, s.servers, s.clients,
    s.files, seed);
  for (const auto& x : s.mutants)
    line += " --mutant " + x;
  return line;
}

versions_options options_of(const settings& s, std::uint64_t seed) {
  auto x = brisk_versions();
  x.rule = rule_of(s);
  x.servers = s.servers == 0 ? s.copies + 2 : s.servers;
  x.clients = s.clients;
  x.files = s.files;
  x.world.seed = seed;
  x.world.trace_depth = s.trace;
  x.world.mutants.insert(s.mutants.begin(), s.mutants.end());
  x.world.replay = replay_line(s, seed);
  return x;
}

int run(const settings& s) {
  const auto rule = rule_of(s);
  if (const auto good = core::check_quorum(rule); !good) {
    fmt::print(stderr, "dfs-sim: {}\n", good.error().context);
    return 2;
  }
  if (s.servers != 0 && s.servers < s.copies) {
    fmt::print(stderr, "dfs-sim: {} copies need as many servers\n", s.copies);
    return 2;
  }
  const auto* chosen = find_version_scenario(s.scenario);
  versions_run sum;
  std::uint64_t broken = 0;
  const auto began = std::chrono::steady_clock::now();
  auto seed = s.first_seed;
  for (; seed < s.first_seed + s.seeds; ++seed) {
    const auto x = chosen->run(options_of(s, seed));
    sum.events += x.events;
    sum.puts += x.puts;
    sum.gets += x.gets;
    sum.unknown += x.unknown;
    sum.changes += x.changes;
    if (!x.broken)
      continue;
    ++broken;
    fmt::print(stderr, "{}", *x.broken);
    if (!s.all)
      break;
  }
  const std::chrono::duration<double> took
    = std::chrono::steady_clock::now() - began;
  fmt::print("versions {}: N{}W{}R{}, seeds {}..{}: {} broken; {} events "
             "({:.0f}/s), {} puts, {} gets, {} unknown, {} sets\n",
             s.scenario, rule.copies, rule.write, rule.read, s.first_seed,
             std::min(seed, s.first_seed + s.seeds - 1), broken, sum.events,
             static_cast<double>(sum.events) / took.count(), sum.puts, sum.gets,
             sum.unknown, sum.changes);
  // A command under which nothing happened has proved nothing.
  return broken == 0 && sum.puts > 0 && sum.gets > 0 ? 0 : 1;
}

} // namespace

std::function<int()> add_versions(CLI::App& app) {
  auto s = std::make_shared<settings>();
  auto* command = app.add_subcommand(
    "versions", "Versioned files: quorums, takeovers, changes of sets");
  std::vector<std::string> names;
  std::string help = "What happens:";
  for (const auto& x : version_scenarios()) {
    names.emplace_back(x.name);
    help += fmt::format("\n  {}: {}", x.name, x.help);
  }
  std::vector<std::string> mutants;
  std::string bugs = "A planted bug; repeatable:";
  for (const auto& x : version_mutants) {
    mutants.emplace_back(x.name);
    bugs += fmt::format("\n  {}: {}", x.name, x.what);
  }
  command->add_option("--scenario", s->scenario, help)
    ->capture_default_str()
    ->check(CLI::IsMember(names));
  command->add_option("--copies", s->copies, "N")
    ->capture_default_str()
    ->check(CLI::Range(1u, std::uint32_t{core::copies_max}));
  command->add_option("--write", s->write, "W; 0: the least that is allowed");
  command->add_option("--read", s->read, "R; 0: the least that is allowed");
  command->add_option("--servers", s->servers, "File servers; 0: N + 2")
    ->check(CLI::Range(0, 50));
  command->add_option("--clients", s->clients, "Clients")
    ->capture_default_str()
    ->check(CLI::Range(1, 50));
  command->add_option("--files", s->files, "Files that they work on")
    ->capture_default_str()
    ->check(CLI::Range(1, 100));
  command->add_option("--seeds", s->seeds, "Runs")->capture_default_str();
  command->add_option("--seed", s->first_seed, "Of the first run")
    ->capture_default_str();
  command->add_option("--mutant", s->mutants, bugs)
    ->check(CLI::IsMember(mutants));
  command->add_option("--trace", s->trace, "Events kept per node")
    ->capture_default_str();
  command->add_flag("--all", s->all, "Go on after a broken run");
  return [s] { return run(*s); };
}

} // namespace dfs::sim
