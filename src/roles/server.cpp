#include "roles/server.hpp"

#include "actors/support/log.hpp"
#include "roles/node.hpp"
#include "settings/server_command_line.hpp"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <ctime>
#include <iostream>

namespace dfs::roles {

namespace {

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

/// Without waiting: whether somebody wants the end.
bool told_to_end() {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  const timespec at_once{};
  return sigtimedwait(&ends, nullptr, &at_once) > 0;
}

void serve(node& server) {
  const auto set = handled_signals();
  for (;;) {
    const int received = sigwaitinfo(&set, nullptr);
    if (received == SIGHUP)
      server.reload();
    else if (received > 0)
      return;
  }
}

int complain(const error& why) {
  std::cerr << "dfsnode: " << why.context << std::endl;
  return exit_status(why.code);
}

/// Status of a process that has drained, or must leave what hangs behind.
int end(std::unique_ptr<node> server, bool served) {
  auto& log = *actors::log_for("node");
  const auto hung = server->leave();
  for (const auto& name : hung)
    actors::log_event(log, spdlog::level::err, "subsystem did not end",
                      {{"name", name}});
  if (served)
    actors::log_event(log, spdlog::level::info, "ended",
                      {{"status", given_up_status.load()}});
  else
    server->undo();
  if (!hung.empty()) {
    actors::stop_log();
    _exit(given_up_status != 0 ? given_up_status.load() : 1);
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
  const auto joined = server->join(told_to_end);
  if (joined)
    serve(*server);
  // Said before the end: what hangs then must not hide it. Whoever says "stop"
  // to a node that is still looking for its group gets what they want.
  const int failed = joined || joined.error().code == ec::cancelled
                       ? 0
                       : complain(joined.error());
  const int status = end(std::move(server), static_cast<bool>(joined));
  return status != 0 ? status : failed;
}

} // namespace dfs::roles
