#include "core/groups/version_directory.hpp"

#include "core/versions/rebuild_plan.hpp"

#include <fmt/format.h>

#include <algorithm>

// What operators have done when too little is left to go on by itself.

namespace dfs::core {

namespace {

using namespace std::chrono_literals;

constexpr auto testimony_wait = 5'000ms;
constexpr auto testimony_again = 1'000ms;

} // namespace

result<msg::group_forced>
version_directory::force(const msg::force_group& x, instant now) {
  if (auto may = may_work(); !may)
    return may.error();
  const auto it = groups_.find(x.group);
  if (it == groups_.end())
    return fail(ec::not_found, fmt::format("group {}", x.group.value()));
  auto& entry = it->second;
  const auto& set = entry.in_force;
  if (set.servers.empty())
    return too_few(x.group, now);
  const auto here = static_cast<std::size_t>(
    std::count_if(set.servers.begin(), set.servers.end(),
                  [&](store_id y) { return usable(y, now); }));
  if (here >= seal_quorum(set.rule))
    return fail(ec::invalid_argument,
                fmt::format("{} of the {} servers of group {} are here: it can "
                            "go on without force",
                            here, set.servers.size(), x.group.value()));
  if (here == 0)
    return fail(
      ec::too_few_servers,
      fmt::format("none of the servers of group {} is here", x.group.value()));
  if (entry.change && entry.change->state() == epoch_change::phase::logging)
    return fail(ec::busy, "a change of its set is being logged");
  std::vector<store_id> next;
  for (const auto y : next_servers(x.group, entry, now))
    if (usable(y, now))
      next.push_back(y);
  if (next.size() < set.rule.write)
    return fail(ec::too_few_servers,
                fmt::format("{} file servers are up, {} are needed",
                            next.size(), set.rule.write));
  if (next.size() > set.rule.copies)
    next.resize(set.rule.copies);
  for (const auto y : set.servers)
    if (next.size() < set.rule.copies
        && std::find(next.begin(), next.end(), y) == next.end())
      next.push_back(y);
  for (const auto& [store, server] : servers_)
    if (next.size() < set.rule.copies
        && std::find(next.begin(), next.end(), store) == next.end())
      next.push_back(store);
  entry.forced = true;
  say(note::forced, x.group, {},
      fmt::format("{} of {} servers are here", here, set.servers.size()));
  begin_change(x.group, std::move(next), "forced", now);
  return msg::group_forced{entry.change->to().epoch};
}

void version_directory::rebuild(std::uint64_t asker, instant now) {
  if (auto may = may_work(); !may) {
    out_.push_back(answer_rebuild{asker, may.error()});
    return;
  }
  if (rebuilding_) {
    out_.push_back(
      answer_rebuild{asker, fail(ec::busy, "it is being rebuilt")});
    return;
  }
  rebuilding_ = directory_rebuilding{};
  rebuilding_->asker = asker;
  rebuilding_->until = now + testimony_wait;
  rebuilding_->asked = now - testimony_again;
  ask_testimonies(now);
}

void version_directory::ask_testimonies(instant now) {
  auto& x = *rebuilding_;
  const bool ask = now - x.asked >= testimony_again;
  bool all = true;
  if (ask)
    x.asked = now;
  for (const auto& [store, server] : servers_) {
    if (!usable(store, now))
      continue;
    for (const auto& [group, entry] : groups_) {
      const auto said = x.said.find(group);
      if (said != x.said.end() && said->second.contains(store))
        continue;
      all = false;
      if (ask)
        orders_.testify(store, group);
    }
  }
  if (all || now >= x.until)
    end_rebuild(now);
}

void version_directory::end_rebuild(instant now) {
  const auto x = *std::exchange(rebuilding_, {});
  msg::directory_rebuilt answer;
  for (auto& [group, entry] : groups_) {
    const auto said = x.said.find(group);
    const auto problem
      = said == x.said.end()
          ? std::string{"no file server has said anything about it"}
          : rebuild_group(group, said->second, now);
    if (!problem.empty())
      answer.problems.push_back(
        fmt::format("group {}: {}", group.value(), problem));
    if (!entry.in_force.servers.empty())
      ++answer.groups;
  }
  say(note::rebuilt, {}, {},
      fmt::format("{} groups, {} uncertain", answer.groups,
                  answer.problems.size()));
  out_.push_back(answer_rebuild{x.asker, std::move(answer)});
}

// What is found counts if it is later than what is known.
std::string version_directory::rebuild_group(
  group_id group, const std::map<store_id, msg::group_testimony>& said,
  instant now) {
  auto& entry = groups_.at(group);
  std::vector<msg::group_testimony> testimonies;
  for (const auto& [store, x] : said)
    if (x.set.epoch != group_epoch{} || x.next.epoch != group_epoch{}) {
      testimonies.push_back(x);
      testimonies.back().store = store;
    }
  const auto found = find_set_in_force(testimonies);
  if (!found)
    return found.error().code == ec::not_found ? "" : found.error().context;
  if (found->epoch <= entry.in_force.epoch)
    return {};
  if (found->epoch.value() >= term_.value() << 40)
    return "its epoch is of a newer master than this one";
  if (entry.change && entry.change->state() == epoch_change::phase::logging)
    return "a change of its set is being logged; try again";
  // From it to itself: what is logged then is certain.
  entry.in_force = *found;
  entry.outrun = false;
  entry.rejoining.clear();
  for (const auto x : found->servers)
    if (auto& server = servers_[x]; server.row.store == store_id{}) {
      server.row.store = x;
      server.heard = now;
    }
  begin_change(group, next_servers(group, entry, now), "rebuilt", now);
  return {};
}

} // namespace dfs::core
