#include "branches.hpp"
#include "chunks.hpp"
#include "multicast.hpp"
#include "sessions.hpp"
#include "support/sim/membership_mutants.hpp"
#include "support/sim/membership_scenarios.hpp"
#include "sweep.hpp"
#include "versions.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <string>
#include <vector>

// dfs-sim: protocols under simulation, measured and judged. Ends with 0 when
// every promise held, with 1 and the line that repeats the run when not.

namespace {

using namespace dfs::sim;

struct settings {
  std::string scenario = "crash";
  std::uint32_t nodes = 5;
  double loss = 0; // percent
  std::uint64_t seeds = 20;
  std::uint64_t first_seed = 1;
  std::string crash = "1";
  int rounds = 1;
  int minutes = 60;
  double duplicates = 0;
  double stragglers = 0;
  std::vector<std::string> mutants;
  std::size_t trace = 40;
  bool json = false;
};

ppm parts(double percent_of) {
  return static_cast<ppm>(percent_of * 10'000 + 0.5);
}

// What repeats one run, and nothing that does not matter to it.
std::string replay_line(const settings& s, std::uint64_t seed) {
  auto line = fmt::format("./dev sim membership --scenario {} --nodes {} "
                          "--loss {} --seeds 1 --seed {}",
                          s.scenario, s.nodes, s.loss, seed);
  if (s.rounds != 1)
    line += fmt::format(" --rounds {}", s.rounds);
  if (s.scenario == "crash")
    line += " --crash " + s.crash;
  if (s.scenario == "idle-hour")
    line += fmt::format(" --minutes {}", s.minutes);
  if (s.duplicates > 0)
    line += fmt::format(" --duplicates {}", s.duplicates);
  if (s.stragglers > 0)
    line += fmt::format(" --stragglers {}", s.stragglers);
  for (const auto& x : s.mutants)
    line += " --mutant " + x;
  return line;
}

// From here on runs share formations, this many each.
constexpr std::uint32_t large_group = 200;
constexpr std::uint64_t runs_per_formation = 50;

scenario_options options_of(const settings& s, std::uint64_t seed) {
  scenario_options o;
  o.rounds = s.rounds;
  o.neighbours = s.crash == "neighbours";
  o.victims = s.crash == "1" ? 1 : 3;
  o.idle = std::chrono::minutes{s.minutes};
  o.group.nodes = s.nodes;
  auto& w = o.group.world;
  w.seed = seed;
  w.trace_depth = s.trace;
  w.network.loss = parts(s.loss);
  w.network.duplicate = parts(s.duplicates);
  w.network.straggler = parts(s.stragglers);
  w.mutants.insert(s.mutants.begin(), s.mutants.end());
  w.replay = replay_line(s, seed);
  return o;
}

struct report {
  std::vector<figure> figures;
  std::vector<std::string> stories; // Of the runs that broke a promise.
  std::uint64_t runs = 0;
  std::uint64_t events = 0;

  void add(const scenario_run& run, std::uint64_t seed) {
    ++runs;
    events += run.events;
    if (run.broken)
      stories.push_back(*run.broken);
    for (const auto& x : run.measured)
      of(x.name).add(x.value, seed);
  }

  // A command that measured nothing has proved nothing.
  bool good() const {
    return stories.empty() && !figures.empty()
           && std::all_of(figures.begin(), figures.end(),
                          [](const figure& x) { return x.holds(); });
  }

private:
  figure& of(std::string_view name) {
    for (auto& x : figures)
      if (x.limits().name == name)
        return x;
    for (const auto& x : membership_bounds())
      if (x.name == name)
        return figures.emplace_back(x);
    return figures.emplace_back(bound{name, "", {}, {}});
  }
};

std::string bounds_text(const bound& x) {
  std::string text;
  if (x.p99)
    text += fmt::format("p99 <= {:g}", *x.p99);
  if (x.max)
    text += fmt::format("{}max <= {:g}", text.empty() ? "" : ", ", *x.max);
  return text.empty() ? "reported" : text;
}

void print_table(const settings& s, const report& r) {
  fmt::print("membership {}: N={} loss={}%{} seeds {}..{}, {} events\n",
             s.scenario, s.nodes, s.loss,
             s.scenario == "crash" ? " crash=" + s.crash : "", s.first_seed,
             s.first_seed + s.seeds - 1, r.events);
  fmt::print("  {:<28} {:>5} {:>5} {:>9} {:>9} {:>9}  {}\n", "", "unit", "n",
             "median", "p99", "max", "bound");
  for (const auto& x : r.figures)
    fmt::print("  {:<28} {:>5} {:>5} {:>9.3f} {:>9.3f} {:>9.3f}  {:<24} {}\n",
               x.limits().name, x.limits().unit, x.count(), x.percentile(0.5),
               x.percentile(0.99), x.max(), bounds_text(x.limits()),
               x.holds() ? "ok" : "BROKEN");
}

void print_json(const settings& s, const report& r) {
  auto figures = nlohmann::json::array();
  for (const auto& x : r.figures) {
    nlohmann::json line{{"name", x.limits().name},
                        {"unit", x.limits().unit},
                        {"count", x.count()},
                        {"median", x.percentile(0.5)},
                        {"p99", x.percentile(0.99)},
                        {"max", x.max()},
                        {"ok", x.holds()}};
    if (x.limits().p99)
      line["p99_bound"] = *x.limits().p99;
    if (x.limits().max)
      line["max_bound"] = *x.limits().max;
    figures.push_back(std::move(line));
  }
  const nlohmann::json all{
    {"scenario", s.scenario}, {"nodes", s.nodes},
    {"loss_percent", s.loss}, {"crash", s.crash},
    {"seeds", s.seeds},       {"events", r.events},
    {"ok", r.good()},         {"figures", std::move(figures)}};
  fmt::print("{}\n", all.dump(2));
}

int run_membership(const settings& s) {
  const auto* chosen = find_scenario(s.scenario);
  if (s.nodes < chosen->nodes_min
      || (s.scenario == "crash" && s.crash != "1" && s.nodes < 4)) {
    fmt::print(stderr, "dfs-sim: {} needs more than {} nodes\n", s.scenario,
               s.nodes);
    return 2;
  }
  report r;
  const auto last = s.first_seed + s.seeds - 1;
  for (auto seed = s.first_seed; seed <= last;) {
    if (s.nodes < large_group) {
      r.add(chosen->run(options_of(s, seed)), seed);
      ++seed;
      continue;
    }
    // By the seed alone, so that a replay forms the same group.
    const auto formation = seed / runs_per_formation;
    const auto end = std::min(last, (formation + 1) * runs_per_formation - 1);
    run_branches(
      *chosen, formation, seed, end,
      [&](std::uint64_t x) { return options_of(s, x); },
      [&](const scenario_run& run, std::uint64_t x) { r.add(run, x); });
    seed = end + 1;
  }
  if (s.json)
    print_json(s, r);
  else
    print_table(s, r);
  for (const auto& x : r.stories)
    fmt::print(stderr, "{}", x);
  if (r.figures.empty())
    fmt::print(stderr, "dfs-sim: nothing was measured\n");
  for (const auto& x : r.figures)
    if (!x.holds())
      fmt::print(stderr, "{}: {:.3f} {}\nreplay: {}\n", x.limits().name,
                 x.max(), x.limits().unit, replay_line(s, x.worst_seed()));
  return r.good() ? 0 : 1;
}

void describe(CLI::App& command, settings& s) {
  std::vector<std::string> names;
  std::string help = "What happens:";
  for (const auto& x : membership_scenarios()) {
    names.emplace_back(x.name);
    help += fmt::format("\n  {}: {}", x.name, x.help);
  }
  std::vector<std::string> mutants;
  for (const auto x : membership_mutants)
    mutants.emplace_back(x);
  command.add_option("--scenario", s.scenario, help)
    ->capture_default_str()
    ->check(CLI::IsMember(names));
  command.add_option("--nodes", s.nodes, "Members")
    ->capture_default_str()
    ->check(CLI::Range(1, 8'000));
  command.add_option("--loss", s.loss, "Percent of packets lost")
    ->capture_default_str()
    ->check(CLI::Range(0.0, 100.0));
  command.add_option("--duplicates", s.duplicates, "Percent")
    ->capture_default_str()
    ->check(CLI::Range(0.0, 100.0));
  command
    .add_option("--stragglers", s.stragglers,
                "Percent that come up to 50 ms late")
    ->capture_default_str()
    ->check(CLI::Range(0.0, 100.0));
  command.add_option("--seeds", s.seeds, "Runs")->capture_default_str();
  command.add_option("--seed", s.first_seed, "Of the first run")
    ->capture_default_str();
  command.add_option("--crash", s.crash, "How many crash at once")
    ->capture_default_str()
    ->check(CLI::IsMember({"1", "3", "neighbours"}));
  command.add_option("--rounds", s.rounds, "Crashes, joins or leaves per run")
    ->capture_default_str();
  command.add_option("--minutes", s.minutes, "Of idle-hour")
    ->capture_default_str();
  command.add_option("--mutant", s.mutants, "A planted bug; repeatable")
    ->check(CLI::IsMember(mutants));
  command.add_option("--trace", s.trace, "Events kept per node")
    ->capture_default_str();
  command.add_flag("--json", s.json, "The figures as JSON");
  add_list_option(command, std::move(names));
}

} // namespace

int main(int argc, char** argv) {
  settings s;
  CLI::App app{"Protocols of dfsnode in a deterministic simulation", "dfs-sim"};
  app.require_subcommand(1);
  auto* membership
    = app.add_subcommand("membership", "The group: detection, joins, traffic");
  describe(*membership, s);
  const auto run_chunks = add_chunks(app);
  const auto run_versions = add_versions(app);
  const auto run_multicast = add_multicast(app);
  const auto run_sessions = add_sessions(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& x) {
    const auto status = app.exit(x);
    return status == 0 ? 0 : 2;
  }
  if (membership->parsed())
    return run_membership(s);
  if (app.got_subcommand("multicast"))
    return run_multicast();
  if (app.got_subcommand("sessions"))
    return run_sessions();
  return app.got_subcommand("versions") ? run_versions() : run_chunks();
}
