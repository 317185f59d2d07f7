#include "core/multicast/log_watch.hpp"

namespace dfs::core {

namespace {

using namespace std::chrono_literals;

// `look` comes every 50 ms at least, but where the process was stopped, or its
// machine: then the disk may have had no time, either.
constexpr auto away = 500ms;

} // namespace

void log_watch::begins(instant now) {
  if (!waits_)
    since_ = now;
  waits_ = true;
}

void log_watch::moves(bool all, instant now) {
  waits_ = !all;
  since_ = now;
}

void log_watch::look(instant now) {
  if (now > looked_ + away)
    since_ = now;
  looked_ = now;
  hangs_ = waits_ && now > since_ + bound_;
  if (hangs_)
    hung_ = now;
  ails_ = hangs_ || (ails_ && now < hung_ + wary_);
}

} // namespace dfs::core
