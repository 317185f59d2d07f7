#include "versions.hpp"

#include "core/versions/quorum.hpp"
#include "support/sim/versions_mutants.hpp"
#include "support/sim/versions_scenarios.hpp"
#include "sweep.hpp"

#include <memory>

namespace dfs::sim {

namespace {

struct settings : sweep {
  std::uint32_t copies = 3;
  std::uint32_t write = 0;
  std::uint32_t read = 0;
  std::uint32_t servers = 0;
  std::uint32_t clients = 4;
  std::uint32_t files = 3;
  std::uint32_t groups = 2;
};

msg::quorum_rule rule_of(const settings& s) {
  auto rule = core::default_quorum(static_cast<std::uint8_t>(s.copies));
  if (s.write != 0)
    rule.write = static_cast<std::uint8_t>(s.write);
  if (s.read != 0)
    rule.read = static_cast<std::uint8_t>(s.read);
  return rule;
}

versions_options options_of(const settings& s, std::uint64_t seed) {
  auto x = brisk_versions();
  x.directory.rules[0] = rule_of(s);
  x.directory.groups = s.groups;
  x.servers = s.servers == 0 ? s.copies + 2 : s.servers;
  x.clients = s.clients;
  x.files = s.files;
  set_world(x.world, s,
            fmt::format("./dev sim versions --copies {} --write {} --read {} "
                        "--servers {} --clients {} --files {} --groups {}",
                        s.copies, rule_of(s).write, rule_of(s).read, s.servers,
                        s.clients, s.files, s.groups),
            seed);
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
  versions_run total;
  const auto sum = run_all(s, [&](std::uint64_t seed) {
    auto x = chosen->run(options_of(s, seed));
    total.puts += x.puts;
    total.gets += x.gets;
    total.unknown += x.unknown;
    total.changes += x.changes;
    total.failed += x.failed;
    return x;
  });
  fmt::print("versions {}: N{}W{}R{}, {}, {} puts, {} gets, {} unknown, "
             "{} sets, {} servers failed\n",
             s.scenario, rule.copies, rule.write, rule.read, sum.text(s),
             total.puts, total.gets, total.unknown, total.changes,
             total.failed);
  // A command under which nothing happened has proved nothing.
  return sum.broken == 0 && total.puts > 0 && total.gets > 0 ? 0 : 1;
}

} // namespace

std::function<int()> add_versions(CLI::App& app) {
  auto s = std::make_shared<settings>();
  auto* command = app.add_subcommand(
    "versions", "Versioned files: quorums, takeovers, changes of sets");
  add_sweep_options(*command, *s, version_scenarios(), version_mutants);
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
  command->add_option("--groups", s->groups, "Over which they are spread")
    ->capture_default_str()
    ->check(CLI::Range(1, 100));
  return [s] { return run(*s); };
}

} // namespace dfs::sim
