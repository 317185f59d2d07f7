#include "chunks.hpp"

#include "support/sim/chunks_mutants.hpp"
#include "support/sim/chunks_scenarios.hpp"

#include <fmt/format.h>

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
  std::uint32_t servers = 4;
  std::uint32_t clients = 3;
  std::uint32_t files = 4;
  std::uint64_t seeds = 100;
  std::uint64_t first_seed = 1;
  std::vector<std::string> mutants;
  std::size_t trace = 0;
  bool all = false;
};

std::string replay_line(const settings& s, std::uint64_t seed) {
  auto line = fmt::format("./dev sim chunks --scenario {} --servers {} "
                          "--clients {} --files {} --seeds 1 --seed {} "
                          "--trace 60",
                          s.scenario, s.servers, s.clients, s.files, seed);
  for (const auto& x : s.mutants)
    line += " --mutant " + x;
  return line;
}

chunks_options options_of(const settings& s, std::uint64_t seed) {
  auto x = brisk_chunks();
  x.servers = s.servers;
  x.clients = s.clients;
  x.files = s.files;
  x.world.seed = seed;
  x.world.trace_depth = s.trace;
  x.world.mutants.insert(s.mutants.begin(), s.mutants.end());
  x.world.replay = replay_line(s, seed);
  return x;
}

int run(const settings& s) {
  const auto* chosen = find_chunk_scenario(s.scenario);
  chunks_run sum;
  std::uint64_t broken = 0;
  const auto began = std::chrono::steady_clock::now();
  auto seed = s.first_seed;
  for (; seed < s.first_seed + s.seeds; ++seed) {
    const auto x = chosen->run(options_of(s, seed));
    sum.events += x.events;
    sum.changes += x.changes;
    sum.reads += x.reads;
    sum.grants += x.grants;
    if (!x.broken)
      continue;
    ++broken;
    fmt::print(stderr, "{}", *x.broken);
    if (!s.all)
      break;
  }
  const std::chrono::duration<double> took
    = std::chrono::steady_clock::now() - began;
  fmt::print("chunks {}: {} servers, seeds {}..{}: {} broken; {} events "
             "({:.0f}/s), {} changes, {} reads, {} grants\n",
             s.scenario, s.servers, s.first_seed,
             std::min(seed, s.first_seed + s.seeds - 1), broken, sum.events,
             static_cast<double>(sum.events) / took.count(), sum.changes,
             sum.reads, sum.grants);
  // A command under which nothing happened has proved nothing.
  return broken == 0 && sum.changes > 0 && sum.reads > 0 ? 0 : 1;
}

} // namespace

std::function<int()> add_chunks(CLI::App& app) {
  auto s = std::make_shared<settings>();
  auto* command = app.add_subcommand(
    "chunks", "Chunks: leases, versions, recovery, repair, collection");
  std::vector<std::string> names;
  std::string help = "What happens:";
  for (const auto& x : chunk_scenarios()) {
    names.emplace_back(x.name);
    help += fmt::format("\n  {}: {}", x.name, x.help);
  }
  std::vector<std::string> mutants;
  std::string bugs = "A planted bug; repeatable:";
  for (const auto& x : chunk_mutants) {
    mutants.emplace_back(x.name);
    bugs += fmt::format("\n  {}: {}", x.name, x.what);
  }
  command->add_option("--scenario", s->scenario, help)
    ->capture_default_str()
    ->check(CLI::IsMember(names));
  command->add_option("--servers", s->servers, "Chunkservers")
    ->capture_default_str()
    ->check(CLI::Range(3, 50));
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
