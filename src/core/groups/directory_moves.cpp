#include "core/groups/version_directory.hpp"
#include "core/versions/group_placement.hpp"

#include <fmt/format.h>

#include <algorithm>

// Groups move to servers that have a better right to them, or get another rule:
// one group after another, one server of it at a time. First the newcomer is
// filled, which changes nothing; then the set changes. The members that stay
// have all contents, so the group serves while the newcomer fetches the rest.

namespace dfs::core {

namespace {

using namespace std::chrono_literals;

constexpr auto quiet = 5'000ms; ///< A group is in order before it moves.
constexpr auto move_pause = 1'000ms;
constexpr auto fill_again = 1'000ms;

/// A newcomer that gets no content for so long makes room for other moves.
constexpr auto fill_patience = 300'000ms;
constexpr auto shunned_for = 600'000ms;

/// The change is shortest when no content is on its way to a member that stays:
/// such a moment is worth waiting for, but not for long.
constexpr auto lull_patience = 3'000ms;

std::vector<placement_candidate>
with_zones(const std::map<store_id, fileserver>& known,
           const std::vector<store_id>& servers) {
  std::vector<placement_candidate> all;
  for (const auto x : servers)
    all.push_back({x, known.at(x).row.zone});
  return all;
}

} // namespace

bool version_directory::may_join(store_id x, instant now) const {
  const auto it = servers_.find(x);
  return it != servers_.end() && usable(x, now) && !it->second.row.failed
         && now - it->second.came >= quiet && now >= it->second.shunned
         && has_room(x, now);
}

bool version_directory::may_move(const group_entry& entry, instant now) const {
  return !entry.in_force.servers.empty() && settled(entry, now)
         && now - entry.unsettled >= quiet;
}

// A silent server keeps its right until it is declared failed: a group that
// left it would soon come back. A server that cannot join now delays no other
// one.
std::vector<store_id> version_directory::better_place(group_id group,
                                                      const group_entry& entry,
                                                      instant now) const {
  const auto& rule = rule_of(group);
  const auto& present = entry.in_force.servers;
  std::vector<store_id> open;
  for (const auto& [store, x] : servers_)
    if (!x.row.failed)
      open.push_back(store);
  if (open.size() < rule.copies)
    return {};
  auto best
    = choose_group_servers(group, with_zones(servers_, open), rule.copies);
  std::erase_if(best, [&](store_id x) {
    return !of_set(entry.in_force, x) && !may_join(x, now);
  });
  auto next = step_towards(with_zones(servers_, best),
                           with_zones(servers_, present), rule.copies);
  const bool same = entry.in_force.rule == rule;
  if (!same && next.size() == present.size())
    next = present; // First the rule, which needs nobody.
  const auto is_in = [&](store_id x) { return of_set(entry.in_force, x); };
  const bool there = next.size() == present.size()
                     && std::all_of(next.begin(), next.end(), is_in);
  if (next.size() != rule.copies || (same && there))
    return {};
  return next;
}

void version_directory::begin_move(instant now) {
  if (now - moved_ < move_pause)
    return;
  for (const auto& [group, entry] : groups_) {
    if (!may_move(entry, now))
      continue;
    auto next = better_place(group, entry, now);
    if (next.empty())
      continue;
    moved_ = now;
    fill_.emplace();
    fill_->group = group;
    fill_->epoch = entry.in_force.epoch;
    fill_->progressed = now;
    for (const auto x : next)
      if (!of_set(entry.in_force, x)) {
        fill_->newcomers.push_back(x);
        say(note::fill_begun, group, x);
      }
    fill_->servers = std::move(next);
    look_after_fill(now);
    end_move(now);
    return;
  }
}

bool version_directory::fills(group_id group, store_id x) const {
  return fill_ && fill_->group == group
         && std::find(fill_->newcomers.begin(), fill_->newcomers.end(), x)
              != fill_->newcomers.end();
}

void version_directory::give_up_fill(store_id newcomer, std::string_view why) {
  say(note::fill_given_up, fill_->group, newcomer, std::string{why});
  fill_.reset();
}

void version_directory::look_after_fill(instant now) {
  if (!fill_)
    return;
  const auto& entry = groups_.at(fill_->group);
  const auto& set = entry.in_force;
  if (set.epoch != fill_->epoch || (entry.change && !entry.ready)) {
    fill_.reset(); // Another change was needed.
    return;
  }
  std::uint64_t bytes = 0;
  bool all = true;
  std::optional<store_id> last;
  for (const auto x : fill_->newcomers) {
    if (!may_join(x, now))
      return give_up_fill(x, "it is not there, or has no room");
    const auto* stands = standing(x, set.group);
    bytes += stands ? stands->bytes : 0;
    if (!stands || stands->filled != set.epoch) {
      all = false;
      last = x;
    }
  }
  if (std::exchange(fill_->bytes, bytes) != bytes)
    fill_->progressed = now;
  if (all) {
    fill_->filled = fill_->filled.value_or(now);
  } else if (now - fill_->progressed >= fill_patience) {
    servers_.at(*last).shunned = now + shunned_for;
    return give_up_fill(*last, "it gets no contents");
  }
  if (fill_->newcomers.empty() || now - fill_->ordered < fill_again)
    return;
  fill_->ordered = now;
  // Not from the primary, where that can be.
  std::vector<store_id> sources;
  for (const auto x : set.servers)
    if (usable(x, now) && fit(entry, x)
        && (sources.empty() || sources.front() == entry.primary))
      sources = {x};
  for (const auto x : fill_->newcomers)
    if (!sources.empty())
      orders_.add(x, msg::fill_group{set, sources});
}

// Puts wait from the seal until the next primary leads, so the members that
// stay must not lack much.
void version_directory::end_move(instant now) {
  if (!fill_ || !fill_->filled)
    return;
  const auto& entry = groups_.at(fill_->group);
  if (!may_move(entry, now))
    return;
  bool lull = true;
  for (const auto x : fill_->servers) {
    const auto* stands
      = of_set(entry.in_force, x) ? standing(x, fill_->group) : nullptr;
    if (stands && stands->overdue)
      return;
    lull = lull && (!stands || stands->missing == 0);
  }
  if (!lull && now - *fill_->filled < lull_patience)
    return;
  const auto move = *std::exchange(fill_, std::nullopt);
  moved_ = now;
  begin_change(move.group, move.servers, "a better place", now);
}

} // namespace dfs::core
