#include "admin/queues/queue_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace dfs::admin {

namespace {

/// "2 (fileserver-2)"; programs get the number.
cell server_cell(const msg::queue_group_status& x, server_id which) {
  if (which == server_id{})
    return cell::nothing();
  auto made = cell::unsigned_number(which.value());
  made.right = false;
  for (const auto& row : x.members)
    if (row.server == which && !row.name.empty())
      made.text += " (" + row.name + ")";
  return made;
}

cell configuration_cell(const msg::configuration_id& x) {
  return fmt::format("{}.{}", x.epoch, x.leader.value());
}

} // namespace

record group_record(const msg::queue_group_status& x) {
  std::vector<std::string> here;
  for (const auto& row : x.members)
    if (row.member)
      here.push_back(std::to_string(row.server.value()));
  record made{
    {"server", server_cell(x, x.server)},
    {"primary", cell::boolean(x.primary)},
    {"why_not", x.why_not.empty() ? cell::nothing() : cell{x.why_not}},
    {"configuration", configuration_cell(x.configuration)},
    {"members", cell::list(std::move(here))},
    {"leader", server_cell(x, x.leader)},
    {"owner", server_cell(x, x.owner)},
    {"rule", x.rule},
    {"durability", x.durable_mode ? "durable" : "memory"},
    {"first", cell::unsigned_number(x.first)},
    {"received", cell::unsigned_number(x.received)},
    {"durable", cell::unsigned_number(x.durable)},
    {"safe", cell::unsigned_number(x.safe)},
    {"stable", cell::unsigned_number(x.stable)},
    {"final", cell::unsigned_number(x.final)},
    {"buffered", cell::unsigned_number(x.buffered)},
    {"waiting_bytes", cell::bytes(x.waiting_bytes)},
    {"retransmissions", cell::unsigned_number(x.retransmissions)},
    {"nacks", cell::unsigned_number(x.nacks)},
    {"conflicts", cell::unsigned_number(x.conflicts)},
    {"discarded", cell::unsigned_number(x.discarded)},
    {"state_hash", fmt::format("{:016x}", x.state_hash)},
  };
  return made;
}

table group_member_table(const msg::queue_group_status& x) {
  table rows{{"id", "name", "heard", "member", "received", "durable"}, {}};
  for (const auto& row : x.members)
    rows.rows.push_back({cell::unsigned_number(row.server.value()), row.name,
                         cell::boolean(row.heard), cell::boolean(row.member),
                         cell::unsigned_number(row.received),
                         cell::unsigned_number(row.durable)});
  return rows;
}

table last_heard_table(const msg::queue_primary_forced& x) {
  table rows{{"id", "name", "heard", "member", "received"}, {}};
  for (const auto& row : x.members)
    rows.rows.push_back({cell::unsigned_number(row.server.value()), row.name,
                         cell::boolean(row.heard), cell::boolean(row.member),
                         cell::unsigned_number(row.received)});
  return rows;
}

result<all_queues> list_all_queues(
  const std::function<result<msg::queue_list>(const msg::list_queues&)>& ask) {
  all_queues all;
  msg::list_queues request;
  for (;;) {
    auto page = ask(request);
    if (!page)
      return page.error();
    all.stale = all.stale || page->stale;
    for (auto& x : page->queues) {
      request.after = std::max(request.after, x.queue);
      all.queues.push_back(std::move(x));
    }
    if (!page->more || page->queues.empty())
      return all;
  }
}

table queue_table(const all_queues& x) {
  table rows{{"id", "items", "bytes", "label"}, {}};
  for (const auto& each : x.queues)
    rows.rows.push_back({cell::unsigned_number(each.queue.value()),
                         cell::unsigned_number(each.items),
                         cell::bytes(each.bytes), each.label});
  return rows;
}

} // namespace dfs::admin
