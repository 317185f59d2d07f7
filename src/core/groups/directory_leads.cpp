#include "core/groups/version_directory.hpp"

#include "core/versions/group_placement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

// Who leads, and who may come back.

namespace dfs::core {

namespace {

using namespace std::chrono_literals;

constexpr auto lead_within = 1'000ms; ///< Else somebody else is tried.
constexpr auto appoint_pause = 100ms; ///< Between two that come to nothing.
constexpr auto again = 250ms;
constexpr auto quiet = 5'000ms; ///< Before anything is moved for balance.
constexpr auto spread_pause = 500ms;
constexpr auto take_back_after = 500ms;

/// Those of the set that may lead it now.
std::vector<store_id>
candidates(const version_directory& x, const group_entry& entry, instant now) {
  auto found = entry.in_force.servers;
  std::erase_if(found, [&](store_id store) {
    return !x.usable(store, now) || !x.fit(entry, store);
  });
  return found;
}

/// Of those with room for a content the one that leads the fewest.
std::optional<store_id>
least_busy(const version_directory& x, const group_entry& entry,
           const std::map<store_id, std::size_t>& leads, instant now) {
  auto found = candidates(x, entry, now);
  std::erase_if(found, [&](store_id store) { return !x.has_room(store, now); });
  if (found.empty())
    return {};
  return *std::ranges::min_element(
    found, {}, [&](store_id store) { return leads.at(store); });
}

} // namespace

void version_directory::unseat(group_entry& entry) {
  entry.former = entry.primary;
  entry.primary = {};
  entry.led = false;
}

std::map<store_id, std::size_t> version_directory::leads() const {
  std::map<store_id, std::size_t> counts;
  for (const auto& [store, server] : servers_)
    counts[store] = 0;
  for (const auto& [group, entry] : groups_)
    if (entry.primary != store_id{})
      ++counts[entry.primary];
  return counts;
}

// Somebody whom a former master appointed leads still.
bool version_directory::adopt(group_id group, group_entry& entry, instant now) {
  if (entry.ballot != group_ballot{} || !entry.adopt_until)
    return false;
  store_id best;
  group_ballot ballot;
  bool all = true;
  for (const auto x : entry.in_force.servers) {
    const auto* stands = standing(x, group);
    all = all && (stands || !usable(x, now) || servers_.at(x).all_told);
    if (stands && usable(x, now) && fit(entry, x) && stands->leads > ballot
        && stands->leads > group_ballot{entry.in_force.epoch.value()}) {
      best = x;
      ballot = stands->leads;
    }
  }
  if (best == store_id{}) {
    if (!all && now < *entry.adopt_until)
      return true; // Waits.
    entry.adopt_until.reset();
    return false;
  }
  entry.adopt_until.reset();
  entry.primary = best;
  entry.ballot = ballot;
  entry.led = true;
  entry.appointed = now;
  return true;
}

void version_directory::appoint(group_id group, group_entry& entry,
                                instant now) {
  if (!entry.ready || entry.primary != store_id{} || adopt(group, entry, now)
      || now - entry.appointed < appoint_pause)
    return;
  const auto counts = leads();
  const auto rank = [&](store_id x) {
    return std::tuple{!has_room(x, now), x == entry.former, counts.at(x),
                      ~placement_right(group, x)};
  };
  const auto able = candidates(*this, entry, now);
  if (!able.empty())
    appoint(group, entry, *std::ranges::min_element(able, {}, rank), now);
}

void version_directory::appoint(group_id group, group_entry& entry,
                                store_id who, instant now) {
  entry.primary = who;
  entry.former = {};
  entry.ballot = group_ballot{next_number()};
  entry.led = false;
  entry.appointed = entry.ordered = now;
  orders_.add(who, msg::lead_group{entry.in_force, entry.ballot});
  say(note::appointed, group, who,
      fmt::format("ballot {:x}", entry.ballot.value()));
}

void version_directory::look_at_primary(group_id group, group_entry& entry,
                                        instant now) {
  if (!entry.ready)
    return;
  if (now - entry.appointed > 30s)
    entry.patience = complaint_patience;
  if (entry.primary != store_id{}) {
    const auto since = now - entry.appointed;
    const auto& server = servers_.at(entry.primary);
    const auto told = server.groups.find(group);
    // Its word that it has resigned was lost.
    const bool gone = entry.led && told != server.groups.end()
                      && told->second.at > entry.appointed + 2s
                      && told->second.what.leads != entry.ballot;
    if (!alive(entry.primary, now) || !fit(entry, entry.primary) || gone
        || (!entry.led && since >= lead_within)) {
      unseat(entry);
    } else if (!entry.led && now - entry.ordered >= again) {
      entry.ordered = now;
      orders_.add(entry.primary, msg::lead_group{entry.in_force, entry.ballot});
    }
  }
  appoint(group, entry, now);
  leave_full(group, entry, now);
}

// Without room for a content it can only refuse puts; others may have some.
void version_directory::leave_full(group_id group, group_entry& entry,
                                   instant now) {
  if (!entry.led || !servers_.at(entry.primary).full)
    return;
  if (const auto best = least_busy(*this, entry, leads(), now))
    appoint(group, entry, *best, now);
}

// One at a time, and only while nothing else is going on.
void version_directory::spread_leads(instant now) {
  if (now - unsettled_ < quiet || now - moved_ < spread_pause)
    return;
  const auto counts = leads();
  for (auto& [group, entry] : groups_) {
    if (!entry.led || now - entry.appointed < quiet)
      continue;
    const auto least = least_busy(*this, entry, counts, now);
    if (!least || counts.at(entry.primary) < counts.at(*least) + 2)
      continue;
    moved_ = now;
    appoint(group, entry, *least, now);
    return;
  }
}

void version_directory::led(group_entry& entry, store_id from,
                            const msg::group_led& x, instant now) {
  if (entry.primary != from || entry.ballot != x.ballot
      || std::exchange(entry.led, true))
    return;
  say(note::led, x.group, from,
      fmt::format("after {} ms",
                  std::chrono::duration_cast<std::chrono::milliseconds>(
                    now - entry.appointed)
                    .count()));
}

void version_directory::resigned(group_entry& entry, store_id from,
                                 const msg::group_resigned& x, instant now) {
  if (entry.primary != from || entry.ballot != x.ballot)
    return;
  say(note::resigned, x.group, from);
  unseat(entry);
  appoint(x.group, entry, now);
}

// -- back ---------------------------------------------------------------------

// Declared failed and back: in quarantine, then refilled, or taken back where
// the others cannot do without it.
void version_directory::look_after_rejoins(group_id group, group_entry& entry,
                                           instant now) {
  using phase = rejoining_server::phase;
  const auto& set = entry.in_force;
  const auto good = candidates(*this, entry, now);
  for (auto& [store, x] : entry.rejoining) {
    if (!usable(store, now)) {
      // A life later it is in whatever state it was.
      x = {};
      continue;
    }
    if (x.state == phase::away)
      x = {phase::quarantine, now, {}};
    const auto& server = servers_.at(store);
    if (good.size() < set.rule.write && now - x.since > take_back_after
        && (!server.age.went_back || entry.forced))
      x.state = phase::take_back;
    // It went back to before it was of this set: it has to be installed anew.
    if (x.state == phase::quarantine && server.age.went_back
        && now - x.since > take_back_after && entry.wanted.empty())
      entry.wanted = "a member has nothing of the set any more";
    if (now - x.ordered < again
        || (x.state == phase::refill && good.size() < promise_quorum(set.rule)))
      continue;
    x.ordered = now;
    auto kind = msg::rejoin_order::quarantine;
    auto sources = good;
    if (x.state == phase::refill)
      kind = msg::rejoin_order::refill;
    else if (x.state == phase::take_back)
      kind = msg::rejoin_order::take_back;
    // While it is refilled there are at least as many.
    sources.resize(x.state == phase::refill ? promise_quorum(set.rule) : 0);
    // Whatever it promised was to a ballot that a master gave.
    const auto floor
      = server.age.went_back && x.state == phase::refill
          ? group_ballot{std::max(entry.ballot.value(), term_.value() << 40)}
          : group_ballot{};
    orders_.add(store,
                msg::rejoin_group{group, set.epoch, kind, sources, floor});
  }
}

void version_directory::rejoined(group_entry& entry, fileserver& from,
                                 const msg::group_rejoined& x, instant now) {
  using phase = rejoining_server::phase;
  const auto it = entry.rejoining.find(from.row.store);
  if (x.epoch != entry.in_force.epoch || it == entry.rejoining.end())
    return;
  auto& told = from.groups[x.group];
  const bool out = x.order == msg::rejoin_order::quarantine;
  if (told.what.epoch != x.epoch)
    told.what = active_in(x.group, x.epoch);
  told.what.quarantined = out;
  told.at = now;
  if (out && it->second.state == phase::quarantine) {
    it->second.state = phase::refill;
    it->second.ordered = {};
  } else if (!out && it->second.state != phase::quarantine
             && it->second.state != phase::away) {
    entry.rejoining.erase(it);
  }
}

} // namespace dfs::core
