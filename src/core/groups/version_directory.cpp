#include "core/groups/version_directory.hpp"

#include "base/assert.hpp"
#include "core/versions/group_placement.hpp"

#include <fmt/format.h>

#include <algorithm>

// What is remembered, and what clients ask.

namespace dfs::core {

namespace {

using namespace std::chrono_literals;

/// Who was full leads again after that: what was freed may soon be used up.
constexpr auto room_pause = 10'000ms;

} // namespace

bool of_set(const msg::group_set& set, store_id x) {
  return std::find(set.servers.begin(), set.servers.end(), x)
         != set.servers.end();
}

msg::group_standing active_in(group_id group, group_epoch epoch) {
  msg::group_standing x;
  x.group = group;
  x.epoch = epoch;
  return x;
}

std::string_view to_string(version_note_line::kind x) {
  constexpr std::string_view names[] = {
    "a file server is here",
    "a file server is silent",
    "a file server is dead",
    "a file server is declared failed",
    "a file server is back in service",
    "a group gets another set",
    "a change of a set has failed",
    "a set is in force",
    "a primary is appointed",
    "a primary leads",
    "a primary has resigned",
    "a server drops a group that has enough others",
    "a repair begins",
    "a repair is done",
    "a server is in a later epoch than is known here",
    "a group is forced to go on",
    "the directory of groups is rebuilt",
    "a file server is forgotten",
    "the metadata are not the newest",
    "a server is filled with what a group has",
    "a server is not filled with what a group has",
    "two nodes with one store",
  };
  return names[static_cast<std::size_t>(x)];
}

version_directory::version_directory(const options& how, instant now)
  : config_{how.config},
    term_{how.term},
    lineage_{how.lineage},
    started_{now},
    arrived_{now},
    unsettled_{now},
    moved_{now} {
  DFS_ASSERT(term_.value() < 1u << 24); // D2
  revision_ = next_number();
  for (const auto& [number, rule] : config_.rules)
    for (std::uint64_t i = 0; i < config_.groups; ++i)
      groups_[group_id{number * groups_max + i}];
}

const msg::quorum_rule& version_directory::rule_of(group_id group) const {
  return config_.rules.at(class_of_group(group));
}

void version_directory::load(const msg::group_set& in_force) {
  groups_[in_force.group].in_force = in_force;
}

void version_directory::load(const fileserver_row& row) {
  auto& x = servers_[row.store];
  x.row = row;
  x.heard = started_;
}

void version_directory::load(const store_age& row) {
  auto& x = servers_[row.store];
  if (x.row.store == store_id{}) { // Its row is not there.
    x.row.store = row.store;
    x.heard = started_;
  }
  x.age = row;
  x.rows = row.rows;
}

void version_directory::begin(instant now) {
  for (auto& [group, entry] : groups_) {
    if (entry.in_force.servers.empty())
      continue;
    for (const auto x : entry.in_force.servers) {
      auto& server = servers_[x];
      if (server.row.store == store_id{}) { // Its row is not there.
        server.row.store = x;
        server.heard = now;
      }
      if (server.row.failed)
        entry.rejoining[x];
    }
    entry.resumed = true;
    entry.change = epoch_change::resume(entry.in_force);
    entry.began = now;
    perform(group, entry.change->begin(now), now);
  }
}

void version_directory::say(note what, group_id group, store_id store,
                            std::string text) {
  out_.push_back(version_note_line{what, group, store, std::move(text)});
}

void version_directory::stop(const std::string& why) {
  if (!stopped_.empty())
    return;
  stopped_ = why;
  if (rebuilding_)
    out_.push_back(
      answer_rebuild{rebuilding_->asker, fail(ec::stale, stopped_)});
  rebuilding_.reset();
  say(note::outdated, {}, {}, why);
}

result<nothing> version_directory::may_work() const {
  if (!stopped_.empty())
    return fail(ec::stale, stopped_);
  return done;
}

version_directory_effects version_directory::take_effects() {
  auto out = std::exchange(out_, {});
  if (!stopped_.empty()) {
    std::erase_if(out, [](const version_directory_effect& x) {
      return !std::holds_alternative<answer_rebuild>(x)
             && !std::holds_alternative<version_note_line>(x);
    });
    (void) orders_.take();
    return out;
  }
  for (auto& [store, pages] : orders_.take()) {
    const auto to = servers_.find(store);
    if (to == servers_.end() || !to->second.linked || to->second.dead)
      continue;
    for (auto& page : pages) {
      page.orders.term = term_;
      for (const auto x : page.mentioned)
        if (const auto it = servers_.find(x);
            it != servers_.end() && it->second.row.data.port != 0)
          page.orders.servers.push_back({x, it->second.row.data});
      out.push_back(send_orders{store, std::move(page.orders)});
    }
  }
  return out;
}

// -- predicates ---------------------------------------------------------------

bool version_directory::alive(store_id x, instant now) const {
  const auto it = servers_.find(x);
  return it != servers_.end() && !it->second.dead
         && now - it->second.heard < config_.silent_after;
}

bool version_directory::usable(store_id x, instant now) const {
  return alive(x, now) && servers_.at(x).linked;
}

const msg::group_standing*
version_directory::standing(store_id x, group_id group) const {
  const auto it = servers_.find(x);
  if (it == servers_.end())
    return nullptr;
  const auto at = it->second.groups.find(group);
  return at == it->second.groups.end() ? nullptr : &at->second.what;
}

bool version_directory::fit(const group_entry& group, store_id x) const {
  const auto* stands = standing(x, group.in_force.group);
  return stands && of_set(group.in_force, x)
         && stands->epoch == group.in_force.epoch && !stands->sealed
         && !stands->quarantined && !group.rejoining.contains(x);
}

bool version_directory::whole(const group_entry& group) const {
  const auto& set = group.in_force;
  return group.ready && !set.servers.empty()
         && std::all_of(
           set.servers.begin(), set.servers.end(), [&](store_id x) {
             return fit(group, x) && standing(x, set.group)->missing == 0;
           });
}

bool version_directory::whole(const group_entry& group, instant now) const {
  const auto& servers = group.in_force.servers;
  return whole(group)
         && std::all_of(servers.begin(), servers.end(),
                        [&](store_id x) { return usable(x, now); });
}

bool version_directory::settled(const group_entry& group, instant now) const {
  const auto& set = group.in_force;
  return group.ready && group.led && !set.servers.empty()
         && std::all_of(
           set.servers.begin(), set.servers.end(),
           [&](store_id x) { return fit(group, x) && usable(x, now); });
}

bool version_directory::has_room(store_id x, instant now) const {
  const auto it = servers_.find(x);
  return it != servers_.end() && !it->second.full
         && (!it->second.was_full || now - *it->second.was_full >= room_pause);
}

std::string version_directory::name_of(store_id x) const {
  const auto it = servers_.find(x);
  return it == servers_.end() || it->second.row.name.empty()
           ? fmt::format("{:016x}", x.value())
           : it->second.row.name;
}

// -- clients ------------------------------------------------------------------

msg::group_location version_directory::place(const group_entry& group) const {
  msg::group_location where{group.in_force, {}, group.primary};
  for (const auto x : group.in_force.servers)
    if (const auto it = servers_.find(x);
        it != servers_.end() && it->second.row.data.port != 0)
      where.servers.push_back({x, it->second.row.data});
  return where;
}

error version_directory::too_few(group_id group, instant now) const {
  std::string up;
  std::string away;
  std::size_t count = 0;
  for (const auto& [store, x] : servers_) {
    const bool here = usable(store, now);
    count += here ? 1 : 0;
    (here ? up : away) += ' ' + name_of(store);
  }
  if (count >= rule_of(group).copies) // The cluster has just been started.
    return fail(ec::unavailable,
                fmt::format("group {} is about to get its first set of file "
                            "servers",
                            group.value()));
  return fail(ec::too_few_servers,
              fmt::format("group {} has no set yet: {} file servers are "
                          "needed, {} are up:{}; away:{}",
                          group.value(), rule_of(group).copies, count,
                          up.empty() ? " none" : up,
                          away.empty() ? " none" : away));
}

result<msg::group_location>
version_directory::locate(const msg::locate_group& x, instant now) {
  if (auto may = may_work(); !may)
    return may.error();
  const auto it = groups_.find(x.group);
  if (it == groups_.end())
    return fail(ec::not_found, fmt::format("group {}", x.group.value()));
  auto& entry = it->second;
  if (entry.in_force.servers.empty())
    return too_few(x.group, now);
  // A client sees what the master does not: a one-way cut. Its word counts now
  // and then only: it may be the client's link that is bad.
  if (x.unreachable != store_id{} && x.unreachable == entry.primary
      && now - entry.appointed >= entry.patience) {
    entry.patience = std::min(entry.patience * 2, complaint_patience_max);
    unseat(entry);
    appoint(x.group, entry, now);
  }
  return place(entry);
}

result<msg::file_located>
version_directory::locate(msg::file_located x, instant now) const {
  if (auto may = may_work(); !may)
    return may.error();
  const auto group = group_of_file(x.status.inode, x.of_class, config_.groups);
  const auto it = groups_.find(group);
  if (it == groups_.end())
    return fail(ec::integrity,
                fmt::format("{} has N, W and R of a path that is not known "
                            "here any more",
                            x.status.path));
  const auto& entry = it->second;
  if (entry.in_force.servers.empty())
    return too_few(group, now);
  x.group = place(entry);
  x.status.replication = entry.in_force.rule.copies;
  return x;
}

result<msg::writer_numbered> version_directory::number_writer() {
  if (auto may = may_work(); !may)
    return may.error();
  return msg::writer_numbered{put_writer{next_number()}};
}

void version_directory::unlinked(store_id store, const msg::file_unlinked& x) {
  orders_.add(store, x);
}

void version_directory::purge(const msg::purge_versions& x) {
  for (const auto& [file, of_class, seen] : x.files) {
    const auto group = group_of_file(file, of_class, config_.groups);
    if (const auto it = groups_.find(group);
        it != groups_.end() && it->second.led)
      orders_.add(it->second.primary, msg::purge_file{group, file, seen});
  }
}

void version_directory::check() const {
  for (const auto& [group, entry] : groups_) {
    if (entry.change) {
      entry.change->check();
      if (!entry.ready)
        DFS_ASSERT(entry.primary == store_id{}); // D1
    }
    if (entry.primary != store_id{}) {
      DFS_ASSERT(entry.ready && of_set(entry.in_force, entry.primary));
      DFS_ASSERT(entry.ballot > group_ballot{entry.in_force.epoch.value()});
    }
  }
}

} // namespace dfs::core
