#include "core/chunks/server_table.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace dfs::core {

namespace {

// As many as one index can name, and a cluster that this master can serve.
constexpr std::size_t servers_max = 10'000;

// To look at a replica takes as long as to read a chunk: whoever reports many
// must not make a server do nothing else.
constexpr std::chrono::minutes doubt_life{1};
constexpr std::size_t doubts_max = 256;
constexpr std::size_t doubts_told = 16; ///< By one answer.

/// In which a server that has come says what it has, unless that is a lot.
constexpr std::chrono::seconds arrival{1};

} // namespace

std::uint64_t chunkserver::free_bytes() const {
  std::uint64_t sum = 0;
  for (const auto& x : volumes)
    sum += x.failed ? 0 : x.free_bytes;
  return sum;
}

std::uint64_t chunkserver::total_bytes() const {
  std::uint64_t sum = 0;
  for (const auto& x : volumes)
    sum += x.failed ? 0 : x.total_bytes;
  return sum;
}

server_table::server_table(const directory_config& config, master_term term,
                           instant started)
  : config_{config},
    term_{term},
    started_{started},
    opens_{started + lease_wait(config.longest_node_lease())},
    ticked_{started},
    judges_{started} {
  // nop
}

void server_table::load(const server_row& row) {
  if (servers_.size() >= servers_max || by_store_.contains(row.store))
    return;
  by_store_.emplace(row.store, static_cast<server_index>(servers_.size()));
  auto& s = servers_.emplace_back();
  s.store = row.store;
  s.name = row.name;
  s.zone = row.zone;
  s.data = row.data;
  s.registered = started_;
}

// A former master wrote down the name and the data address only.
bool server_table::is_elsewhere(const chunkserver& known,
                                const msg::register_chunkserver& x) {
  return x.name != known.name
         || (known.has_come() ? x.member.address() != known.member.address()
                              : x.data != known.data);
}

result<server_table::enrolment>
server_table::enrol(const msg::register_chunkserver& x, instant now) {
  const auto known = by_store_.find(x.store);
  if (known == by_store_.end() && servers_.size() >= servers_max)
    return fail(ec::busy, "too many chunkservers");
  enrolment to;
  if (known != by_store_.end()) {
    const auto& old = servers_[known->second];
    // Start stamps of one address grow with each life (DESIGN 3).
    if (old.boot != x.boot && x.member.address() == old.member.address()
        && x.member.start_ms < old.member.start_ms)
      return fail(ec::stale, "a newer life of this store is registered");
    const bool elsewhere = is_elsewhere(old, x);
    if (elsewhere && (old.linked || !silent(known->second, now))) { // S5
      const store_place there{x.name, x.member.address()};
      claims_.refuse(x.store, old.place(), there, now);
      return fail(ec::in_use, describe_claim(x.store, old.place(), there));
    }
    to = {known->second, elsewhere || old.boot != x.boot || old.forgotten,
          old.forgotten};
    if (elsewhere) {
      to.former = old.place();
      claims_.settle(x.store);
    }
  } else {
    to = {static_cast<server_index>(servers_.size()), true, true};
    servers_.emplace_back();
    by_store_.emplace(x.store, to.index);
  }
  auto& s = servers_[to.index];
  const auto row = s.row();
  if (to.new_life) {
    const auto former = std::exchange(s, {}); // S3
    s.lost = former.has_come() && !former.forgotten;
    s.lost_at = former.lost ? former.lost_at : now;
    s.store = x.store;
    s.boot = x.boot;
    s.registered = now;
  }
  s.member = x.member;
  s.name = x.name;
  s.zone = x.zone;
  s.data = x.data;
  s.volumes = x.volumes;
  s.linked = true;
  s.dead = false;
  to.new_row = to.new_row || s.row() != row;
  return to;
}

result<server_table::hearing>
server_table::hear(const msg::chunk_heartbeat& x, instant now) {
  const auto i = find(x.store);
  if (!i || x.term != term_)
    return fail(ec::not_found, "register first");
  auto& s = servers_[*i];
  if (s.boot != x.boot)
    return fail(ec::stale, "another life of this store is registered");
  if (!s.linked)
    return fail(ec::not_found, "register again");
  if (x.sequence <= s.sequence)
    return fail(ec::stale, "a newer heartbeat came before this one");
  s.sequence = x.sequence;
  s.load = x.load;
  s.volumes = x.volumes;
  hearing to{*i, std::exchange(s.lost, false), {}, claims_.heard(x.store, now)};
  const bool first = !std::exchange(s.met, true);
  if (s.leased_until)
    s.vouched = s.vouched && now < *s.leased_until;
  else if (first)
    s.vouched = x.leased && opening(now); // S4
  for (auto it = s.revoked.begin(); it != s.revoked.end();) {
    if (it->second.told != 0 && it->second.told <= x.heard) {
      to.heard.emplace_back(it->first, it->second.below);
      it = s.revoked.erase(it);
    } else {
      ++it;
    }
  }
  for (auto it = s.doubted.begin(); it != s.doubted.end();) {
    auto& y = it->second;
    y.heard = y.heard || (y.told != 0 && y.told <= x.heard);
    it = y.heard && now >= y.since + doubt_life ? s.doubted.erase(it)
                                                : std::next(it);
  }
  return to;
}

msg::chunk_heartbeat_ack server_table::answer(server_index i, instant now) {
  auto& s = servers_[i];
  msg::chunk_heartbeat_ack x;
  x.term = term_;
  x.boot = s.boot;
  x.sequence = s.sequence;
  x.report_wanted = !s.reported;
  if (!s.vouched && s.reported && s.revoked.empty())
    s.vouched = true; // S2
  // First what earlier answers said: `heard` speaks of one answer, and a lost
  // one must not have been the last to say something.
  for (const auto again : {true, false}) {
    for (auto& [chunk, order] : s.revoked) {
      if (x.revoked.size() == msg::chunk_page_max)
        break;
      if ((order.told != 0) != again)
        continue;
      x.revoked.push_back({chunk, {order.below, {}, 0, 0}});
      if (!again)
        order.told = s.sequence;
    }
  }
  for (auto& [chunk, doubt] : s.doubted) {
    if (doubt.heard || x.doubted.size() == doubts_told)
      continue;
    x.doubted.push_back(chunk);
    doubt.told = doubt.told == 0 ? s.sequence : doubt.told;
  }
  if (s.vouched) {
    x.node_lease_ms = static_cast<std::uint32_t>(config_.node_lease.count());
    s.leased_until = now + lease_wait(config_.node_lease);
    s.granted = s.sequence;
  }
  return x;
}

bool server_table::died(server_index i) {
  auto& s = servers_[i];
  s.linked = s.vouched = false;
  s.met = true; // Should it come back, nothing is believed of it.
  return !std::exchange(s.dead, true);
}

void server_table::link_lost(server_index i) {
  servers_[i].linked = false;
}

void server_table::forget(server_index i) {
  auto& s = servers_[i];
  s.forgotten = true;
  s.linked = s.vouched = s.reported = false;
  s.revoked.clear();
}

result<bool> server_table::page(server_index i, const msg::report_chunks& x) {
  auto& s = servers_[i];
  if (x.listed_at < std::max(s.listed_at, s.told_at))
    return fail(ec::stale, "newer things were told than this list");
  const bool begins = x.page == 0 && x.listed_at > s.listed_at;
  if (begins) {
    s.listed_at = x.listed_at;
    s.listed_to = chunk_id{};
    s.left_out.clear();
    s.pages = 0;
  }
  if (x.listed_at > s.listed_at || x.page > s.pages)
    return fail(ec::stale, "not the next page");
  if (x.page < s.pages)
    return false;
  ++s.pages;
  s.reported = x.last;
  s.told = s.told || x.last;
  return true;
}

void server_table::revoke(server_index i, chunk_id chunk, chunk_version below) {
  auto& order = servers_[i].revoked[chunk];
  if (order.below < below)
    order = {below, 0};
}

bool server_table::doubt(server_index i, chunk_id chunk, instant now) {
  auto& doubted = servers_[i].doubted;
  return doubted.size() < doubts_max
         && doubted.try_emplace(chunk, chunkserver::doubt{0, false, now})
              .second;
}

bool server_table::may_serve(server_index i, instant now) const {
  const auto& s = servers_[i];
  if (s.dead)
    return false;
  return now < s.leased_until.value_or(opens_);
}

bool server_table::silent(server_index i, instant now) const {
  return now >= servers_[i].leased_until.value_or(opens_);
}

bool server_table::serves(server_index i, instant now) const {
  const auto& s = servers_[i];
  return !s.dead && s.leased_until && now < *s.leased_until;
}

bool server_table::usable(server_index i, instant now) const {
  const auto& s = servers_[i];
  return s.linked && s.reported && serves(i, now);
}

bool server_table::guessing(instant now) const {
  if (opening(now))
    return true;
  for (server_index i = 0; i < size(); ++i)
    if (!servers_[i].reported && may_serve(i, now))
      return true;
  return false;
}

bool server_table::arriving(instant now) const {
  return std::any_of(servers_.begin(), servers_.end(), [&](const auto& x) {
    return x.linked && !x.reported && now < x.registered + arrival;
  });
}

bool server_table::all_told() const {
  return std::all_of(servers_.begin(), servers_.end(),
                     [](const auto& x) { return x.told || x.forgotten; });
}

std::string server_table::untold() const {
  std::string names;
  for (const auto& x : servers_)
    if (!x.told && !x.forgotten)
      names += (names.empty() ? "" : ", ") + x.name;
  return names;
}

bool server_table::complete(instant now) const {
  for (server_index i = 0; i < size(); ++i)
    if (!servers_[i].forgotten && !usable(i, now))
      return false;
  return true;
}

std::vector<server_index> server_table::expire(instant now) {
  // Their heartbeats may be waiting behind this very call.
  if (now - ticked_ > stall_limit)
    judges_ = now + 2 * config_.heartbeat;
  ticked_ = now;
  std::vector<server_index> ended;
  if (now < judges_)
    return ended;
  for (server_index i = 0; i < size(); ++i) {
    auto& s = servers_[i];
    if (s.lost || s.forgotten || may_serve(i, now))
      continue;
    // One that has only just registered is on its way to its first lease.
    if (!s.dead && !s.leased_until
        && now < s.registered + lease_wait(config_.node_lease))
      continue;
    s.lost = true;
    s.lost_at = now;
    ended.push_back(i);
  }
  return ended;
}

std::optional<server_index> server_table::find(store_id store) const {
  const auto it = by_store_.find(store);
  if (it == by_store_.end())
    return std::nullopt;
  return it->second;
}

void server_table::check() const {
  DFS_ASSERT(by_store_.size() == servers_.size());
  for (const auto& [store, i] : by_store_)
    DFS_ASSERT(servers_.at(i).store == store);
  for (const auto& s : servers_) {
    DFS_ASSERT(s.granted <= s.sequence);
    DFS_ASSERT(!s.leased_until || s.met);
    DFS_ASSERT(!s.dead || (!s.linked && !s.vouched));
    DFS_ASSERT(!s.vouched || s.met);
  }
}

} // namespace dfs::core
