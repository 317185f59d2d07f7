#include "support/sim/chunks_server.hpp"

#include "core/chunks/bad_replica.hpp"

#include <fmt/format.h>

#include <algorithm>

// Its life. The master's orders are in chunks_orders.cpp, what the keeper wants
// done in chunks_keeper.cpp, the data plane in chunks_data.cpp, reads and what
// they find bad in chunks_reads.cpp.

namespace dfs::sim {

using namespace std::chrono_literals;

namespace {

constexpr auto tick_interval = 50ms;

// Nothing happens to a chunk for so long, and it is set aside; some marks of
// what is committed have been forgotten when it is used again.
constexpr std::uint64_t rest_one_in = 400;

// None of its disks has got anything done for so long: no heartbeats.
constexpr auto hang_noticed = 5s;

} // namespace

chunk_server::chunk_server(node& host, chunk_cluster& cluster)
  : host_{host},
    cluster_{cluster},
    disk_{cluster.disk(host.index())},
    boot_{host.random().below(~std::uint64_t{0}) + 1},
    rpc_{host, [&cluster](const endpoint& x) { return cluster.life_of(x); }},
    revoked_{{.memory = 2
                        * std::max(cluster.options().config.chunk_lease,
                                   cluster.settings().chunk_lease),
              .few = 0}} {
  core::keeper_config config;
  core::keeper_identity self;
  self.store = chunk_cluster::store_of(host.index());
  self.boot = boot_;
  self.name = "server-" + std::to_string(host.index());
  self.zone = self.name;
  self.data = chunk_cluster::at(host.index());
  keeper_.emplace(config, std::move(self), disk_.newest, 0, clocks());
  for (auto& [chunk, x] : disk_.quarantine)
    x.durable = true; // A start syncs the log.
  for (const auto& [chunk, x] : disk_.replicas)
    load(chunk, mutant("believer") ? mutation_serial{x.log.size()}
                                   : mutation_serial{});
}

/// @param committed As it is remembered.
void chunk_server::load(chunk_id chunk, mutation_serial committed) {
  const auto size = cluster_.options().config.chunk_size;
  replicas_.erase(chunk);
  replicas_.emplace(chunk,
                    replica{stored(chunk).extent(size), size, committed});
  replicas_.at(chunk).number = ++replicas_made_;
}

/// As `replica_table::set_aside`: of what is not in use the mark is kept, or
/// forgotten.
void chunk_server::set_aside() {
  std::vector<std::pair<chunk_id, mutation_serial>> rest;
  for (const auto& [chunk, r] : replicas_)
    if (r.order.owed() == 0 && r.waiting.empty() && r.readers.empty()
        && !r.levelling && host_.random().one_in(rest_one_in))
      rest.emplace_back(chunk, r.order.committed());
  for (const auto& [chunk, mark] : rest) {
    end_lease(chunk, *find(chunk), ec::not_primary);
    const auto kept = std::min(mark, find(chunk)->order.committed());
    load(chunk, host_.random().one_in(2) ? kept : mutation_serial{});
  }
}

void chunk_server::on_start() {
  next_tick_ = host_.now();
  serve_orders();
  serve_data();
}

void chunk_server::on_timer() {
  next_tick_ = host_.now() + tick_interval;
  std::uint32_t open = 0;
  for (const auto& [chunk, r] : replicas_)
    open += static_cast<std::uint32_t>(r.waiting.size());
  keeper_->set_status(open, {{1, 1u << 30, 1u << 29, false, "/disk"}});
  perform(keeper_->tick(clocks()));
  check_leases();
  set_aside();
  scrub();
}

void chunk_server::link_lost() {
  perform(keeper_->master_lost(clocks()));
}

void chunk_server::check() const {
  keeper_->check();
  led_.check();
  for (const auto& [chunk, r] : replicas_)
    r.order.check();
}

void chunk_server::note(std::string_view what, chunk_id chunk,
                        chunk_version version) {
  if (!host_.traced())
    return;
  const auto* r = find(chunk);
  host_.note(fmt::format(
    "{} chunk {:x} version {} serial {}", what, chunk.value(), version.value(),
    r == nullptr ? 0 : r->order.applied_extent().serial.value()));
}

core::clock_pair chunk_server::clocks() const {
  return {boot_now(), std::chrono::nanoseconds{host_.wall()}};
}

boot_instant chunk_server::boot_now() const {
  return boot_instant{host_.now().time_since_epoch()};
}

std::vector<node_index> chunk_server::counts_on(chunk_id chunk) const {
  std::vector<node_index> nodes;
  const auto it = replicas_.find(chunk);
  if (it == replicas_.end() || !it->second.led || !leased()
      || boot_now() >= it->second.led->until)
    return nodes;
  for (const auto& x : it->second.led->grant.chain)
    nodes.push_back(chunk_cluster::node_of(x.store));
  return nodes;
}

bool chunk_server::mutant(std::string_view name) const {
  return cluster_.world().mutant(name);
}

bool chunk_server::leased() const {
  if (mutant("unleased"))
    return true;
  // The keeper notices that the machine slept a moment after the first reader.
  const auto drift = clocks().wall - boot_now().time_since_epoch() - offset_;
  return boot_now() < leased_until_
         && (mutant("sleepy") || (drift < 50ms && drift > -50ms));
}

std::chrono::nanoseconds chunk_server::disk_time() {
  const auto hangs
    = std::max<std::chrono::nanoseconds>(hangs_until_ - boot_now(), 0ns);
  return hangs + 500us + up_to(host_.random(), 8ms);
}

void chunk_server::hang_disk(std::chrono::nanoseconds time) {
  hangs_until_ = std::max(hangs_until_, boot_now() + time);
  // As `volume_watch` says: then no lease could be honoured.
  host_.later(hang_noticed, [this] {
    if (boot_now() < hangs_until_)
      perform(keeper_->impede("the disks get nothing done", clocks()));
  });
  host_.later(time, [this] {
    if (boot_now() >= hangs_until_)
      perform(keeper_->impede({}, clocks()));
  });
}

bool chunk_server::is_revoked(chunk_id chunk, chunk_version version) const {
  return version < revoked_.below(chunk);
}

bool chunk_server::refuses(chunk_id chunk) const {
  const auto it = replicas_.find(chunk);
  return it != replicas_.end() && is_revoked(chunk, it->second.order.version());
}

// As `server_state`.
bool chunk_server::holds_below(chunk_id chunk, chunk_version version) const {
  if (copying_.contains(chunk) || leaving_.contains(chunk))
    return true;
  const auto it = replicas_.find(chunk);
  return it != replicas_.end() && it->second.order.version() < version;
}

chunk_server::replica* chunk_server::find(chunk_id chunk) {
  const auto it = replicas_.find(chunk);
  return it == replicas_.end() ? nullptr : &it->second;
}

stored_replica& chunk_server::stored(chunk_id chunk) {
  return disk_.replicas.at(chunk);
}

msg::chunk_state chunk_server::state_of(chunk_id chunk) {
  return {chunk, find(chunk)->order.applied_extent()};
}

result<chunk_server::replica*>
chunk_server::make(chunk_id chunk, chunk_version version) {
  if (leaving_.contains(chunk))
    return fail(ec::busy);
  if (auto may = core::may_make_anew(disk_.quarantine.contains(chunk));
      !may && !mutant("remade"))
    return may.error();
  if (full())
    return fail(ec::full);
  disk_.replicas[chunk] = {};
  stored(chunk).version = version;
  load(chunk, {});
  return &replicas_.at(chunk);
}

void chunk_server::sync(chunk_id chunk, std::function<void()> f) {
  const auto& x = stored(chunk);
  const auto version = x.version;
  const auto entries = x.log.size();
  host_.later(disk_time(), [this, chunk, version, entries, f] {
    const auto it = disk_.replicas.find(chunk);
    if (it == disk_.replicas.end())
      return;
    auto& y = it->second;
    if (y.version >= version) {
      y.durable_version = std::max(y.durable_version, version);
      y.durable = std::min(std::max(y.durable, entries), y.log.size());
    }
    f();
  });
}

} // namespace dfs::sim
