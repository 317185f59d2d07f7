#include "core/chunks/replica_collector.hpp"

#include "base/counted.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <set>

namespace dfs::core {

namespace {

using namespace std::chrono_literals;
using note = directory_note::kind;

constexpr auto order_time = 30s;
constexpr auto order_again = 60s; ///< What was ordered and is still there.
constexpr std::size_t looked_at_once = 5'000;
constexpr std::size_t orphans_max = 2'000'000; ///< The rest is found later.

// D5. As many as one put that was interrupted leaves are usual.
constexpr std::uint64_t orphans_share = 100;
constexpr std::uint64_t orphans_few = 16;

// Of a chunk that is no more every version goes.
constexpr chunk_version any_version{std::numeric_limits<std::uint64_t>::max()};

std::size_t good_copies(const directory_state& s, chunk_id chunk, instant now) {
  std::size_t good = 0;
  for (const auto i : s.table.holders(chunk))
    good += s.servers.usable(i, now) && !s.refuses(chunk, i) ? 1 : 0;
  return good;
}

} // namespace

// -- what comes in ------------------------------------------------------------

void replica_collector::unknown(server_index server, const msg::chunk_state& x,
                                instant now) {
  if (deletions_.has(x.chunk)) {
    deletions_.there(server, x.chunk);
    return;
  }
  auto it = orphans_.find(x.chunk);
  if (it == orphans_.end()) {
    if (orphans_.size() >= orphans_max)
      return;
    it = orphans_.emplace(x.chunk, orphan{.since = now}).first;
  }
  auto& holders = it->second.holders;
  for (auto& y : holders)
    if (y.server == server) {
      y.extent = x.extent;
      return;
    }
  holders.push_back({server, x.extent});
  count(server, x.chunk, it->second, true);
}

void replica_collector::given_up(chunk_id chunk, instant now) {
  if (orphans_.size() < orphans_max)
    orphans_.emplace(chunk, orphan{.since = now, .given_up = true});
}

void replica_collector::listed(server_index server, bool first_page,
                               std::size_t chunks) {
  auto& x = tallies_[server];
  x.listed = first_page ? chunks : x.listed + chunks;
}

void replica_collector::count(server_index server, chunk_id chunk,
                              const orphan& x, bool more) {
  if (is_kept(chunk) || x.given_up)
    return;
  auto& all = tallies_[server].orphans;
  all = more ? all + 1 : std::max<std::uint64_t>(all, 1) - 1;
}

bool replica_collector::too_many(const tally& x) {
  const auto few = std::max(x.listed / orphans_share, orphans_few);
  return x.orphans > std::max(few, x.approved);
}

std::uint64_t replica_collector::held(server_index server) const {
  const auto it = tallies_.find(server);
  return it != tallies_.end() && it->second.due && too_many(it->second)
           ? it->second.orphans
           : 0;
}

std::uint64_t replica_collector::approve(server_index server) {
  auto& x = tallies_[server];
  x.approved = x.orphans;
  x.due = false;
  return x.orphans;
}

std::size_t replica_collector::kept() const {
  return static_cast<std::size_t>(std::distance(
    orphans_.begin(), orphans_.lower_bound(chunk_id{kept_.value() << 40})));
}

void replica_collector::gone(server_index server, chunk_id chunk) {
  deletions_.gone(server, chunk);
  const auto it = orphans_.find(chunk);
  if (it == orphans_.end())
    return;
  if (std::erase_if(it->second.holders,
                    [&](const auto& x) { return x.server == server; })
      != 0)
    count(server, chunk, it->second, false);
  if (it->second.holders.empty())
    orphans_.erase(it);
}

void replica_collector::released(const directory_state& s, chunk_id chunk,
                                 std::vector<server_index> holders) {
  for (server_index i = 0; i < s.servers.size(); ++i)
    if (!s.servers.at(i).reported && !s.servers.at(i).forgotten)
      holders.push_back(i);
  for (const auto& x : reclaim(chunk))
    holders.push_back(x.server);
  deletions_.add(chunk, holders);
}

void replica_collector::forgotten(server_index server) {
  reborn(server); // And no life comes that tells of them.
  deletions_.forget(server);
}

void replica_collector::reborn(server_index server) {
  for (auto it = orphans_.begin(); it != orphans_.end();) {
    const auto id = (it++)->first;
    gone(server, id);
  }
  deletions_.reborn(server);
}

std::vector<chunk_id> replica_collector::of(server_index server, chunk_id first,
                                            chunk_id last) const {
  std::vector<chunk_id> found;
  for (auto it = orphans_.lower_bound(first);
       it != orphans_.end() && it->first <= last; ++it)
    for (const auto& x : it->second.holders)
      // Of one that was given up nobody knows that it was ever made there.
      if (x.server == server && !it->second.given_up)
        found.push_back(it->first);
  deletions_.find(server, first, last, found);
  return found;
}

std::vector<orphan_replica> replica_collector::reclaim(chunk_id chunk) {
  const auto it = orphans_.find(chunk);
  if (it == orphans_.end() || it->second.ordered)
    return {};
  auto found = std::move(it->second);
  orphans_.erase(it);
  for (const auto& x : found.holders)
    count(x.server, chunk, found, false);
  return std::move(found.holders);
}

std::vector<orphan_replica>
replica_collector::holders_of(chunk_id chunk) const {
  const auto it = orphans_.find(chunk);
  if (it == orphans_.end())
    return {};
  return it->second.holders;
}

std::vector<chunk_id>
replica_collector::orphans_between(chunk_id after, chunk_id last,
                                   std::size_t most) const {
  std::vector<chunk_id> found;
  for (auto it = orphans_.upper_bound(after);
       it != orphans_.end() && it->first <= last && found.size() < most; ++it)
    found.push_back(it->first);
  return found;
}

void replica_collector::surplus(chunk_id chunk) {
  surplus_.push_back(chunk);
}

// -- orders -------------------------------------------------------------------

bool replica_collector::has_room(const directory_state& s, orders& to,
                                 server_index server) const {
  const auto spent = spent_.find(server);
  const auto planned = to[server].size();
  return planned < msg::chunk_page_max
         && (spent == spent_.end() ? 0 : spent->second) + planned
              < s.config.deletions_per_second;
}

void replica_collector::add_released(directory_state& s, orders& to,
                                     instant now) {
  deletions_.each_due(now, [&](server_index i, chunk_id chunk) {
    if (!s.servers.usable(i, now) || !has_room(s, to, i))
      return false;
    to[i].push_back({chunk, {any_version, {}, 0, 0}});
    return true;
  });
  auto done = deletions_.take_done(msg::chunk_page_max);
  if (!done.empty())
    s.out.push_back(remove_rows{std::move(done)});
}

void replica_collector::add_orphans(directory_state& s, orders& to,
                                    instant now) {
  auto it = orphans_.lower_bound(orphan_cursor_);
  for (std::size_t n = 0; n < looked_at_once && it != orphans_.end();
       ++n, ++it) {
    auto& [chunk, x] = *it;
    if (now < x.since + s.config.orphan_life || is_kept(chunk))
      continue;
    for (const auto& [server, extent] : x.holders) {
      if (!s.servers.usable(server, now) || !has_room(s, to, server))
        continue;
      if (auto& tally = tallies_[server];
          !x.ordered && !x.given_up && too_many(tally)) {
        tally.due = true; // D5
        continue;
      }
      if (!x.ordered)
        s.note(note::orphaned, chunk, server, "no file has it");
      x.ordered = true;
      to[server].push_back({chunk, {extent.version, {}, 0, 0}});
    }
    // Ordered again later, if it is still told of.
    if (x.ordered)
      x.since = now - s.config.orphan_life + order_again;
  }
  orphan_cursor_ = it == orphans_.end() ? chunk_id{} : it->first;
}

void replica_collector::add_odd(directory_state& s, orders& to, instant now) {
  std::vector<chunk_id> batch;
  for (auto it = s.table.odd().lower_bound(odd_cursor_);
       it != s.table.odd().end() && batch.size() < looked_at_once; ++it)
    batch.push_back(it->first);
  odd_cursor_
    = batch.size() < looked_at_once ? chunk_id{} : batch.back().next();
  for (const auto chunk : batch) {
    const auto& entry = *s.table.find(chunk);
    const bool enough = entry.file != inode_id{} && !s.table.intent(chunk)
                        && good_copies(s, chunk, now) >= entry.replication;
    if (!enough) // D2
      continue;
    const auto copies = s.copies.find(chunk);
    for (auto& x : *s.table.odd_of(chunk)) {
      // A good one may be there at any moment.
      if (copies != s.copies.end()
          && std::find(copies->second.begin(), copies->second.end(), x.server)
               != copies->second.end())
        continue;
      // It may be of the set that is being changed: its report was old.
      if (x.fault == replica_fault::behind
          && (s.leases.find(chunk) != nullptr
              || !entry.has(chunk_entry::settled)))
        continue;
      if (x.fault == replica_fault::newer || x.ordered != instant{}
          || now < x.again || !s.servers.usable(x.server, now)
          || !has_room(s, to, x.server))
        continue;
      x.ordered = now;
      x.again = now + order_again;
      to[x.server].push_back({chunk, {x.version, {}, 0, 0}});
    }
  }
}

void replica_collector::add_surplus(directory_state& s, orders& to,
                                    instant now) {
  for (std::size_t n = std::min(surplus_.size(), looked_at_once); n > 0; --n) {
    const auto chunk = surplus_.front();
    surplus_.pop_front();
    const auto* entry = s.table.find(chunk);
    if (entry == nullptr || entry->file == inode_id{}
        || good_copies(s, chunk, now) <= entry->replication)
      continue;
    // Nobody may be changing it: whoever goes would be missed in the chain.
    if (s.table.intent(chunk) || s.leases.find(chunk) != nullptr
        || !entry->has(chunk_entry::settled) || s.copies.contains(chunk)
        || now < s.started + lease_wait(s.config.longest_chunk_lease())) {
      surplus_.push_back(chunk);
      continue;
    }
    // The fullest goes, of two in one zone rather than of one alone there.
    std::multiset<std::string_view> zones;
    std::vector<server_index> holders;
    for (const auto i : s.table.holders(chunk))
      if (s.servers.usable(i, now)) {
        holders.push_back(i);
        zones.insert(s.servers.at(i).zone);
      }
    const auto rank = [&](server_index i) {
      const auto& x = s.servers.at(i);
      return std::tuple{zones.count(x.zone) < 2, x.free_bytes(), i};
    };
    const auto victim = *std::min_element(
      holders.begin(), holders.end(),
      [&](server_index a, server_index b) { return rank(a) < rank(b); });
    if (!has_room(s, to, victim)) {
      surplus_.push_back(chunk);
      continue;
    }
    s.table.spoil(victim, chunk, replica_fault::surplus);
    to[victim].push_back({chunk, {chunk_version{entry->version}, {}, 0, 0}});
    for (auto& x : *s.table.odd_of(chunk))
      if (x.server == victim) {
        x.ordered = now;
        x.again = now + order_again;
      }
  }
}

void replica_collector::tick(directory_state& s, instant now) {
  if (now < s.started + s.config.deletion_delay || !s.confirmed) // D1, D3
    return;
  if (now >= second_ + 1s) {
    second_ = now;
    spent_.clear();
  }
  orders to;
  add_released(s, to, now);
  add_orphans(s, to, now);
  add_odd(s, to, now);
  add_surplus(s, to, now);
  for (auto& [server, chunks] : to) {
    if (chunks.empty())
      continue;
    spent_[server] += static_cast<std::uint32_t>(chunks.size());
    s.note(note::deleted, chunks.front().chunk, server,
           counted(chunks.size(), "replica") + " ordered to go");
    std::vector<chunk_id> ids;
    for (const auto& x : chunks)
      ids.push_back(x.chunk);
    const auto token
      = s.ask({directory_state::route::kind::deletion, {}, server},
              msg::delete_chunks{s.term, std::move(chunks)}, order_time);
    under_way_.emplace(token, std::move(ids));
  }
}

std::vector<chunk_id>
replica_collector::answered(directory_state& s, effect_token token,
                            server_index server,
                            const result<server_reply>& reply) {
  const auto order = under_way_.extract(token);
  auto ended = order.empty() ? std::vector<chunk_id>{} : order.mapped();
  if (const auto* done
      = reply ? std::get_if<msg::chunks_deleted>(&*reply) : nullptr) {
    deleted_ += done->gone.size();
    for (const auto chunk : done->gone) {
      gone(server, chunk);
      s.table.deleted(server, chunk);
    }
  }
  // The rest is there still, or nobody knows. What is too much is ordered
  // again.
  for (const auto chunk : ended)
    s.table.order_over(server, chunk);
  return ended;
}

} // namespace dfs::core
