#include "roles/exit_watch.hpp"

#include "actors/support/log.hpp"
#include "base/time.hpp"

#include <algorithm>
#include <csignal>
#include <ctime>
#include <future>
#include <string>

#include <pthread.h>
#include <unistd.h>

namespace dfs::roles {

namespace {

using namespace std::chrono_literals;

/// How often the watch looks whether it is still needed.
constexpr std::chrono::milliseconds look_around{50};

/// The last lines of the log may take so long; its disk may hang, too.
constexpr std::chrono::milliseconds log_patience{300};

/// One word may come as two signals of a kind: `timeout` sends its own to the
/// process, and then to the group.
constexpr std::chrono::milliseconds echo_window{50};

/// Which signal says once more that the process shall end; 0 if none does.
int told_again(std::chrono::milliseconds within) {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  const timespec wait{within / 1s, (within % 1s) / 1ns};
  return std::max(sigtimedwait(&ends, nullptr, &wait), 0);
}

} // namespace

exit_watch::exit_watch(std::chrono::milliseconds patience, int status,
                       int told_by)
  : status_{status},
    told_by_{told_by},
    thread_{[this, patience] { watch(patience); }} {
  // nop
}

exit_watch::~exit_watch() {
  over_ = true;
  thread_.join();
}

void exit_watch::goodbye_said() {
  said_ = true;
  if (hurried_)
    leave("told to end a second time");
}

void exit_watch::watch(std::chrono::milliseconds patience) {
  pthread_setname_np(pthread_self(), "dfs-exit");
  const auto began = instant::clock::now();
  const auto until = began + patience;
  while (!over_) {
    const int heard = told_again(look_around);
    if (heard != 0
        && (heard != told_by_ || instant::clock::now() >= began + echo_window))
      hurried_ = true;
    if (hurried_ && said_)
      leave("told to end a second time");
    if (instant::clock::now() >= until)
      leave("did not end within its time");
  }
}

void exit_watch::leave(std::string_view why) {
  leaving_.lock();
  actors::log_event(*actors::log_for("node"), spdlog::level::err,
                    "left behind what did not end",
                    {{"why", std::string{why}}, {"status", status_}});
  std::promise<void> written;
  std::thread{[&] {
    actors::stop_log();
    written.set_value();
  }}.detach();
  written.get_future().wait_for(log_patience);
  _exit(status_);
}

} // namespace dfs::roles
