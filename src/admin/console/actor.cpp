#include "admin/console/actor_cells.hpp"
#include "admin/console/command.hpp"
#include "settings/suggest.hpp"

namespace dfs::admin {

namespace {

constexpr std::size_t bar_length = 40;

record summary(const msg::actor_stats& x) {
  return {
    {"name", x.name},
    {"parent", x.parent.empty() ? cell::nothing() : cell{x.parent}},
    {"state", activity_cell(x)},
    {"age_ms", cell::duration(x.age)},
    {"messages", cell::unsigned_number(x.messages)},
    {"mailbox", cell::unsigned_number(x.mailbox)},
    {"failures", cell::unsigned_number(x.failures)},
    {"restarts", cell::unsigned_number(x.restarts)},
    {"handling_p50_ms", cell::duration(x.handling_p50)},
    {"handling_p99_ms", cell::duration(x.handling_p99)},
    {"handling_max_ms", cell::duration(x.handling_max)},
    {"handling_sum_ms", cell::duration(x.handling_sum)},
    {"last_error", x.last_error.empty() ? cell::nothing() : cell{x.last_error}},
  };
}

table histogram(const msg::actor_detail& x, bool json) {
  std::uint64_t most = 1;
  for (const auto& bucket : x.handling)
    most = std::max(most, bucket.count);
  table rows{{"up_to_ms", "count"}, {}};
  if (!json)
    rows.columns = {"up_to", "count", "handling"};
  for (const auto& bucket : x.handling) {
    std::vector<cell> row{cell::duration(bucket.up_to),
                          cell::unsigned_number(bucket.count)};
    if (!json) // At least a stroke: it did happen.
      row.emplace_back(std::string(
        std::max<std::size_t>(1, bucket.count * bar_length / most), '#'));
    rows.rows.push_back(std::move(row));
  }
  return rows;
}

table recent(const msg::actor_detail& x, bool json) {
  table rows{{"ago_ms", "took_ms", "type"}, {}};
  if (!json)
    rows.columns = {"ago", "took", "last_messages"};
  for (const auto& message : x.recent)
    rows.rows.push_back({cell::duration(message.ago),
                         cell::duration(message.took), message.type});
  return rows;
}

result<nothing> run(console_context& context, const console_arguments& given) {
  const auto& name = given.words[0];
  const auto found = context.node.actor(name);
  if (!found) {
    auto why = found.error();
    if (why.code == ec::not_found)
      why.context += settings::did_you_mean(name, actor_names(context.node));
    return why;
  }
  const auto json = context.out.how().json;
  auto head = summary(found->stats);
  if (!json) {
    for (auto& [key, value] : head)
      if (key.ends_with("_ms"))
        key.resize(key.size() - 3);
  } else {
    head.emplace_back("busy_for_ms", cell::duration(found->stats.busy_for));
  }
  context.out.print(head, {{"handling", histogram(*found, json)},
                           {"recent", recent(*found, json)}});
  return done;
}

} // namespace

console_command actor_command() {
  return {.name = "actor",
          .usage = "NAME",
          .help = "One actor: histogram, last messages, last error.",
          .words_min = 1,
          .words_max = 1,
          .run = run,
          .words
          = [](console_node& node, std::size_t) { return actor_names(node); }};
}

} // namespace dfs::admin
