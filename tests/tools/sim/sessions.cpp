#include "sessions.hpp"

#include "support/sim/sessions_mutants.hpp"
#include "support/sim/sessions_scenarios.hpp"
#include "sweep.hpp"

#include <memory>

namespace dfs::sim {

namespace {

struct settings : sweep {
  std::uint32_t clients = 10'000;
  std::uint32_t servers = 6;
};

sessions_options options_of(const settings& s, std::uint64_t seed) {
  sessions_options x;
  x.clients = s.clients;
  x.servers = s.servers;
  set_world(x.world, s,
            fmt::format("./dev sim sessions --clients {} --servers {}",
                        s.clients, s.servers),
            seed);
  return x;
}

int run(const settings& s) {
  const auto* chosen = find_sessions_scenario(s.scenario);
  sessions_run worst;
  std::uint64_t answered = 0;
  const auto sum = run_all(s, [&](std::uint64_t seed) {
    auto x = chosen->run(options_of(s, seed));
    answered += x.answered;
    if (x.p99 >= worst.p99)
      worst = x;
    return x;
  });
  fmt::print("sessions {}: {} clients, {} servers, {}; worst run: first answer "
             "after {:.2f} s (median), {:.2f} s (p99), {:.2f} s (max), {} "
             "handshakes\n",
             s.scenario, s.clients, s.servers, sum.text(s), worst.median,
             worst.p99, worst.max, worst.handshakes);
  // A command under which nobody was answered has proved nothing.
  return sum.broken == 0 && answered > 0 ? 0 : 1;
}

} // namespace

std::function<int()> add_sessions(CLI::App& app) {
  auto s = std::make_shared<settings>();
  s->scenario = "restart";
  s->seeds = 1;
  auto* command = app.add_subcommand(
    "sessions", "Clients that look for the master, and find it again");
  add_sweep_options(*command, *s, sessions_scenarios(), sessions_mutants);
  command->add_option("--clients", s->clients, "Clients")
    ->capture_default_str()
    ->check(CLI::Range(1u, 100'000u));
  command->add_option("--servers", s->servers, "Servers, one of which leads")
    ->capture_default_str()
    ->check(CLI::Range(4u, 64u));
  return [s] { return run(*s); };
}

} // namespace dfs::sim
