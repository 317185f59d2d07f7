#include "admin/console/actor_cells.hpp"
#include "admin/console/command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace dfs::admin {

namespace {

constexpr auto interval = std::chrono::seconds{1};

// Clears the screen and goes home.
constexpr std::string_view fresh_screen = "\033[H\033[2J";

struct rate {
  msg::actor_stats stats;
  double messages = 0; ///< Per second.
  double busy = 0;     ///< Share of one core, in percent.
};

/// The busiest first, then those with the longest mailboxes.
std::vector<rate> rates(const msg::actor_list& before,
                        const msg::actor_list& now, double seconds) {
  std::map<std::string, msg::actor_stats> old;
  for (const auto& x : before.actors)
    old[x.name] = x;
  std::vector<rate> all;
  for (const auto& x : now.actors) {
    const auto& then = old[x.name];
    const auto spent = x.handling_sum - then.handling_sum;
    all.push_back(
      {x, static_cast<double>(x.messages - then.messages) / seconds,
       std::chrono::duration<double>(spent).count() * 100 / seconds});
  }
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return std::pair{a.busy, a.stats.mailbox}
           > std::pair{b.busy, b.stats.mailbox};
  });
  return all;
}

table picture(const std::vector<rate>& all, bool json) {
  table rows{{"name", "state", "messages_per_s", "busy_percent", "mailbox",
              json ? "p99_ms" : "p99", "failures"},
             {}};
  for (const auto& x : all) {
    cell per_second{fmt::format("{:.1f}", x.messages)};
    per_second.plain = x.messages;
    per_second.right = true;
    cell busy{fmt::format("{:.1f}", x.busy)};
    busy.plain = x.busy;
    busy.right = true;
    rows.rows.push_back({x.stats.name, activity_cell(x.stats),
                         std::move(per_second), std::move(busy),
                         cell::unsigned_number(x.stats.mailbox),
                         cell::duration(x.stats.handling_p99),
                         cell::unsigned_number(x.stats.failures)});
  }
  return rows;
}

result<nothing> run(console_context& context, const console_arguments&) {
  auto before = context.node.actors();
  if (!before)
    return before.error();
  for (;;) {
    const auto key = context.wait(interval);
    if (key && context.live)
      return done;
    auto now = context.node.actors();
    if (!now)
      return now.error();
    const auto seconds = std::chrono::duration<double>(interval).count();
    if (context.live)
      context.out.raw(fresh_screen);
    context.out.print(
      picture(rates(*before, *now, seconds), context.out.how().json));
    if (!context.live)
      return done;
    context.out.say("");
    context.out.say(context.node.name() + ", every second; a key ends it");
    before = std::move(now);
  }
}

} // namespace

console_command top_command() {
  return {.name = "top",
          .usage = "",
          .help = "The busiest actors, live until a key is pressed.",
          .run = run};
}

} // namespace dfs::admin
