#include "core/groups/directory_report.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dfs::core {

namespace {

constexpr std::size_t groups_told = 40; ///< In one answer of 16 KiB.
/// Behind group 0 alone nobody could go on: `after` 0 is from the first one.
constexpr std::size_t groups_least = 2;

/// One by one; of more servers only the sums are told.
constexpr std::size_t volumes_told = 150;

std::chrono::milliseconds ago(instant then, instant now) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(now - then);
}

msg::group_phase
phase_of(const version_directory& x, const group_entry& entry, instant now) {
  using phase = msg::group_phase;
  const auto& set = entry.in_force;
  if (set.servers.empty())
    return entry.change ? phase::changing : phase::waiting;
  const auto here
    = std::count_if(set.servers.begin(), set.servers.end(),
                    [&](store_id store) { return x.usable(store, now); });
  if (entry.outrun
      || here < (entry.ready ? set.rule.write : seal_quorum(set.rule)))
    return phase::lost;
  if (!entry.ready)
    return phase::changing;
  if (!entry.led)
    return phase::leaderless;
  const bool all = here == set.rule.copies;
  return all && x.whole(entry) ? phase::healthy : phase::degraded;
}

void count_files(const version_directory& x, store_id store,
                 const fileserver& server, msg::fileserver_status& to) {
  for (const auto& [group, told] : server.groups) {
    const auto& what = told.what;
    to.missing += what.missing;
    to.bytes += what.bytes;
    const auto at = x.groups().find(group);
    if (at == x.groups().end())
      continue;
    const auto& set = at->second.in_force;
    if (of_set(set, store))
      (x.fit(at->second, store) ? to.files : to.set_aside) += what.files;
    else if (what.epoch < set.epoch)
      to.set_aside += what.files;
  }
}

std::string detail_of(const version_directory& x, const group_entry& entry,
                      const msg::group_status& status) {
  if (entry.outrun)
    return "a server is in a later epoch than is known here: admin "
           "rebuild-directory";
  std::string away;
  for (const auto store : status.away)
    away += ' ' + x.name_of(store);
  switch (status.phase) {
    case msg::group_phase::waiting:
      return fmt::format("{} file servers are needed",
                         x.rule_of(status.where.set.group).copies);
    case msg::group_phase::changing:
      return entry.change
               ? fmt::format("{} epoch {:x}", to_string(entry.change->state()),
                             entry.change->to().epoch.value())
               : "another set is to be chosen";
    case msg::group_phase::lost:
      return fmt::format("too few of its servers are left; away:{}", away);
    default:
      return away.empty() ? "" : fmt::format("not in service:{}", away);
  }
}

} // namespace

msg::group_status
report_group(const version_directory& x, group_id group, instant now) {
  const auto& entry = x.groups().at(group);
  msg::group_status status;
  status.where = x.place(entry);
  status.where.set.group = group;
  if (entry.in_force.servers.empty())
    status.where.set.rule = x.rule_of(group);
  status.phase = phase_of(x, entry, now);
  for (const auto store : entry.in_force.servers) {
    if (!x.usable(store, now) || !x.fit(entry, store))
      status.away.push_back(store);
    const auto* stands = x.standing(store, group);
    if (!stands)
      continue;
    status.files = std::max(status.files, stands->files);
    status.missing += stands->missing;
    status.bytes = std::max(status.bytes, stands->bytes);
  }
  if (entry.change && !entry.ready)
    status.next = entry.change->to().servers;
  status.detail = detail_of(x, entry, status);
  return status;
}

msg::group_list report_groups(const version_directory& x,
                              const msg::list_groups& page, instant now) {
  msg::group_list list;
  const auto limit
    = page.limit == 0
        ? groups_told
        : std::clamp<std::size_t>(page.limit, groups_least, groups_told);
  // Groups begin with 0: `after` the highest number means from the first one.
  for (const auto& [group, entry] : x.groups()) {
    if (page.after != group_id{} && group <= page.after)
      continue;
    if (list.groups.size() == limit) {
      list.more = true;
      break;
    }
    list.groups.push_back(report_group(x, group, now));
  }
  return list;
}

std::array<std::uint64_t, 6>
count_groups(const version_directory& x, instant now) {
  std::array<std::uint64_t, 6> counts{};
  for (const auto& [group, entry] : x.groups())
    ++counts[static_cast<std::size_t>(phase_of(x, entry, now)) - 1];
  return counts;
}

msg::fileserver_list
report_fileservers(const version_directory& x, instant now) {
  using phase = msg::fileserver_phase;
  msg::fileserver_list list;
  std::map<store_id, std::uint64_t> leads;
  std::map<store_id, std::uint64_t> member;
  std::uint64_t lacking = 0;
  std::size_t shown = 0;
  for (const auto& [group, entry] : x.groups()) {
    ++leads[entry.primary];
    for (const auto store : entry.in_force.servers)
      ++member[store];
    const auto at = phase_of(x, entry, now);
    ++list.groups;
    list.groups_healthy += at == msg::group_phase::healthy ? 1 : 0;
    list.groups_changing += at == msg::group_phase::changing ? 1 : 0;
    list.groups_lost += at == msg::group_phase::lost ? 1 : 0;
  }
  for (const auto& [store, server] : x.servers()) {
    msg::fileserver_status y;
    y.store = store;
    y.name = x.name_of(store);
    y.zone = server.row.zone;
    y.data = server.row.data;
    const bool here = x.alive(store, now);
    y.phase = server.row.failed ? (here ? phase::rejoining : phase::failed)
              : here            ? phase::up
                                : phase::silent;
    y.groups = member[store];
    y.leads = leads[store];
    count_files(x, store, server, y);
    for (const auto& volume : server.volumes) {
      y.total_bytes += volume.failed ? 0 : volume.total_bytes;
      y.free_bytes += volume.failed ? 0 : volume.free_bytes;
    }
    y.heard = ago(server.heard, now);
    y.full = server.full;
    if (shown < volumes_told) {
      y.volumes = server.volumes;
      y.disks = server.disks;
      shown += y.volumes.size() + y.disks.size();
    }
    list.servers.push_back(std::move(y));
  }
  std::stable_sort(
    list.servers.begin(), list.servers.end(),
    [](const auto& a, const auto& b) { return a.name < b.name; });
  for (const auto& [store, repair] : x.repairs()) {
    lacking = 0;
    for (const auto group : repair.open)
      for (const auto member_store : x.groups().at(group).in_force.servers)
        if (const auto* stands = x.standing(member_store, group))
          lacking += stands->missing;
    list.repairs.push_back({store, x.name_of(store),
                            repair.all - repair.open.size(), repair.all,
                            lacking, ago(repair.began, now)});
  }
  return list;
}

} // namespace dfs::core
