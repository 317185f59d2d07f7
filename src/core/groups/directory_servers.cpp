#include "core/groups/version_directory.hpp"

#include <fmt/format.h>

#include <algorithm>

// File servers: that they are there, what they say, that they are gone.

namespace dfs::core {

namespace {

// All of their addresses are one message.
constexpr std::size_t fileservers_max = 400;

/// Who goes back by less, while the master restarts, is not noticed.
constexpr std::chrono::seconds age_pace{1};

// With other ports only: what runs there now has replaced what ran there.
bool same_host(const store_place& x, const store_place& y) {
  return x.name == y.name && x.address.ip == y.address.ip;
}

double seconds_of(instant::duration x) {
  return std::chrono::duration<double>(x).count();
}

} // namespace

store_place place_of(const fileserver& x) {
  return {x.row.name, x.boot != boot_id{} ? x.member.address() : x.row.data};
}

bool is_elsewhere(const fileserver& known, const msg::register_fileserver& x) {
  if (known.boot != boot_id{})
    return x.name != known.row.name
           || x.member.address() != known.member.address();
  return known.row.data.port != 0
         && (x.name != known.row.name || x.data != known.row.data);
}

result<msg::fileserver_registered>
version_directory::register_server(const msg::register_fileserver& x,
                                   instant now) {
  if (auto seen = lineage_.judge(x.obeyed, term_, durable_); !seen)
    stop(fmt::format("the master's metadata are not the newest: file server "
                     "{}: {}; {}",
                     x.name, seen.error().context, way_out(x.obeyed)));
  if (!stopped_.empty())
    return fail(ec::stale, stopped_);
  const auto known = servers_.find(x.store);
  if (known == servers_.end() && servers_.size() >= fileservers_max)
    return fail(ec::busy, "too many file servers");
  std::optional<store_place> former;
  if (known != servers_.end()) {
    if (auto may = may_take_over(known->second, x, now); !may)
      return may.error();
    if (is_elsewhere(known->second, x))
      former = place_of(known->second);
  }
  auto& server = servers_[x.store];
  const bool back = server.boot != boot_id{} || server.row.failed;
  const bool new_life = server.boot != x.boot || former;
  if (new_life || !usable(x.store, now))
    server.came = now;
  server.heard = now;
  server.linked = true;
  if (new_life) {
    reborn(x.store, back, now);
    server.boot = x.boot;
  }
  server.member = x.member;
  server.volumes = x.volumes;
  server.disks = x.disks;
  note_room(server, x.full, now);
  const fileserver_row row{x.store, x.name, x.zone, x.data, server.row.failed};
  if (row != server.row) {
    server.row = row;
    revision_ = next_number();
    out_.push_back(log_fileserver{row});
  }
  if (former)
    claims_.settle(x.store);
  if (former && !same_host(*former, {x.name, x.member.address()}))
    declare_failed(server,
                   fmt::format("its store came to {} at {} from {}", x.name,
                               to_string(x.member.address()),
                               to_string(*former)),
                   now); // D5
  // No disk goes back below a process: in one life a lower number is an old
  // one.
  if (new_life)
    judge_age(server, x.rows, now);
  note_age(server, x.rows, now);
  msg::fileserver_registered answer;
  answer.term = term_;
  answer.heartbeat_ms = static_cast<std::uint32_t>(config_.heartbeat.count());
  answer.life = lineage_.life();
  answer.durable = durable_;
  answer.went_back = server.age.went_back;
  return answer;
}

result<nothing>
version_directory::may_take_over(const fileserver& old,
                                 const msg::register_fileserver& x,
                                 instant now) {
  // Start stamps of one address grow with each life (DESIGN 3).
  if (old.boot != x.boot && x.member.address() == old.member.address()
      && x.member.start_ms < old.member.start_ms)
    return fail(ec::stale, "a newer life of this store is registered");
  const bool over = !old.linked && now - old.heard >= config_.silent_after;
  if (over || !is_elsewhere(old, x))
    return done;
  const store_place there{x.name, x.member.address()};
  claims_.refuse(x.store, place_of(old), there, now);
  return fail(ec::in_use, describe_claim(x.store, place_of(old), there));
}

// What it promised and accepted since then is gone: it counts like a server
// that was declared failed, and is never taken back as it is.
void version_directory::judge_age(fileserver& x, std::uint64_t rows,
                                  instant now) {
  if (rows == 0 || rows >= x.rows)
    return;
  declare_failed(x,
                 fmt::format("its store went back to an older state: it has {} "
                             "rows, and has had {}",
                             rows, x.rows),
                 now);
  x.rows = rows;
  x.age.went_back = true;
  x.age.rows = 0; // To be written down.
}

void version_directory::note_age(fileserver& x, std::uint64_t rows,
                                 instant now) {
  x.rows = std::max(x.rows, rows);
  if (x.age.rows == x.rows
      || (x.age.rows != 0 && now - x.age_logged < age_pace))
    return;
  x.age.store = x.row.store;
  x.age.rows = x.rows;
  x.age_logged = now;
  out_.push_back(log_store_age{x.age});
}

// Whatever the former life led or told is over; what it promised is not.
void version_directory::reborn(store_id x, bool back, instant now) {
  auto& server = servers_[x];
  server.groups.clear();
  server.all_told = false;
  server.dead = false;
  server.sequence = 0;
  if (!back)
    arrived_ = now;
  for (auto& [group, entry] : groups_) {
    if (const auto it = entry.rejoining.find(x); it != entry.rejoining.end())
      it->second = {};
    if (entry.primary == x) {
      unseat(entry);
      appoint(group, entry, now);
    }
  }
  say(note::server_up, {}, x, back ? "again" : "for the first time");
}

result<msg::fileserver_beat_ack>
version_directory::beat(const msg::fileserver_beat& x, instant now) {
  if (!stopped_.empty())
    return fail(ec::stale, stopped_);
  const auto known = servers_.find(x.store);
  if (known == servers_.end() || x.term != term_ || !known->second.linked)
    return fail(ec::not_found, "register first");
  auto& server = known->second;
  if (server.boot != x.boot)
    return fail(ec::stale, "another life of this store is registered");
  if (x.sequence <= server.sequence)
    return fail(ec::stale, "a newer heartbeat came before this one");
  if (const auto twice = claims_.heard(x.store, now))
    say(note::store_twice, {}, x.store,
        describe_claim(twice->store, twice->holder, twice->refused));
  if (!alive(x.store, now))
    server.came = now;
  server.sequence = x.sequence;
  server.heard = now;
  server.dead = false; // It is not, whatever its port said.
  note_age(server, x.rows, now);
  server.volumes = x.volumes;
  server.disks = x.disks;
  note_room(server, x.full, now);
  for (const auto& y : x.groups)
    stood(server, y, now);
  server.all_told = server.all_told || x.all_told;
  msg::fileserver_beat_ack ack{term_, x.sequence, revision_,
                               {},    durable_,   server.age.went_back};
  if (x.servers_known != revision_)
    for (const auto& [store, other] : servers_)
      if (other.row.data.port != 0)
        ack.servers.push_back({store, other.row.data});
  return ack;
}

void version_directory::note_room(fileserver& x, bool full, instant now) {
  x.full = full;
  if (full)
    x.was_full = now;
}

void version_directory::stood(fileserver& x, const msg::group_standing& y,
                              instant now) {
  auto& told = x.groups[y.group];
  told.what = y;
  told.at = now;
  const auto it = groups_.find(y.group);
  if (it == groups_.end())
    return;
  auto& entry = it->second;
  const auto& set = entry.in_force;
  const bool later = !set.servers.empty() && y.epoch > set.epoch
                     && !(entry.change && entry.change->to().epoch == y.epoch);
  if (later && !entry.outrun)
    say(note::outrun, y.group, x.row.store,
        fmt::format("it is in {:x}, known is {:x}", y.epoch.value(),
                    set.epoch.value()));
  entry.outrun = entry.outrun || later;
  if (y.epoch != set.epoch || !of_set(set, x.row.store))
    return;
  // An order of a former master came late: that set cannot go on for ever.
  if (y.sealed && entry.ready && entry.wanted.empty())
    entry.wanted = "a member is sealed";
  // A former master had it quarantined.
  if (y.quarantined && !entry.rejoining.contains(x.row.store))
    entry.rejoining[x.row.store]
      = {rejoining_server::phase::refill, now, instant{}};
}

std::vector<msg::unlink_file>
version_directory::news(const msg::group_news& x, instant now) {
  const auto known = servers_.find(x.store);
  if (known == servers_.end() || known->second.boot != x.boot)
    return {};
  news_of_change(known->second, x, now);
  for (const auto& y : x.rejoined)
    if (const auto it = groups_.find(y.group); it != groups_.end())
      rejoined(it->second, known->second, y, now);
  for (const auto& y : x.led)
    if (const auto it = groups_.find(y.group); it != groups_.end())
      led(it->second, x.store, y, now);
  for (const auto& y : x.resigned)
    if (const auto it = groups_.find(y.group); it != groups_.end())
      resigned(it->second, x.store, y, now);
  if (rebuilding_)
    for (const auto& y : x.testimonies)
      rebuilding_->said[y.set.group][x.store] = y;
  std::vector<msg::unlink_file> unlink;
  for (const auto& y : x.unlink)
    if (const auto it = groups_.find(y.group);
        it != groups_.end() && it->second.led && it->second.primary == x.store
        && it->second.ballot == y.ballot)
      unlink.push_back(y);
  return unlink;
}

void version_directory::news_of_change(fileserver& from,
                                       const msg::group_news& x, instant now) {
  const auto tell = [&](group_id group, auto what) {
    if (const auto it = groups_.find(group);
        it != groups_.end() && it->second.change)
      perform(group, what(*it->second.change), now);
  };
  for (const auto& y : x.sealed)
    tell(y.group, [&](auto& to) { return to.on_sealed(x.store, y); });
  for (const auto& y : x.installed)
    tell(y.group, [&](auto& to) { return to.on_installed(x.store, y); });
  for (const auto& y : x.activated) {
    auto& told = from.groups[y.group];
    if (told.what.epoch < y.epoch)
      told = {active_in(y.group, y.epoch), now};
    // Declared failed: it has to be refilled, whenever it was installed.
    const auto it = groups_.find(y.group);
    if (it != groups_.end() && y.epoch == it->second.in_force.epoch
        && !told.what.quarantined && !from.row.failed)
      it->second.rejoining.erase(x.store);
    tell(y.group, [&](auto& to) { return to.on_activated(x.store, y); });
  }
  for (const auto& y : x.refused)
    tell(y.group, [&](auto& to) { return to.on_refused(x.store, y); });
}

// -- away ---------------------------------------------------------------------

void version_directory::link_lost(store_id store, boot_id boot, instant) {
  const auto it = servers_.find(store);
  if (it == servers_.end() || it->second.boot != boot || !it->second.linked)
    return;
  it->second.linked = false;
  if (config_.death_by_refusal)
    out_.push_back(probe_fileserver{store, boot, it->second.row.data});
}

void version_directory::probed(store_id store, boot_id boot, bool refused,
                               instant now) {
  const auto it = servers_.find(store);
  // Both halves of the proof, of the same life.
  if (it == servers_.end() || it->second.boot != boot || it->second.linked
      || it->second.dead || !refused || !config_.death_by_refusal)
    return;
  it->second.dead = true;
  say(note::server_dead, {}, store, "its port of versions refuses");
  declare_failed(it->second, "it is dead", now);
  tick(now); // Whoever waits for this is served at this moment.
}

void version_directory::declare_failed(fileserver& x, const std::string& why,
                                       instant now) {
  const auto store = x.row.store;
  if (std::exchange(x.row.failed, true))
    return;
  out_.push_back(log_fileserver{x.row});
  group_repair repair;
  repair.began = now;
  for (auto& [group, entry] : groups_) {
    if (!of_set(entry.in_force, store))
      continue;
    entry.rejoining[store] = {};
    repair.open.insert(group);
    if (const auto* stands = standing(store, group))
      repair.bytes += stands->bytes;
  }
  repair.all = repair.open.size();
  say(note::server_failed, {}, store,
      fmt::format("{}: {} groups have lost a copy, {} bytes", why, repair.all,
                  repair.bytes));
  if (repair.all != 0) {
    say(note::repair_begun, {}, store, fmt::format("{} groups", repair.all));
    repairs_[store] = std::move(repair);
  }
}

void version_directory::judge_servers(instant now) {
  for (auto& [store, x] : servers_) {
    if (alive(store, now)) {
      if (!x.linked && config_.death_by_refusal)
        out_.push_back(probe_fileserver{store, x.boot, x.row.data});
      if (x.row.failed)
        finish_rejoin(x, now);
      continue;
    }
    if (x.row.failed)
      continue; // Its groups are in order, or say themselves that they are not.
    unsettled_ = now;
    if (now - x.heard >= config_.silent_after + config_.repair_delay)
      declare_failed(
        x, fmt::format("silent for {:.1f} s", seconds_of(now - x.heard)), now);
  }
}

// It counts again when all its groups are in order, one way or the other.
void version_directory::finish_rejoin(fileserver& x, instant now) {
  const auto store = x.row.store;
  if (!usable(store, now) || !x.all_told)
    return;
  for (const auto& [group, entry] : groups_)
    if (of_set(entry.in_force, store) && !fit(entry, store))
      return;
  // A master that knows the first row alone has it rejoin once more.
  if (std::exchange(x.age.went_back, false))
    out_.push_back(log_store_age{x.age});
  x.row.failed = false;
  out_.push_back(log_fileserver{x.row});
  say(note::server_back, {}, store);
}

} // namespace dfs::core
