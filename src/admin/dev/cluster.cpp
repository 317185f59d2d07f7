#include "admin/dev/cluster.hpp"

#include "admin/dev/readiness.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <csignal>
#include <deque>
#include <fstream>
#include <iostream>
#include <iterator>

namespace dfs::admin {

namespace {

using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

/// SPEC: the cluster serves within 10 s; a slow machine gets some more before
/// it is called a failure.
constexpr milliseconds all_serve_within{30'000};

/// Longer than a node's own drain time-out.
constexpr milliseconds ended_within{12'000};

/// For `dev start`; its asker waits longer.
constexpr milliseconds started_within{20'000};

constexpr milliseconds poll_interval{100};

/// Of a log, for whoever wants to know why a node has ended.
constexpr std::size_t last_words_max = 5;

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (int x : {SIGINT, SIGTERM, SIGHUP, SIGCHLD})
    sigaddset(&set, x);
  return set;
}

bool readable(int descriptor, milliseconds within) {
  pollfd waiting{descriptor, POLLIN, 0};
  return poll(&waiting, 1, static_cast<int>(within.count())) > 0;
}

/// As a shell reads it back: quoted only if it has to be.
std::string shell_word(const std::string& text) {
  const auto plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0
           || std::string_view{"/._-+:@%,"}.find(c) != std::string_view::npos;
  };
  if (std::all_of(text.begin(), text.end(), plain))
    return text;
  std::string quoted = "'";
  for (char c : text)
    quoted += c == '\'' ? std::string{"'\\''"} : std::string{c};
  return quoted + "'";
}

/// Whether one of the signals asks for the end. Never blocks.
bool told_to_end(int signals) {
  bool end = false;
  while (readable(signals, milliseconds{0})) {
    signalfd_siginfo received{};
    if (read(signals, &received, sizeof received) != sizeof received)
      break;
    end = end || received.ssi_signo != SIGCHLD;
  }
  return end;
}

} // namespace

dev_cluster::dev_cluster(dev_layout layout, std::filesystem::path program,
                         control_socket control)
  : layout_{std::move(layout)},
    program_{std::move(program)},
    control_{std::move(control)} {
  // nop
}

void dev_cluster::hold_signals() {
  const auto set = handled_signals();
  sigprocmask(SIG_BLOCK, &set, nullptr);
}

int dev_cluster::run() {
  const auto set = handled_signals();
  signals_ = signalfd(-1, &set, SFD_CLOEXEC);
  ending_ = told_to_end(signals_);
  result<nothing> outcome{done};
  if (!ending_)
    outcome = start_all();
  if (outcome && !ending_)
    outcome = wait_until_all_serve();
  const bool interrupted = ending_;
  if (outcome && !interrupted) {
    std::cerr << "data in " << layout_.directory().string()
              << "; Ctrl-C ends the cluster; in another terminal:\n"
              << "  dfsnode members\n  dfsnode dev stop|start NAME --dir "
              << shell_word(layout_.directory().string()) << "\n";
    std::cout << "ready: export DFSNODE_CONFIG="
              << shell_word(layout_.client_config().string()) << std::endl;
    serve();
  }
  end_all();
  close(signals_);
  if (outcome)
    return interrupted ? exit_status(ec::cancelled) : 0;
  std::cerr << "dfsnode dev: " << outcome.error().context << "\n";
  return exit_status(outcome.error().code);
}

result<nothing> dev_cluster::start(const dev_node& node) {
  const auto log = node.directory / "node.log";
  std::error_code none_yet;
  const auto size = std::filesystem::file_size(log, none_yet);
  log_begin_[node.name] = none_yet ? 0 : size;
  auto pid = start_child(
    program_,
    {"--role", msg::roles_to_string(static_cast<msg::role_set>(node.role)),
     "--config", (node.directory / "node.toml").string()},
    log);
  if (!pid)
    return pid.error();
  running_.emplace(node.name, *pid);
  write_pids();
  return done;
}

result<nothing> dev_cluster::start_again(const dev_node& node) {
  if (auto started = start(node); !started)
    return started;
  readiness asked{layout_};
  const auto limit = clock::now() + started_within;
  while (clock::now() < limit) {
    if (told_to_end(signals_)) {
      ending_ = true;
      return fail(ec::shutting_down, "the cluster ends");
    }
    reap();
    if (!running_.contains(node.name))
      return ended_at_start(node);
    if (asked.lists_itself(node))
      return done;
    (void) readable(signals_, poll_interval);
  }
  return fail(ec::timed_out, node.name + " runs, and does not serve; see "
                               + (node.directory / "node.log").string());
}

result<nothing> dev_cluster::start_all() {
  for (const auto& node : layout_.nodes())
    if (auto started = start(node); !started)
      return started;
  return done;
}

result<nothing> dev_cluster::wait_until_all_serve() {
  readiness asked{layout_};
  const auto limit = clock::now() + all_serve_within;
  while (clock::now() < limit) {
    if (told_to_end(signals_)) {
      ending_ = true;
      return done;
    }
    reap();
    for (const auto& node : layout_.nodes())
      if (!running_.contains(node.name))
        return ended_at_start(node);
    if (asked.all_serve()) {
      for (const auto& line : asked.beyond())
        std::cerr << line << "\n";
      return done;
    }
    (void) readable(signals_, poll_interval);
  }
  return fail(ec::timed_out, "the cluster does not serve: " + asked.missing()
                               + "; see "
                               + (layout_.directory() / "*/node.log").string());
}

void dev_cluster::serve() {
  while (!ending_) {
    pollfd waiting[]{{signals_, POLLIN, 0}, {control_.descriptor(), POLLIN, 0}};
    if (poll(waiting, std::size(waiting), -1) < 0)
      continue; // Interrupted.
    if (waiting[0].revents != 0)
      ending_ = told_to_end(signals_);
    reap();
    if (waiting[1].revents != 0)
      control_.serve_one([this](const std::string& x) { return answer(x); });
  }
}

std::string dev_cluster::answer(const std::string& question) {
  const auto space = question.find(' ');
  const auto verb = question.substr(0, space);
  const auto name
    = space == std::string::npos ? std::string{} : question.substr(space + 1);
  const auto refuse = [](ec code, const std::string& why) {
    return "error " + std::to_string(static_cast<int>(code)) + " " + why;
  };
  const auto* node = layout_.find(name);
  if (node == nullptr)
    return refuse(ec::not_found,
                  "no node '" + name + "' here; " + layout_.names());
  reap();
  const bool runs = running_.contains(name);
  if (verb == "start" && runs)
    return refuse(ec::exists, name + " is running already, pid "
                                + std::to_string(running_.at(name)));
  if (verb == "stop" && !runs)
    return refuse(ec::not_found, name + " is not running");
  if (verb != "start" && verb != "stop")
    return refuse(ec::invalid_argument, "'" + verb + "' is not start or stop");
  auto outcome = verb == "start" ? start_again(*node) : stop(*node);
  if (!outcome)
    return refuse(outcome.error().code, outcome.error().context);
  return verb == "start" ? "ok " + std::to_string(running_.at(name)) : "ok";
}

result<nothing> dev_cluster::stop(const dev_node& node) {
  const auto pid = running_.at(node.name);
  kill(pid, SIGTERM);
  const auto limit = clock::now() + ended_within;
  while (running_.contains(node.name)) {
    if (clock::now() > limit)
      kill(pid, SIGKILL);
    // The children's ends come as signals, which nobody reads meanwhile.
    (void) poll(nullptr, 0, 20);
    reap();
  }
  if (clock::now() > limit)
    return fail(ec::timed_out, node.name + " did not end in time, was killed");
  return done;
}

void dev_cluster::reap() {
  while (auto ended = reap_child()) {
    const auto found
      = std::find_if(running_.begin(), running_.end(),
                     [&](const auto& x) { return x.second == ended->pid; });
    if (found == running_.end())
      continue;
    const auto name = found->first;
    running_.erase(found);
    how_ended_[name] = ended->how;
    write_pids();
    if (!ending_)
      std::cerr << name << " (pid " << ended->pid << "): " << ended->how
                << "\n";
  }
}

void dev_cluster::end_all() {
  ending_ = true;
  for (const auto& [name, pid] : running_)
    kill(pid, SIGTERM);
  const auto limit = clock::now() + ended_within;
  bool killed = false;
  while (!running_.empty()) {
    if (!killed && clock::now() > limit) {
      for (const auto& [name, pid] : running_) {
        std::cerr << name << " (pid " << pid << ") did not end; killed\n";
        kill(pid, SIGKILL);
      }
      killed = true;
    }
    (void) poll(nullptr, 0, 20);
    reap();
  }
  std::error_code ignored;
  std::filesystem::remove(layout_.pids(), ignored);
}

/// Readers see the old file or the new one, never half of one.
void dev_cluster::write_pids() const {
  const auto fresh = layout_.pids().string() + ".new";
  {
    std::ofstream out{fresh};
    for (const auto& node : layout_.nodes())
      if (auto found = running_.find(node.name); found != running_.end())
        out << node.name << " " << found->second << "\n";
  }
  std::error_code ignored;
  std::filesystem::rename(fresh, layout_.pids(), ignored);
}

error dev_cluster::ended_at_start(const dev_node& node) const {
  const auto path = node.directory / "node.log";
  std::ifstream log{path};
  log.seekg(static_cast<std::streamoff>(log_begin_.at(node.name)));
  std::deque<std::string> last;
  for (std::string line; std::getline(log, line);) {
    if (line.empty())
      continue;
    last.push_back(line);
    if (last.size() > last_words_max)
      last.pop_front();
  }
  const auto how = how_ended_.find(node.name);
  auto text = node.name + " ended at its start"
              + (how != how_ended_.end() ? ": " + how->second : "");
  text += last.empty() ? "; it said nothing to " : "; the end of ";
  text += path.string();
  for (const auto& line : last)
    text += "\n  " + line;
  return fail(ec::unavailable, std::move(text));
}

} // namespace dfs::admin
