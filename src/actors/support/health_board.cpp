#include "actors/support/health_board.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace dfs::actors {

namespace {

void add(std::string& reasons, std::string_view name,
         std::chrono::duration<double> stuck, std::string_view at) {
  reasons += fmt::format("{}{} has {} for {:.1f} s",
                         reasons.empty() ? "" : "; ", name, at, stuck.count());
}

msg::health_check stuck_check(const actor_registry& all, instant now) {
  msg::health_check check{"subsystems", true, {}};
  const auto meters = all.meters();
  // Handlers make others wait; without a long one nobody waits for long.
  if (std::none_of(meters.begin(), meters.end(), [&](const auto& x) {
        return x->busy_for(now) >= health_board::stuck_told;
      }))
    return check;
  for (const auto& meter : meters) {
    const auto stuck = meter->stuck_for(now);
    if (stuck < health_board::stuck_told)
      continue;
    check.passed
      = check.passed
        && (meter->waits_for_disks() || stuck < health_board::silence_max);
    add(check.reason, meter->name(), stuck, "finished no message");
  }
  return check;
}

} // namespace

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

void health_board::watch(const actor_registry& all) {
  const std::lock_guard lock{guard_};
  subsystems_ = &all;
}

void health_board::watch(std::string name,
                         std::function<std::chrono::nanoseconds()> stuck_for) {
  const std::lock_guard lock{guard_};
  disks_.insert_or_assign(std::move(name), std::move(stuck_for));
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
  if (subsystems_ != nullptr) {
    x.checks.push_back(stuck_check(*subsystems_, now));
    x.ready = x.ready && x.checks.back().passed;
  }
  if (!disks_.empty()) {
    auto& check = x.checks.emplace_back(msg::health_check{"disks", true, {}});
    for (const auto& [name, stuck_for] : disks_)
      if (const auto stuck = stuck_for(); stuck >= stuck_told)
        add(check.reason, name, stuck, "waited for its disk");
  }
  return x;
}

} // namespace dfs::actors
