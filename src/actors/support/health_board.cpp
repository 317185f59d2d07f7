#include "actors/support/health_board.hpp"

#include <algorithm>

namespace dfs::actors {

void health_board::heartbeat(instant now) {
  const std::lock_guard lock{guard_};
  last_heartbeat_ = now;
  beaten_ = true;
}

void health_board::set(std::string_view name, bool passed,
                       std::string_view reason) {
  put(name, passed, passed ? std::string_view{} : reason);
}

void health_board::pass(std::string_view name, std::string_view remark) {
  put(name, true, remark);
}

void health_board::put(std::string_view name, bool passed,
                       std::string_view reason) {
  const std::lock_guard lock{guard_};
  auto it = checks_.find(name);
  if (it == checks_.end())
    it = checks_.emplace(name, msg::health_check{}).first;
  it->second = {std::string{name}, passed, std::string{reason}};
}

msg::health_report health_board::report(instant now) const {
  const std::lock_guard lock{guard_};
  msg::health_report x;
  x.live = beaten_ && now - last_heartbeat_ < silence_max;
  x.ready = x.live && !checks_.empty();
  for (const auto& [name, check] : checks_) {
    x.ready = x.ready && check.passed;
    x.checks.push_back(check);
  }
  return x;
}

} // namespace dfs::actors
