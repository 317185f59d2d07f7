#include "cluster_port.hpp"

#include "support/history/json_lines.hpp"
#include "support/history/ledger.hpp"
#include "support/history/register_checker.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

// dfs-chunk_history: many clients on a running cluster, whose faults somebody
// else injects; then judges everything that they were told.
//
//   prints "running" once the clients have begun, works until its standard
//   input ends, prints one line: the ledger of the run (support/history)
//
//   with --check FILE: judges the reads and writes of a history that was kept
//
// Ends with 0 if nothing that was promised is broken, with 1 if something is or
// nothing was injected, with 2 if the run could not be made.

namespace {

using namespace dfs;
using namespace dfs::history;

struct settings {
  std::string config;
  std::string check; ///< A history that was kept; there is no run then.
  std::string name = "history";
  std::string faults;  ///< Lines "nanoseconds what", as they were injected.
  std::string history; ///< Where to write it.
  std::uint64_t faults_min = 1;
  int seconds_max = 600;
  int patience = 60;
  int timeout_ms = 30'000;
  int pause_ms = 2;
  workload_options load;
};

settings parse(int argc, char** argv) {
  settings s;
  CLI::App app{"Records and judges a history of concurrent clients"};
  auto* check = app.add_option("--check", s.check, "a history's file");
  app.add_option("--config", s.config, "client.toml")->excludes(check);
  app.add_option("--case", s.name);
  app.add_option("--seed", s.load.seed);
  app.add_option("--faults", s.faults);
  app.add_option("--faults-min", s.faults_min);
  app.add_option("--history", s.history);
  app.add_option("--directory", s.load.directory);
  app.add_option("--seconds-max", s.seconds_max);
  app.add_option("--patience", s.patience, "seconds until all is readable");
  app.add_option("--timeout-ms", s.timeout_ms, "of an operation");
  app.add_option("--pause-ms", s.pause_ms, "of a client");
  app.add_option("--writers", s.load.writers);
  app.add_option("--readers", s.load.readers);
  app.add_option("--appenders", s.load.appenders);
  app.add_option("--scanners", s.load.scanners);
  app.add_option("--putters", s.load.putters);
  app.add_option("--movers", s.load.movers);
  app.add_option("--files", s.load.files);
  app.add_option("--blocks", s.load.blocks);
  app.add_option("--logs", s.load.logs);
  app.add_option("--smalls", s.load.smalls);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    std::exit(app.exit(e) == 0 ? 0 : 2);
  }
  s.load.pause = std::chrono::milliseconds{s.pause_ms};
  return s;
}

int say(const error& why) {
  fmt::print(stderr, "chunk_history: {} ({})\n", why.context,
             to_string(why.code));
  return 2;
}

void wait_for_the_end(const workload& run, int seconds_max) {
  for (int second = 0; second < seconds_max && !run.over(); ++second) {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    char byte;
    if (poll(&input, 1, 1'000) > 0 && read(STDIN_FILENO, &byte, 1) <= 0)
      return;
  }
}

std::vector<std::int64_t> fault_times(const std::string& path) {
  std::vector<std::int64_t> times;
  std::ifstream file{path};
  for (std::string line; std::getline(file, line);)
    times.push_back(std::strtoll(line.c_str(), nullptr, 10));
  return times;
}

void save(const workload& run, const std::string& path) {
  std::ofstream file{path};
  for (const auto& x : run.record().history())
    file << to_json(x) << '\n';
}

int check(const std::string& path) {
  std::ifstream file{path};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  const auto history = history_from_json(text);
  if (!history)
    return say(history.error());
  const auto told = check_registers(*history);
  fmt::print("{}: {} operations on {} keys{}{}\n", to_string(told.outcome),
             told.operations, told.keys, told.key.empty() ? "" : "; ",
             told.key.empty() ? "" : told.key + ": " + told.why);
  return told.outcome == verdict::linearizable ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
  const auto s = parse(argc, argv);
  if (!s.check.empty())
    return check(s.check);
  std::signal(SIGPIPE, SIG_IGN);
  const auto connect = cluster_ports(s.config, s.timeout_ms);
  if (!connect)
    return say(connect.error());
  workload run{s.load, *connect};
  if (const auto made = run.prepare(); !made)
    return say(made.error());
  run.start();
  fmt::print("running\n");
  std::fflush(stdout);
  wait_for_the_end(run, s.seconds_max);
  run.stop();
  const auto readable = run.look_again(std::chrono::seconds{s.patience});
  auto sum = judge(s.name, run, fault_times(s.faults), s.faults_min);
  if (!readable)
    sum.violations.push_back("not everything can be read: "
                             + readable.error().context);
  if (!s.history.empty())
    save(run, s.history);
  fmt::print("{}\n", to_json(sum));
  return sum.violations.empty() ? 0 : 1;
}
