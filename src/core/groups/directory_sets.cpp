#include "core/groups/version_directory.hpp"

#include "base/assert.hpp"
#include "core/versions/group_placement.hpp"

#include <fmt/format.h>

#include <algorithm>

// Which servers a group has, and how it gets others.

namespace dfs::core {

namespace {

using namespace std::chrono_literals;

constexpr auto gather_first = 1'000ms; ///< For the first servers to come.
constexpr std::size_t first_at_once = 128;

bool same_servers(std::vector<store_id> a, std::vector<store_id> b) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  return a == b;
}

double seconds_of(instant::duration x) {
  return std::chrono::duration<double>(x).count();
}

} // namespace

// -- a change -----------------------------------------------------------------

void version_directory::begin_change(group_id group,
                                     std::vector<store_id> servers,
                                     const std::string& why, instant now) {
  auto& entry = groups_.at(group);
  const auto& rule = servers.size() == rule_of(group).copies
                       ? rule_of(group)
                       : entry.in_force.rule;
  DFS_ASSERT(servers.size() == rule.copies);
  std::string names;
  for (const auto x : servers)
    names += ' ' + name_of(x);
  const msg::group_set to{group, group_epoch{next_number()}, rule,
                          std::move(servers)};
  say(note::change_begun, group, {},
      fmt::format("{}: epoch {:x},{}", why, to.epoch.value(), names));
  entry.change.emplace(entry.in_force, to, entry.forced);
  entry.ready = false; // D1
  entry.resumed = false;
  entry.wanted.clear();
  entry.adopt_until.reset();
  entry.began = now;
  unseat(entry);
  perform(group, entry.change->begin(now), now);
}

void version_directory::perform(group_id group, epoch_effects effects,
                                instant now) {
  auto& entry = groups_.at(group);
  for (auto& x : effects) {
    if (auto* order = std::get_if<order_server>(&x)) {
      std::visit([&](auto& what) { orders_.add(order->to, what); },
                 order->what);
    } else if (auto* log = std::get_if<log_set>(&x)) {
      entry.logging = ++tokens_;
      logging_[entry.logging] = log->set;
      out_.push_back(log_group{entry.logging, log->set});
    } else if (std::holds_alternative<set_in_force>(x)) {
      came_in_force(group, entry, now);
    } else if (std::holds_alternative<change_over>(x)) {
      entry.change.reset();
      return;
    } else if (auto* failed = std::get_if<change_failed>(&x)) {
      say(note::change_failed, group, {}, failed->why.context);
      entry.wanted = failed->why.context;
      entry.change.reset();
      return;
    }
  }
}

void version_directory::logged(std::uint64_t token, instant now) {
  const auto node = logging_.extract(token);
  if (node.empty())
    return;
  const auto& set = node.mapped();
  auto& entry = groups_.at(set.group);
  DFS_ASSERT(set.epoch > entry.in_force.epoch); // D3
  // While its set is being logged a change neither fails nor is replaced.
  DFS_ASSERT(entry.change && entry.change->to().epoch == set.epoch);
  entry.in_force = set;
  entry.outrun = false;
  entry.rejoining.clear(); // Into the former set. Who fails from here on stays.
  perform(set.group, entry.change->logged(), now);
}

void version_directory::came_in_force(group_id group, group_entry& entry,
                                      instant now) {
  entry.ready = true;
  entry.forced = false;
  if (entry.resumed) {
    entry.adopt_until = now + 700ms; // All have beaten by then.
  } else {
    for (const auto x : entry.in_force.servers)
      if (const auto* stands = standing(x, group);
          servers_.at(x).row.failed
          && (!stands || stands->epoch != entry.in_force.epoch))
        entry.rejoining[x] = {};
    say(note::set_in_force, group, {},
        fmt::format("epoch {:x} after {:.3f} s", entry.in_force.epoch.value(),
                    seconds_of(now - entry.began)));
  }
  appoint(group, entry, now);
}

// -- which servers ------------------------------------------------------------

bool version_directory::may_found(group_id group, instant now) const {
  if (now - arrived_ < gather_first)
    return false;
  std::size_t count = 0;
  for (const auto& [store, x] : servers_) {
    if (!usable(store, now))
      continue;
    if (!x.all_told) // It may know of groups.
      return false;
    ++count;
  }
  return count >= rule_of(group).copies;
}

std::vector<store_id> version_directory::next_servers(group_id group,
                                                      const group_entry& entry,
                                                      instant now) const {
  std::vector<store_id> chosen;
  std::set<std::string> zones;
  const auto take = [&](store_id x) {
    chosen.push_back(x);
    zones.insert(servers_.at(x).row.zone);
  };
  for (const auto x : entry.in_force.servers)
    if (usable(x, now) || !servers_.at(x).row.failed)
      take(x);
  std::vector<placement_candidate> open;
  for (const auto& [store, x] : servers_)
    if (usable(store, now)
        && std::find(chosen.begin(), chosen.end(), store) == chosen.end())
      open.push_back({store, x.row.zone});
  const std::size_t usual = rule_of(group).copies;
  const std::size_t copies
    = chosen.size() + open.size() >= usual || entry.in_force.servers.empty()
        ? usual
        : entry.in_force.rule.copies;
  if (chosen.size() > copies) // The rule has shrunk.
    chosen.resize(copies);
  const auto order = choose_group_servers(group, open, open.size());
  for (const bool other_zone : {true, false})
    for (const auto x : order)
      if (chosen.size() < copies
          && std::find(chosen.begin(), chosen.end(), x) == chosen.end()
          && (!other_zone || !zones.contains(servers_.at(x).row.zone)))
        take(x);
  for (const auto x : entry.in_force.servers)
    if (chosen.size() < copies
        && std::find(chosen.begin(), chosen.end(), x) == chosen.end())
      take(x);
  return chosen;
}

std::optional<set_intent>
version_directory::needed_change(group_id group, const group_entry& entry,
                                 instant now) const {
  const auto gone
    = [&](store_id x) { return servers_.at(x).row.failed && !usable(x, now); };
  const auto any_gone = [&](const msg::group_set& set) {
    return std::any_of(set.servers.begin(), set.servers.end(), gone);
  };
  const bool first = entry.in_force.servers.empty();
  set_intent to{group, {}, entry.wanted, first, complete_copies(entry, now)};
  const msg::group_set* present = &entry.in_force;
  if (entry.change && !entry.ready) {
    present = &entry.change->to();
    if (entry.change->state() > epoch_change::phase::installing
        || !any_gone(*present))
      return {};
    to.why = "a server of the next set is gone";
  } else if (first) {
    if (!may_found(group, now))
      return {};
    for (const auto& [store, x] : servers_)
      if (const auto* stands = standing(store, group);
          stands && stands->epoch != group_epoch{})
        return {}; // It has a set that is not known here: `rebuild`.
    to.why = "its first set";
  } else if (entry.wanted.empty()) {
    if (!any_gone(*present))
      return {};
    to.why = "a server is gone";
  }
  to.servers = next_servers(group, entry, now);
  const bool usual = to.servers.size() == rule_of(group).copies;
  if (!usual && (first || to.servers.size() != entry.in_force.rule.copies))
    return {};
  if (entry.wanted.empty() && same_servers(to.servers, present->servers))
    return {};
  return to;
}

std::size_t version_directory::complete_copies(const group_entry& entry,
                                               instant now) const {
  const auto& set = entry.in_force;
  return static_cast<std::size_t>(
    std::count_if(set.servers.begin(), set.servers.end(), [&](store_id x) {
      const auto* stands = standing(x, set.group);
      return alive(x, now) && stands && stands->epoch == set.epoch
             && stands->missing == 0 && !entry.rejoining.contains(x);
    }));
}

void version_directory::begin_changes(instant now) {
  std::size_t under_way = 0;
  std::size_t founding = 0;
  std::vector<set_intent> intents;
  for (const auto& [group, entry] : groups_) {
    if (entry.change && !entry.ready)
      ++(entry.in_force.servers.empty() ? founding : under_way);
    if (auto x = needed_change(group, entry, now))
      intents.push_back(*std::move(x));
  }
  std::stable_sort(
    intents.begin(), intents.end(),
    [](const auto& a, const auto& b) { return a.copies < b.copies; });
  for (auto& x : intents) {
    const auto& entry = groups_.at(x.group);
    const bool again = entry.change && !entry.ready;
    auto& used = x.first ? founding : under_way;
    if (!again && used >= (x.first ? first_at_once : config_.repair_parallel))
      continue;
    used += again ? 0 : 1;
    begin_change(x.group, std::move(x.servers), x.why, now);
  }
  if (!intents.empty() || under_way + founding != 0)
    return;
  if (fill_)
    end_move(now);
  else
    begin_move(now);
}

// -- afterwards ---------------------------------------------------------------

// What a server has of groups that have gone on without it (V7).
void version_directory::drop_leavings(instant now) {
  for (auto& [store, x] : servers_) {
    if (!usable(store, now))
      continue;
    for (auto it = x.groups.begin(); it != x.groups.end();) {
      const auto& stands = it->second.what;
      const auto at = groups_.find(it->first);
      const bool left = at != groups_.end() && !at->second.change
                        && !of_set(at->second.in_force, store)
                        && stands.epoch < at->second.in_force.epoch
                        && stands.installed < at->second.in_force.epoch
                        && !fills(it->first, store) && whole(at->second, now);
      if (!left) {
        ++it;
        continue;
      }
      say(note::dropped, it->first, store,
          fmt::format("{} files", stands.files));
      orders_.add(store, msg::drop_group{it->first, at->second.in_force.epoch});
      it = x.groups.erase(it); // If it is lost, its next beats tell of it.
    }
  }
}

void version_directory::look_after_repairs(instant now) {
  for (auto it = repairs_.begin(); it != repairs_.end();) {
    auto& repair = it->second;
    const auto store = it->first;
    const bool back = !servers_.at(store).row.failed;
    std::erase_if(repair.open, [&](group_id group) {
      const auto& entry = groups_.at(group);
      return !of_set(entry.in_force, store) && whole(entry, now);
    });
    if (!back && !repair.open.empty()) {
      ++it;
      continue;
    }
    say(note::repair_done, {}, store,
        fmt::format("{} groups, {} bytes, after {:.3f} s{}",
                    repair.all - repair.open.size(), repair.bytes,
                    seconds_of(now - repair.began),
                    back ? "; the server is back" : ""));
    it = repairs_.erase(it);
  }
}

void version_directory::tick(instant now) {
  if (!stopped_.empty())
    return;
  judge_servers(now);
  for (auto& [group, entry] : groups_) {
    if (entry.change)
      perform(group, entry.change->tick(now), now);
    if (entry.in_force.servers.empty())
      continue;
    look_after_rejoins(group, entry, now);
    look_at_primary(group, entry, now);
    if (!settled(entry, now))
      unsettled_ = entry.unsettled = now;
  }
  look_after_fill(now);
  begin_changes(now);
  spread_leads(now);
  drop_leavings(now);
  look_after_repairs(now);
  if (rebuilding_)
    ask_testimonies(now);
}

} // namespace dfs::core
