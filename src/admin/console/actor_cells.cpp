#include "admin/console/actor_cells.hpp"

#include <algorithm>

namespace dfs::admin {

std::string_view to_string(msg::actor_activity x) {
  switch (x) {
    case msg::actor_activity::starting:
      return "starting";
    case msg::actor_activity::idle:
      return "idle";
    case msg::actor_activity::busy:
      return "busy";
    case msg::actor_activity::ended:
      return "ended";
  }
  return "unknown";
}

cell activity_cell(const msg::actor_stats& x) {
  cell shown{to_string(x.activity)};
  // Less is nothing to look at: it will be over before anybody can.
  if (x.busy_for >= std::chrono::milliseconds{1})
    shown.text += " " + duration_text(x.busy_for);
  return shown;
}

const std::vector<std::string>& actor_sort_keys() {
  static const std::vector<std::string> keys{
    "name", "messages", "mailbox", "p99", "max", "failures", "restarts", "age"};
  return keys;
}

void sort_actors(std::vector<msg::actor_stats>& actors, std::string_view key) {
  const auto by = [&](auto field) {
    std::stable_sort(
      actors.begin(), actors.end(),
      [=](const auto& a, const auto& b) { return a.*field > b.*field; });
  };
  using stats = msg::actor_stats;
  if (key == "messages")
    by(&stats::messages);
  else if (key == "mailbox")
    by(&stats::mailbox);
  else if (key == "p99")
    by(&stats::handling_p99);
  else if (key == "max")
    by(&stats::handling_max);
  else if (key == "failures")
    by(&stats::failures);
  else if (key == "restarts")
    by(&stats::restarts);
  else if (key == "age")
    by(&stats::age);
  else
    std::stable_sort(
      actors.begin(), actors.end(),
      [](const auto& a, const auto& b) { return a.name < b.name; });
}

} // namespace dfs::admin
