#include "roles/server.hpp"

#include "actors/support/log.hpp"
#include "roles/descriptor_limit.hpp"
#include "roles/exit_watch.hpp"
#include "roles/node.hpp"
#include "settings/server_command_line.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <ctime>
#include <iostream>

namespace dfs::roles {

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

/// What a subsystem that cannot be kept alive leaves for main.
std::atomic<int> given_up_status{0};

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (int x : {SIGINT, SIGTERM, SIGHUP})
    sigaddset(&set, x);
  return set;
}

/// Blocked in every thread that comes later, so that only main hears of them.
void block_signals() {
  auto set = handled_signals();
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

/// Without waiting: the signal by which somebody wants the end, or 0.
int told_to_end() {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  const timespec at_once{};
  return std::max(sigtimedwait(&ends, nullptr, &at_once), 0);
}

/// @returns the signal that ends it.
int serve(node& server) {
  const auto set = handled_signals();
  for (;;) {
    const int received = sigwaitinfo(&set, nullptr);
    if (received == SIGHUP)
      server.reload();
    else if (received > 0)
      return received;
  }
}

int complain(const error& why) {
  std::cerr << "dfsnode: " << why.context << std::endl;
  return exit_status(why.code);
}

void complain_of(const std::vector<std::string>& hung) {
  for (const auto& name : hung)
    actors::log_event(*actors::log_for("node"), spdlog::level::err,
                      "did not end", {{"name", name}});
}

/// Of `node.drain_timeout`, for the goodbye and the end of what has drained.
milliseconds reserve_of(milliseconds patience) {
  return std::min(patience / 2, milliseconds{3'000});
}

/// Status of a process that has drained, or must leave what hangs behind.
/// @param told_by The signal that ends it, or 0.
int end(std::unique_ptr<node> server, bool served, int told_by) {
  // At least so long: a goodbye is worth it, and so are disks that are closed.
  const auto patience = std::max(server->drain_timeout(), milliseconds{2'000});
  const auto until = instant::clock::now() + patience;
  const auto left = [until](milliseconds kept) {
    return std::max(
      std::chrono::duration_cast<milliseconds>(until - instant::clock::now())
        - kept,
      milliseconds{100});
  };
  const int forced = given_up_status != 0 ? given_up_status.load() : 1;
  exit_watch watch{patience, forced, told_by};
  auto drains = std::min<instant>(until - reserve_of(patience),
                                  until - patience + server->drain_timeout());
  auto hung = server->drain(drains, [&watch] { return watch.hurried(); });
  // Heard within a round trip, or not at all: then its peers notice.
  server->say_goodbye(std::min(left(500ms), milliseconds{2'000}));
  watch.goodbye_said();
  const auto stuck = server->stop(std::min(left(1'200ms), milliseconds{5'000}));
  hung.insert(hung.end(), stuck.begin(), stuck.end());
  complain_of(hung);
  if (served)
    actors::log_event(*actors::log_for("node"), spdlog::level::info, "ended",
                      {{"status", given_up_status.load()}});
  else
    server->undo();
  if (!hung.empty()) {
    actors::stop_log();
    _exit(forced);
  }
  server.reset();
  actors::stop_log();
  return given_up_status;
}

} // namespace

int run_server(const std::vector<std::string>& arguments,
               const std::vector<std::string>& environment) {
  auto how = settings::parse_server_command_line(arguments, environment);
  if (!how)
    return complain(how.error());
  if (how->help) {
    std::cout << settings::server_help();
    return 0;
  }
  if (how->roles == 0)
    return complain(fail(ec::unsupported,
                         "--role client serves nothing yet: it becomes the "
                         "gateways; use a verb such as `dfsnode members`"));
  block_signals();
  raise_descriptor_limit();
  const auto main_thread = pthread_self();
  auto prepared
    = node::prepare(*how, [main_thread](int status, const std::string& why) {
        actors::log_event(*actors::log_for("node"), spdlog::level::critical,
                          "giving up", {{"why", why}, {"status", status}});
        given_up_status = status;
        pthread_kill(main_thread, SIGTERM);
      });
  if (!prepared)
    return complain(prepared.error());
  auto server = *std::move(prepared);
  int told_by = 0;
  const auto joined = server->join([&told_by] {
    if (told_by == 0)
      told_by = told_to_end();
    return told_by != 0;
  });
  if (joined)
    told_by = serve(*server);
  // Said before the end: what hangs then must not hide it. Whoever says "stop"
  // to a node that is still looking for its group gets what they want.
  const int failed = joined || joined.error().code == ec::cancelled
                       ? 0
                       : complain(joined.error());
  const int status = end(std::move(server), static_cast<bool>(joined), told_by);
  return status != 0 ? status : failed;
}

} // namespace dfs::roles
