#include "admin/group_tables.hpp"

#include <fmt/format.h>

#include <utility>

namespace dfs::admin {

namespace {

std::string store_text(store_id x) {
  return fmt::format("{:016x}", x.value());
}

cell servers_cell(const std::vector<store_id>& all, const store_names& names) {
  return all.empty() ? cell::nothing() : cell::list(names.of(all));
}

} // namespace

store_names::store_names(const msg::fileserver_list& known) {
  for (const auto& x : known.servers)
    if (!x.name.empty())
      names_[x.store] = x.name;
}

std::string store_names::of(store_id x) const {
  const auto found = names_.find(x);
  return found == names_.end() ? store_text(x) : found->second;
}

std::vector<std::string>
store_names::of(const std::vector<store_id>& all) const {
  std::vector<std::string> texts;
  for (const auto x : all)
    texts.push_back(of(x));
  return texts;
}

std::string_view word_for(msg::group_phase x) {
  switch (x) {
    case msg::group_phase::waiting:
      return "waiting";
    case msg::group_phase::healthy:
      return "healthy";
    case msg::group_phase::leaderless:
      return "leaderless";
    case msg::group_phase::degraded:
      return "degraded";
    case msg::group_phase::changing:
      return "changing";
    case msg::group_phase::lost:
      return "lost";
  }
  return "unknown";
}

std::string_view word_for(msg::fileserver_phase x) {
  switch (x) {
    case msg::fileserver_phase::up:
      return "up";
    case msg::fileserver_phase::silent:
      return "silent";
    case msg::fileserver_phase::failed:
      return "failed";
    case msg::fileserver_phase::rejoining:
      return "rejoining";
  }
  return "unknown";
}

table group_table(const std::vector<msg::group_status>& groups,
                  const store_names& names) {
  table rows{{"group", "phase", "primary", "servers", "away", "next", "files",
              "missing", "bytes", "detail"},
             {}};
  for (const auto& x : groups) {
    const auto primary = x.where.primary;
    rows.rows.push_back(
      {cell::unsigned_number(x.where.set.group.value()), word_for(x.phase),
       primary == store_id{} ? cell::nothing() : cell{names.of(primary)},
       servers_cell(x.where.set.servers, names), servers_cell(x.away, names),
       servers_cell(x.next, names), cell::unsigned_number(x.files),
       cell::unsigned_number(x.missing), cell::bytes(x.bytes),
       x.detail.empty() ? cell::nothing() : cell{x.detail}});
  }
  return rows;
}

table fileserver_table(const msg::fileserver_list& x) {
  table rows{{"server", "store", "zone", "phase", "groups", "leads", "files",
              "missing", "set_aside", "free", "total", "heard", "data"},
             {}};
  for (const auto& server : x.servers)
    rows.rows.push_back(
      {server.name, store_text(server.store), server.zone,
       word_for(server.phase), cell::unsigned_number(server.groups),
       cell::unsigned_number(server.leads), cell::unsigned_number(server.files),
       cell::unsigned_number(server.missing),
       cell::unsigned_number(server.set_aside), cell::bytes(server.free_bytes),
       cell::bytes(server.total_bytes), cell::duration(server.heard),
       to_string(server.data)});
  return rows;
}

table repair_table(const msg::fileserver_list& x) {
  table rows{
    {"failed", "store", "groups_done", "groups", "files_missing", "running"},
    {}};
  for (const auto& task : x.repairs)
    rows.rows.push_back({task.name, store_text(task.server),
                         cell::unsigned_number(task.groups_done),
                         cell::unsigned_number(task.groups_all),
                         cell::unsigned_number(task.files_missing),
                         cell::duration(task.running)});
  return rows;
}

cell groups_cell(const msg::fileserver_list& x) {
  auto text = fmt::format("{} of {} healthy", x.groups_healthy, x.groups);
  if (x.groups_changing > 0)
    text += fmt::format(", {} changing", x.groups_changing);
  if (x.groups_lost > 0)
    text += fmt::format(", {} lost", x.groups_lost);
  return cell::object(std::move(text),
                      {{"all", cell::unsigned_number(x.groups)},
                       {"healthy", cell::unsigned_number(x.groups_healthy)},
                       {"changing", cell::unsigned_number(x.groups_changing)},
                       {"lost", cell::unsigned_number(x.groups_lost)}});
}

} // namespace dfs::admin
