#include "support/sim/chunks_trouble.hpp"

#include "support/sim/chunks_master.hpp"
#include "support/sim/chunks_server.hpp"

#include <fmt/format.h>

#include <iterator>
#include <string>
#include <vector>

namespace dfs::sim {

using namespace std::chrono_literals;

namespace {

/// After the last start of a server everything has all its copies again.
constexpr auto repaired_within = 30s;
/// A deletion that was lost is ordered again after a minute and a half; but not
/// where a copy may be on its way for ten minutes.
constexpr auto purged_within = 800s;
/// One broken pair of links stops writes no longer than this. SPEC G7
constexpr auto write_within = 4s;

} // namespace

void chunk_trouble::strike() {
  const auto server = any_server();
  strike(server, world_.random().below(10));
}

void chunk_trouble::strike_one() {
  const auto server = any_server();
  strike(server, world_.random().below(9));
}

void chunk_trouble::strike(node_index server, std::uint64_t what) {
  auto& random = world_.random();
  switch (what) {
    case 0:
      crash(server, 100ms + up_to(random, 6s), false);
      break;
    case 1:
      crash(server, 100ms + up_to(random, 6s), true);
      break;
    case 2:
      world_.pause(server, 300ms + up_to(random, 7s));
      break;
    case 3:
      world_.suspend(server, 300ms + up_to(random, 7s));
      break;
    case 4:
      cluster_.crash_master_for_a_while();
      break;
    case 5:
      world_.pause(chunk_cluster::master(), 200ms + up_to(random, 4s));
      break;
    case 6:
      cut(server, chunk_cluster::master(), up_to(random, 6s));
      break;
    case 7:
      cut(server, other(server), up_to(random, 4s));
      break;
    case 8:
      cluster_.reset_link(server);
      break;
    case 9: // A crash of two at once.
      crash(server, 100ms + up_to(random, 3s), false);
      crash(other(server), 100ms + up_to(random, 3s), random.one_in(2));
      break;
  }
}

void chunk_trouble::maroon() {
  auto& random = world_.random();
  const auto n = cluster_.options().servers;
  const auto who
    = chunk_cluster::first_server() + static_cast<node_index>(random.below(n));
  link_quality late;
  late.delay = 200ms + up_to(random, 900ms);
  world_.net().set_quality(chunk_cluster::master(), who, late);
  world_.run_for(1s + up_to(random, 1s));
  for (node_index i = 0; i < cluster_.first_client(); ++i)
    if (i != who) {
      world_.net().cut(i, who);
      world_.net().cut(who, i);
    }
  world_.run_for(1s + up_to(random, 5s));
  world_.net().heal();
  world_.net().set_quality(chunk_cluster::master(), who, link_quality{});
}

void chunk_trouble::tear() {
  auto& random = world_.random();
  const auto who = any_server();
  const auto with = other(who);
  const bool pair = random.one_in(2);
  const auto which = random.below(3);
  for (auto i = chunk_cluster::first_server(); i < cluster_.first_client();
       ++i) {
    if (i == who || (pair && i != with))
      continue;
    if (which != 0)
      world_.net().cut(who, i);
    if (which != 1)
      world_.net().cut(i, who);
  }
  watch_writes(5s + up_to(random, 7s));
  world_.net().heal();
  watch_writes(1s);
  wait_for_copies({});
}

void chunk_trouble::strand() {
  auto& random = world_.random();
  const auto n = random.below(cluster_.options().files);
  const auto* grant = cluster_.file(static_cast<std::uint32_t>(n));
  if (grant == nullptr)
    return;
  const auto chain = grant->chain;
  for (const auto& replica : chain) {
    const auto who = chunk_cluster::node_of(replica.store);
    if (&replica == &chain.front())
      crash(who, 100ms + up_to(random, 6s), random.one_in(2));
    else if (random.one_in(3))
      world_.pause(who, 300ms + up_to(random, 4s));
    else
      cut(chunk_cluster::master(), who, 300ms + up_to(random, 4s));
  }
}

void chunk_trouble::forget_deletion() {
  auto& random = world_.random();
  const auto deletes = [&] {
    for (auto i = chunk_cluster::first_server(); i < cluster_.first_client();
         ++i)
      if (const auto* server = cluster_.server_process(i);
          server != nullptr && server->deletes())
        return true;
    return false;
  };
  const auto away = any_server();
  // Nobody changes what it has, so that it is too much when it is back.
  cluster_.set_idle(true);
  stop(away);
  if (has_spare())
    wait_for_copies(away);
  else
    world_.run_for(up_to(random, 4s));
  world_.start(away);
  (void) world_.run_until(deletes, world_.now() + 8s);
  world_.run_for(up_to(random, 200ms));
  cluster_.set_idle(false);
  crash(chunk_cluster::master(), 20ms + up_to(random, 300ms), false);
  world_.run_for(up_to(random, 4s));
}

void chunk_trouble::restart_without_one() {
  auto& random = world_.random();
  const bool spare = has_spare();
  const auto missing = spare ? any_server() : cluster_.first_client();
  cluster_.set_idle(true);
  // Not all of it need die.
  const auto all = random.one_in(2);
  for (auto i = chunk_cluster::first_server(); i < cluster_.first_client(); ++i)
    if (i == missing || all || random.one_in(2))
      stop(i);
  if (all || random.one_in(2))
    cluster_.crash(chunk_cluster::master());
  world_.run_for(up_to(random, 4s));
  std::vector<node_index> down;
  for (node_index i = 0; i < cluster_.first_client(); ++i)
    if (i != missing && world_.at(i).state() == node_state::down)
      down.insert(
        down.begin()
          + static_cast<std::ptrdiff_t>(random.below(down.size() + 1)),
        i);
  for (const auto i : down) {
    world_.start(i);
    if (random.one_in(2))
      world_.run_for(up_to(random, 2s));
  }
  wait_for_copies(missing);
  cluster_.set_idle(false);
  if (spare)
    world_.start(missing);
}

std::vector<node_index> chunk_trouble::one_or_all() {
  if (world_.random().one_in(2))
    return {any_server()};
  std::vector<node_index> all;
  for (auto i = chunk_cluster::first_server(); i < cluster_.first_client(); ++i)
    all.push_back(i);
  return all;
}

void chunk_trouble::hang() {
  auto& random = world_.random();
  const auto time = 200ms + up_to(random, random.one_in(2) ? 2s : 9s);
  const auto hung = one_or_all();
  for (const auto i : hung)
    if (world_.at(i).state() == node_state::running)
      world_.act(
        i, [this, i, time] { cluster_.server_process(i)->hang_disk(time); });
  world_.run_for(up_to(random, time));
  if (random.one_in(2))
    for (const auto i : hung)
      crash(i, 100ms + up_to(random, 3s), true);
  world_.run_for(up_to(random, 4s));
}

void chunk_trouble::fill() {
  auto& random = world_.random();
  const auto time = 200ms + up_to(random, 4s);
  for (const auto i : one_or_all())
    if (world_.at(i).state() == node_state::running)
      world_.act(
        i, [this, i, time] { cluster_.server_process(i)->fill_disk(time); });
  world_.run_for(up_to(random, time));
  if (random.one_in(2)) // Copies, and new primaries, while there is no room.
    crash(any_server(), 100ms + up_to(random, 3s), random.one_in(2));
  world_.run_for(up_to(random, 4s));
}

// Those that the master counts, and that have what they should have.
std::vector<node_index> chunk_trouble::good_holders(chunk_id chunk) {
  std::vector<node_index> found;
  const auto* master = cluster_.master_process();
  if (master == nullptr)
    return found;
  const auto& s = master->machine().state();
  for (const auto i : s.table.holders(chunk)) {
    const auto node = chunk_cluster::node_of(s.servers.at(i).store);
    const auto& here = cluster_.disk(node).replicas;
    const auto x = here.find(chunk);
    if (x != here.end() && x->second.sound())
      found.push_back(node);
  }
  return found;
}

bool chunk_trouble::has_rotten(chunk_id chunk) {
  for (auto i = chunk_cluster::first_server(); i < cluster_.first_client();
       ++i) {
    const auto& here = cluster_.disk(i).replicas;
    const auto x = here.find(chunk);
    if (x != here.end() && !x->second.sound())
      return true;
  }
  return false;
}

void chunk_trouble::rot(node_index server, chunk_id chunk) {
  auto& random = world_.random();
  auto& x = cluster_.disk(server).replicas.at(chunk);
  // Often at the end: what was changed last is sent again by a new primary.
  const auto from
    = x.cells.size()
      - (random.one_in(2) ? std::min<std::size_t>(x.cells.size(), 8)
                          : x.cells.size());
  for (auto n = 1 + random.below(3); n > 0; --n)
    x.rot(
      static_cast<std::uint32_t>(from + random.below(x.cells.size() - from)));
}

std::optional<chunk_id> chunk_trouble::any_chunk() {
  const auto& files = cluster_.witness().files();
  const auto worked_on = static_cast<std::uint32_t>(
    world_.random().below(cluster_.options().files));
  if (const auto* grant = cluster_.file(worked_on);
      grant != nullptr && world_.random().one_in(2))
    return grant->chunk;
  if (files.empty())
    return std::nullopt;
  const auto n = world_.random().below(files.size());
  return std::next(files.begin(), static_cast<std::ptrdiff_t>(n))->first;
}

void chunk_trouble::rot(std::size_t most, std::size_t stay) {
  auto& random = world_.random();
  const auto chunk = any_chunk();
  if (!chunk || has_rotten(*chunk))
    return;
  auto good = good_holders(*chunk);
  for (std::size_t n = 0; n < most && good.size() > stay; ++n) {
    // Also one that does not count.
    const auto which = random.below(good.size());
    const auto node = random.one_in(6) ? any_server() : good[which];
    const auto& here = cluster_.disk(node).replicas;
    if (const auto x = here.find(*chunk);
        x != here.end() && !x->second.cells.empty())
      rot(node, *chunk);
    std::erase(good, node);
  }
}

void chunk_trouble::leave_alone() {
  auto& random = world_.random();
  cluster_.set_idle(true);
  world_.run_for(up_to(random, 3s));
  const auto chunk = any_chunk();
  if (chunk && !has_rotten(*chunk)) {
    const auto good = good_holders(*chunk);
    const auto alone = random.below(std::max<std::size_t>(good.size(), 1));
    for (std::size_t n = 0; n < good.size() && good.size() > 1; ++n)
      if (n != alone)
        crash(good[n], 100ms + up_to(random, 8s), random.one_in(2));
      else if (!cluster_.disk(good[n]).replicas.at(*chunk).cells.empty())
        rot(good[n], *chunk);
  }
  world_.run_for(9s);
  cluster_.set_idle(false);
}

// The master has heard that all changes there are committed.
bool chunk_trouble::knows_all(chunk_id chunk, node_index server) {
  const auto* master = cluster_.master_process();
  const auto* entry
    = master == nullptr ? nullptr : master->machine().state().table.find(chunk);
  return entry != nullptr
         && entry->serial.value()
              == cluster_.disk(server).replicas.at(chunk).log.size();
}

void chunk_trouble::lapse() {
  auto& random = world_.random();
  cluster_.set_lengths_late(true);
  world_.run_for(up_to(random, 4s));
  cluster_.set_idle(true);
  world_.run_for(500ms + up_to(random, 3s));
  const auto chunk = any_chunk();
  const auto holders = chunk ? good_holders(*chunk) : std::vector<node_index>{};
  const auto back
    = holders.empty() ? node_index{} : holders[random.below(holders.size())];
  if (holders.size() > 1 && knows_all(*chunk, back)) {
    for (const auto i : holders)
      cluster_.crash(i);
    auto& x = cluster_.disk(back).replicas.at(*chunk);
    x.go_back(x.log.size()
              - std::min<std::size_t>(x.log.size(), 1 + random.below(4)));
    x.durable = std::min(x.durable, x.log.size());
    world_.run_for(up_to(random, 1s));
    world_.start(back);
    const auto noticed = [&] {
      const auto* server = cluster_.server_process(back);
      return server != nullptr && server->refuses(*chunk);
    };
    (void) world_.run_until(noticed, world_.now() + 6s);
    cluster_.crash(chunk_cluster::master());
    world_.run_for(50ms + up_to(random, 500ms));
    world_.start(chunk_cluster::master());
    world_.run_for(12s);
    for (const auto i : holders)
      if (i != back)
        world_.start(i);
    wait_for_copies({});
  }
  cluster_.set_idle(false);
}

void chunk_trouble::wait_for_health() {
  const auto end = world_.now() + repaired_within;
  std::string complaints = "not asked";
  cluster_.set_scrubs(true);
  while (!complaints.empty() && world_.now() < end && !world_.broken()) {
    world_.run_for(200ms);
    complaints = cluster_.complaints();
  }
  cluster_.set_scrubs(false);
  if (!world_.broken() && !complaints.empty())
    world_.report("rot", fmt::format("{} s after the last fault:{}",
                                     repaired_within / 1s, complaints));
}

void chunk_trouble::wait_for_purge() {
  cluster_.set_idle(true);
  const auto end = world_.now() + purged_within;
  while (!cluster_.quarantined().empty() && world_.now() < end
         && !world_.broken())
    world_.run_for(1s);
  cluster_.set_idle(false);
  if (const auto left = cluster_.quarantined();
      !world_.broken() && !left.empty())
    world_.report("rot", fmt::format("{} s after the last fault:{}",
                                     purged_within / 1s, left));
}

void chunk_trouble::end() {
  world_.net().heal();
  cluster_.set_crash_steps(0);
  for (node_index i = 0; i < cluster_.first_client(); ++i)
    if (world_.at(i).state() == node_state::down)
      world_.start(i);
}

bool chunk_trouble::has_spare() const {
  const auto& options = cluster_.options();
  return options.servers > options.config.replication;
}

node_index chunk_trouble::any_server() {
  return chunk_cluster::first_server()
         + static_cast<node_index>(
           world_.random().below(cluster_.options().servers));
}

void chunk_trouble::stop(node_index i) {
  if (world_.random().one_in(2))
    cluster_.cut_power(i);
  else
    cluster_.crash(i);
}

void chunk_trouble::watch_writes(std::chrono::nanoseconds time) {
  const auto end = world_.now() + time;
  while (world_.now() < end && !world_.broken()) {
    world_.run_for(20ms);
    const auto since = cluster_.waits_since();
    if (since && world_.now() - *since > write_within)
      world_.report("links", "a write waits for more than 4 s while one "
                             "server or pair is cut off");
  }
}

void chunk_trouble::wait_for_copies(std::optional<node_index> missing) {
  const auto end = world_.now() + repaired_within;
  std::string complaints = "not asked";
  while (!complaints.empty() && world_.now() < end && !world_.broken()) {
    world_.run_for(200ms);
    complaints = cluster_.complaints(missing);
  }
  if (!world_.broken() && !complaints.empty())
    world_.report("restart", fmt::format("{} s after the last start or cut:{}",
                                         repaired_within / 1s, complaints));
  else if (!world_.broken())
    cluster_.judge_holders();
}

node_index chunk_trouble::other(node_index server) {
  const auto n = cluster_.options().servers;
  const auto step = 1 + static_cast<node_index>(world_.random().below(n - 1));
  return chunk_cluster::first_server()
         + (server - chunk_cluster::first_server() + step) % n;
}

void chunk_trouble::crash(node_index i, std::chrono::nanoseconds rest,
                          bool power) {
  if (world_.at(i).state() == node_state::down)
    return;
  if (power)
    cluster_.cut_power(i);
  else
    cluster_.crash(i);
  world_.after(rest, [this, i] {
    if (world_.at(i).state() == node_state::down)
      world_.start(i);
  });
}

void chunk_trouble::cut(node_index a, node_index b,
                        std::chrono::nanoseconds lasts) {
  const auto which = world_.random().below(3);
  if (which != 0)
    world_.net().cut(a, b);
  if (which != 1)
    world_.net().cut(b, a);
  world_.after(lasts, [this, a, b] {
    world_.net().mend(a, b);
    world_.net().mend(b, a);
  });
}

} // namespace dfs::sim
