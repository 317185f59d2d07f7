#include "multicast.hpp"

#include "support/sim/multicast_mutants.hpp"
#include "support/sim/multicast_scenarios.hpp"
#include "sweep.hpp"

#include <map>
#include <memory>

namespace dfs::sim {

namespace {

struct settings : sweep {
  std::uint32_t nodes = 3;
  std::string rule = "majority";
  std::string timing = "both";
  bool memory = false;
};

const std::map<std::string, core::primary_rule> rules{
  {"majority", core::primary_rule::majority},
  {"highest-id", core::primary_rule::highest_id},
  {"highest-id-literal", core::primary_rule::highest_id_literal}};

const std::map<std::string, multicast_timing> timings{
  {"core", multicast_timing::core},
  {"lan", multicast_timing::lan},
  {"both", multicast_timing::both}};

template <class Choices>
std::vector<std::string> names_of(const Choices& all) {
  std::vector<std::string> names;
  for (const auto& [name, x] : all)
    names.push_back(name);
  return names;
}

multicast_options options_of(const settings& s, std::uint64_t seed) {
  multicast_options x;
  x.servers = s.nodes;
  x.config.rule = rules.at(s.rule);
  x.timing = timings.at(s.timing);
  x.config.durable = !s.memory;
  set_world(
    x.world, s,
    fmt::format("./dev sim multicast --nodes {} --rule {} --timing {}{}",
                s.nodes, s.rule, s.timing, s.memory ? " --memory" : ""),
    seed);
  return x;
}

int run(const settings& s) {
  const auto* chosen = find_multicast_scenario(s.scenario);
  multicast_run total;
  const auto sum = run_all(s, [&](std::uint64_t seed) {
    auto x = chosen->run(options_of(s, seed));
    total.sent += x.sent;
    total.safe += x.safe;
    total.configurations += x.configurations;
    total.snapshots += x.snapshots;
    total.discarded += x.discarded;
    return x;
  });
  fmt::print("multicast {}: {} servers, {}, {}, {} sent, {} safe, {} "
             "configurations, {} snapshots, {} discarded\n",
             s.scenario, s.nodes, s.rule, sum.text(s), total.sent, total.safe,
             total.configurations, total.snapshots, total.discarded);
  // A command under which nothing happened has proved nothing.
  return sum.broken == 0 && total.safe > 0 ? 0 : 1;
}

} // namespace

std::function<int()> add_multicast(CLI::App& app) {
  auto s = std::make_shared<settings>();
  auto* command = app.add_subcommand(
    "multicast", "The ordered multicast: order, loss, configurations");
  add_sweep_options(*command, *s, multicast_scenarios(), multicast_mutants);
  command->add_option("--nodes", s->nodes, "Servers")
    ->capture_default_str()
    ->check(CLI::Range(1u, 16u));
  command->add_option("--rule", s->rule, "Who is primary")
    ->capture_default_str()
    ->check(CLI::IsMember(names_of(rules)));
  command
    ->add_option("--timing", s->timing,
                 "The timers of the core, of production (lan), or both in turn")
    ->capture_default_str()
    ->check(CLI::IsMember(names_of(timings)));
  command->add_flag("--memory", s->memory, "Nothing is on disk");
  return [s] { return run(*s); };
}

} // namespace dfs::sim
