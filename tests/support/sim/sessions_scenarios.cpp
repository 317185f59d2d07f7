#include "support/sim/sessions_scenarios.hpp"

#include "support/sim/chance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace dfs::sim {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t master = 0;

/// Longer than any promise: who is late is seen.
constexpr std::chrono::milliseconds patience = 60s;

double seconds(std::chrono::nanoseconds x) {
  return std::chrono::duration<double>{x}.count();
}

struct stage {
  explicit stage(const sessions_options& given)
    : options{given},
      cluster{given} {
    cluster.elect(master, master_term{7});
  }

  /// Each client knows some servers.
  void add_clients(std::size_t contacts) {
    auto& random = cluster.random();
    for (std::uint32_t i = 0; i < options.clients; ++i) {
      std::vector<std::size_t> configured;
      while (configured.size() < contacts) {
        const auto next = random.below(options.servers);
        if (std::find(configured.begin(), configured.end(), next)
            == configured.end())
          configured.push_back(next);
      }
      cluster.add_client(configured);
    }
  }

  /// All have asked once, and keep their links.
  void settle() {
    const auto over = cluster.now() + 12s;
    ask_within(10s);
    cluster.run_until(over + patience, [&] { return all_answered(); });
    cluster.run_until(std::max(over, cluster.now()));
    forget();
  }

  void forget() {
    for (std::size_t i = 0; i < cluster.clients(); ++i)
      cluster.client(i).first_answer.reset();
    before = handshakes();
  }

  /// Each client asks at some moment of that time.
  void ask_within(std::chrono::nanoseconds time) {
    for (std::size_t i = 0; i < cluster.clients(); ++i)
      cluster.at(cluster.now() + up_to(cluster.random(), time),
                 [this, i] { cluster.ask(i, patience); });
  }

  [[nodiscard]] bool all_answered() {
    for (; answered_to < cluster.clients(); ++answered_to)
      if (!cluster.client(answered_to).first_answer)
        return false;
    answered_to = 0;
    return true;
  }

  [[nodiscard]] std::uint64_t handshakes() {
    std::uint64_t sum = 0;
    for (std::uint32_t i = 0; i < options.servers; ++i)
      sum += cluster.server(i).handshakes;
    return sum;
  }

  void stop(server_state how, std::size_t which = master) {
    cluster.server(which).state = how;
    cluster.server(which).leads = false;
    if (how == server_state::refusing)
      cluster.reset_connections(which);
  }

  void start(std::size_t which, master_term term) {
    cluster.server(which).state = server_state::up;
    cluster.reset_connections(which);
    cluster.elect(which, term);
  }

  /// @param p99, max In seconds. @param most Handshakes of a client.
  sessions_run judge(double p99, double max, double most) {
    answered_to = 0;
    cluster.run_until(cluster.now() + 2 * patience,
                      [this] { return all_answered(); });
    sessions_run run;
    std::vector<double> all;
    std::uint32_t failures = 0;
    for (std::size_t i = 0; i < cluster.clients(); ++i) {
      failures += cluster.client(i).failures;
      const auto& first = cluster.client(i).first_answer;
      run.answered += first ? 1 : 0;
      all.push_back(first ? seconds(*first) : seconds(2 * patience));
    }
    std::sort(all.begin(), all.end());
    const auto rank = [&](double share) {
      return all[static_cast<std::size_t>(
        std::ceil(share * static_cast<double>(all.size())) - 1)];
    };
    run.events = cluster.events();
    run.handshakes = handshakes() - before;
    run.median = rank(0.5);
    run.p99 = rank(0.99);
    run.max = rank(1);
    const auto each
      = static_cast<double>(run.handshakes) / static_cast<double>(all.size());
    if (failures > 0 || run.p99 > p99 || run.max > max || each > most)
      break_promise(
        run,
        fmt::format("{} requests given up; first answer after {:.2f} s "
                    "(p99, at most {}), {:.2f} s (all, at most {}); {:.1f} "
                    "handshakes each (at most {})",
                    failures, run.p99, p99, run.max, max, each, most));
    return run;
  }

  void break_promise(sessions_run& run, const std::string& what) const {
    run.broken
      = fmt::format("sessions: {}\n  repeat: {}\n", what, options.world.replay);
  }

  sessions_options options;
  session_cluster cluster;
  std::uint64_t before = 0;
  std::size_t answered_to = 0;
};

/// The process of the master is replaced: down for two seconds.
sessions_run run_restart(sessions_options options) {
  stage on{options};
  on.add_clients(3);
  on.settle();
  on.stop(server_state::refusing);
  on.ask_within(100ms);
  on.cluster.at(on.cluster.now() + 2s,
                [&] { on.start(master, master_term{8}); });
  return on.judge(10, 15, 12);
}

/// The master is away for half a minute, and all want it.
sessions_run run_outage(sessions_options options) {
  stage on{options};
  on.add_clients(3);
  on.settle();
  on.stop(server_state::refusing);
  on.ask_within(100ms);
  // Some ten milliseconds of one server: all else it does in time.
  const auto crowd_max = options.handshakes / 200 + 8;
  const auto longest = [&] {
    std::uint32_t most = 0;
    for (std::uint32_t i = 1; i < options.servers; ++i)
      most = std::max(most, std::exchange(on.cluster.server(i).waiting_max, 0));
    return most;
  };
  std::uint32_t crowd = 0;
  on.cluster.at(on.cluster.now() + 10s, [&] { longest(); });
  on.cluster.at(on.cluster.now() + 30s, [&] {
    crowd = longest();
    on.start(master, master_term{8});
  });
  auto run = on.judge(30 + 10, 30 + 15, 28);
  run.crowd = crowd;
  if (crowd > crowd_max && !run.broken)
    on.break_promise(run, fmt::format("{} clients at once at a contact, at "
                                      "most {}",
                                      crowd, crowd_max));
  return run;
}

/// Commands, each a process of its own, that go when they are done.
sessions_run run_commands(sessions_options options) {
  options.commands = true;
  options.connections_max = options.clients / 10;
  stage on{options};
  on.add_clients(3);
  on.ask_within(100ms);
  return on.judge(10, 15, 8);
}

/// All contacts but one are dead, silent, or know only a dead master.
sessions_run run_contacts(sessions_options options) {
  options.clients = 1;
  stage on{options};
  const auto dead = options.servers - 1;
  const auto good = 1 + on.cluster.random().below(dead - 1);
  std::vector<std::size_t> configured;
  for (std::size_t i = 1; i < dead; ++i) {
    configured.push_back(i);
    auto& x = on.cluster.server(i);
    if (i == good)
      continue;
    x.state = static_cast<server_state>(on.cluster.random().below(4));
    x.knows = on.cluster.server(dead).address;
    x.term = master_term{6};
  }
  on.cluster.server(dead).state = on.cluster.random().one_in(2)
                                    ? server_state::dark
                                    : server_state::refusing;
  on.cluster.add_client(configured);
  on.ask_within(1ms);
  // At most 250 ms for each of the others, and a pause.
  return on.judge(2, 2, options.servers);
}

/// The master's machine loses its power; another one leads three seconds later.
sessions_run run_half_open(sessions_options options) {
  options.clients = std::min(options.clients, 100u);
  stage on{options};
  on.add_clients(3);
  on.settle();
  on.stop(on.cluster.random().one_in(2) ? server_state::dark
                                        : server_state::silent);
  on.ask_within(100ms);
  on.cluster.at(on.cluster.now() + 3s,
                [&] { on.cluster.elect(1, master_term{8}); });
  return on.judge(5, 6, 8);
}

/// Another server leads from now on; the former one lives, and says so.
sessions_run run_handover(sessions_options options) {
  options.clients = std::min(options.clients, options.handshakes / 20);
  stage on{options};
  on.add_clients(3);
  on.settle();
  on.cluster.elect(1, master_term{8});
  on.ask_within(100ms);
  auto run = on.judge(1, 1, 1); // The hint spares questions to others.
  for (std::size_t i = 0; i < on.cluster.clients() && !run.broken; ++i)
    if (const auto& x = on.cluster.client(i).master; !x || x->server != 1)
      on.break_promise(run, fmt::format("client {} stays", i));
  return run;
}

/// A former master believes that it leads, and another server believes it.
sessions_run run_two_masters(sessions_options options) {
  options.clients = std::min(options.clients, 100u);
  stage on{options};
  on.add_clients(options.servers);
  on.settle();
  on.cluster.server(1).leads = true;
  on.cluster.server(2).knows = on.cluster.server(1).address;
  for (const std::size_t i : {1, 2})
    on.cluster.server(i).term = master_term{6};
  on.stop(server_state::refusing);
  on.ask_within(100ms);
  on.cluster.at(on.cluster.now() + 2s, [&] {
    const auto former = on.cluster.server(1);
    const auto believer = on.cluster.server(2);
    on.start(master, master_term{8});
    on.cluster.server(1) = former;
    on.cluster.server(2) = believer;
  });
  auto run = on.judge(6, 8, 12);
  for (std::size_t i = 0; i < on.cluster.clients() && !run.broken; ++i)
    if (const auto& x = on.cluster.client(i).master; x && x->server != master)
      on.break_promise(run, fmt::format("client {} left term 7 for term 6", i));
  return run;
}

/// The operator starts the cluster with new metadata: its terms begin again.
sessions_run run_new_metadata(sessions_options options) {
  options.clients = std::min(options.clients, 100u);
  stage on{options};
  on.add_clients(3);
  on.settle();
  on.stop(server_state::refusing);
  on.ask_within(100ms);
  on.cluster.at(on.cluster.now() + 2s,
                [&] { on.start(master, master_term{1}); });
  // Ten passes, most of them 4 s apart, within a request of 60 s.
  return on.judge(55, 58, 40);
}

} // namespace

const std::vector<sessions_scenario>& sessions_scenarios() {
  static const std::vector<sessions_scenario> all{
    {"restart", "the master is restarted in two seconds", run_restart},
    {"outage", "the master is away for 30 s", run_outage},
    {"commands", "many short commands at once, few connections", run_commands},
    {"contacts", "all contacts but one are dead, silent or stale",
     run_contacts},
    {"half-open", "the master falls silent, another one follows",
     run_half_open},
    {"handover", "the master hands over and lives on", run_handover},
    {"two-masters", "a former master goes on", run_two_masters},
    {"new-metadata", "the master's terms begin again", run_new_metadata},
  };
  return all;
}

const sessions_scenario* find_sessions_scenario(std::string_view name) {
  for (const auto& x : sessions_scenarios())
    if (x.name == name)
      return &x;
  return nullptr;
}

} // namespace dfs::sim
