#include "support/sim/chunks.hpp"

#include "support/sim/chunks_client.hpp"
#include "support/sim/chunks_master.hpp"
#include "support/sim/chunks_server.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dfs::sim {

using namespace std::chrono_literals;

// -- disks --------------------------------------------------------------------

void chunk_disk::lose_power() {
  std::erase_if(replicas, [](const auto& x) {
    return x.second.durable_version == chunk_version{};
  });
  for (auto& [chunk, x] : replicas) {
    x.version = x.durable_version;
    x.log.resize(x.durable);
  }
}

void row_disk::apply_next() {
  for (auto& [key, value] : queue.front()) {
    if (value)
      rows[key] = *value;
    else
      rows.erase(key);
  }
  queue.pop_front();
}

void row_disk::recover(rng& random) {
  while (!queue.empty() && random.one_in(2))
    apply_next();
  queue.clear();
}

// -- the witness --------------------------------------------------------------

void chunk_witness::broke(std::string promise, std::string what) {
  if (!breach_)
    breach_ = {std::move(promise), std::move(what)};
}

bool chunk_witness::good(const stored_replica& x, const truth& of) const {
  return std::all_of(of.told.begin(), of.told.end(), [&](const auto& y) {
    return y.first.value() <= x.log.size()
           && x.log[y.first.value() - 1] == y.second;
  });
}

void chunk_witness::granted(chunk_id chunk, const msg::chunk_leased& x,
                            node_index primary) {
  ++grants_;
  auto& t = truths_[chunk];
  if (x.grant.version < t.led)
    broke("one-primary",
          fmt::format("chunk {:x} was granted at version {} after {}",
                      chunk.value(), x.grant.version.value(), t.led.value()));
  if (x.grant.version == t.led)
    return;
  t.led = x.grant.version;
  const auto& disk = disks_.at(primary - chunk_cluster::first_server());
  const auto replica = disk.replicas.find(chunk);
  if (!t.told.empty()
      && (replica == disk.replicas.end() || !good(replica->second, t)))
    broke("acknowledged-survives",
          fmt::format("the primary of chunk {:x}, version {}, node {}, lacks "
                      "what was acknowledged",
                      chunk.value(), t.led.value(), primary));
  if (replica != disk.replicas.end())
    judge_writes(chunk, replica->second);
}

// However often a write was sent, it has one place.
void chunk_witness::judge_writes(chunk_id chunk, const stored_replica& x) {
  std::set<std::uint64_t> values;
  for (const auto value : x.log)
    if ((value & put_value) == 0 && !values.insert(value).second)
      broke("written-once", fmt::format("chunk {:x} has write {:x} twice",
                                        chunk.value(), value));
}

void chunk_witness::acted(node_index server, chunk_id chunk,
                          chunk_version version) {
  const auto& t = truths_[chunk];
  if (version < t.led)
    broke("one-primary",
          fmt::format("node {} acts as primary of chunk {:x} with version {} "
                      "after {} was granted",
                      server, chunk.value(), version.value(), t.led.value()));
}

void chunk_witness::acknowledged(chunk_id chunk, mutation_serial serial,
                                 std::uint64_t value) {
  ++changes_;
  const auto [it, fresh] = truths_[chunk].told.emplace(serial, value);
  if (!fresh && it->second != value)
    broke("acknowledged-survives",
          fmt::format("change {} of chunk {:x} was acknowledged as two",
                      serial.value(), chunk.value()));
}

chunk_witness::floor chunk_witness::newest(chunk_id chunk) const {
  const auto it = truths_.find(chunk);
  if (it == truths_.end() || it->second.told.empty())
    return {};
  const auto& [serial, value] = *it->second.told.rbegin();
  return {serial, value};
}

void chunk_witness::read(chunk_id chunk, const floor& least,
                         const sim_bytes& got, node_index server) {
  ++reads_;
  if (got.serial < least.serial) {
    broke("no-stale-read",
          fmt::format("node {} read change {} of chunk {:x}, and {} was "
                      "known before",
                      server, got.serial.value(), chunk.value(),
                      least.serial.value()));
    return;
  }
  if (got.serial == mutation_serial{})
    return;
  // Who has read it may tell others: it must not vanish either.
  const auto [it, fresh] = truths_[chunk].told.emplace(got.serial, got.value);
  if (!fresh && it->second != got.value)
    broke("no-stale-read",
          fmt::format("node {} read another change {} of chunk {:x}", server,
                      got.serial.value(), chunk.value()));
}

void chunk_witness::kept(inode_id file, chunk_id chunk) {
  files_[chunk] = file;
}

void chunk_witness::released(inode_id file) {
  std::erase_if(files_, [&](const auto& x) { return x.second == file; });
}

void chunk_witness::deleted(node_index server, chunk_id chunk,
                            const std::vector<node_index>& counted_on) {
  if (!files_.contains(chunk) || truths_[chunk].told.empty())
    return;
  if (std::find(counted_on.begin(), counted_on.end(), server)
      != counted_on.end())
    broke("set-stays", fmt::format("node {} deletes {:x}, and its primary "
                                   "relies on it",
                                   server, chunk.value()));
  for (std::size_t n = 0; n < disks_.size(); ++n) {
    const auto replica = disks_[n].replicas.find(chunk);
    if (n + chunk_cluster::first_server() != server
        && replica != disks_[n].replicas.end()
        && good(replica->second, truths_[chunk]))
      return;
  }
  broke("last-copy", fmt::format("node {} deletes the last good copy of {:x}",
                                 server, chunk.value()));
}

void chunk_witness::judge_replicas(chunk_id chunk, chunk_version version) {
  const auto& t = truths_[chunk];
  const stored_replica* first = nullptr;
  std::size_t good_ones = 0;
  for (std::size_t n = 0; n < disks_.size(); ++n) {
    const auto found = disks_[n].replicas.find(chunk);
    if (found == disks_[n].replicas.end() || found->second.version != version)
      continue;
    const auto& x = found->second;
    good_ones += good(x, t) ? 1 : 0;
    judge_writes(chunk, x);
    if (first == nullptr) {
      first = &x;
      continue;
    }
    const auto common = std::min(x.log.size(), first->log.size());
    if (!std::equal(x.log.begin(),
                    x.log.begin() + static_cast<std::ptrdiff_t>(common),
                    first->log.begin()))
      broke("same-bytes", fmt::format("replicas of chunk {:x}, version {}, "
                                      "differ at node {}",
                                      chunk.value(), version.value(),
                                      n + chunk_cluster::first_server()));
  }
  if (good_ones == 0 && !t.told.empty())
    broke("acknowledged-survives",
          fmt::format("no replica of chunk {:x}, version {}, has all that was "
                      "acknowledged",
                      chunk.value(), version.value()));
}

std::optional<std::pair<std::string, std::string>> chunk_witness::breach() {
  return std::exchange(breach_, std::nullopt);
}

std::optional<std::string> chunk_oracle::after_event(const world&, node_index) {
  if (auto x = witness_.breach())
    return x->first + ": " + x->second;
  return std::nullopt;
}

// -- the cluster --------------------------------------------------------------

chunk_cluster::chunk_cluster(chunks_options options)
  : options_{std::move(options)},
    disks_(options_.servers),
    witness_{disks_} {
  options_.world.costs.first_contact = false;
  options_.world.describe = rpc_end::describe;
  world_ = std::make_unique<sim::world>(options_.world);
  world_->add_node(
    [this](node& host) { return std::make_unique<chunk_master>(host, *this); });
  for (node_index i = 0; i < options_.servers; ++i)
    world_->add_node([this](node& host) {
      return std::make_unique<chunk_server>(host, *this);
    });
  for (node_index i = 0; i < options_.clients; ++i)
    world_->add_node([this](node& host) {
      return std::make_unique<chunk_client>(host, *this);
    });
  world_->watch(std::make_unique<chunk_oracle>(witness_));
}

chunk_cluster::~chunk_cluster() = default;

std::uint32_t chunk_cluster::life_of(const endpoint& x) const {
  const auto i = node_at(x.ip);
  return i && *i < world_->size() ? world_->at(*i).life() : 0;
}

std::optional<chunk_id> chunk_cluster::file(std::uint32_t n) const {
  const auto it = worked_on_.find(n);
  if (it == worked_on_.end())
    return std::nullopt;
  return it->second;
}

chunk_master* chunk_cluster::master_process() {
  return static_cast<chunk_master*>(world_->at(master()).program());
}

chunk_server* chunk_cluster::server_process(node_index i) {
  return static_cast<chunk_server*>(world_->at(i).program());
}

std::vector<node_index> chunk_cluster::counted_on(chunk_id chunk) {
  for (auto i = first_server(); i < first_client(); ++i)
    if (const auto* server = server_process(i))
      if (auto nodes = server->counts_on(chunk); !nodes.empty())
        return nodes;
  return {};
}

void chunk_cluster::start_all() {
  for (node_index i = 0; i < world_->size(); ++i)
    world_->start(i);
}

void chunk_cluster::crash(node_index i) {
  if (world_->at(i).state() == node_state::down)
    return;
  world_->crash(i);
  // The kernel resets what the process had open.
  if (i == master()) {
    for (node_index n = first_server(); n < first_client(); ++n)
      world_->after(1ms, [this, n] {
        if (world_->at(n).state() == node_state::running
            && world_->net().reachable(master(), n))
          world_->act(n, [this, n] { server_process(n)->link_lost(); });
      });
  } else if (i < first_client()) {
    world_->after(1ms, [this, i, life = world_->at(i).life()] {
      // A new life has a connection of its own.
      if (world_->at(master()).state() == node_state::running
          && world_->net().reachable(i, master())
          && world_->at(i).life() == life)
        world_->act(master(), [this, i] { master_process()->link_lost(i); });
    });
  }
}

void chunk_cluster::cut_power(node_index i) {
  crash(i);
  disk(i).lose_power();
}

void chunk_cluster::reset_link(node_index server) {
  if (world_->at(master()).state() == node_state::running)
    world_->act(master(),
                [this, server] { master_process()->link_lost(server); });
  if (world_->at(server).state() == node_state::running)
    world_->act(server,
                [this, server] { server_process(server)->link_lost(); });
}

void chunk_cluster::crash_master_for_a_while() {
  if (world_->at(master()).state() == node_state::down)
    return;
  crash(master());
  const auto rest = 50ms + up_to(world_->random(), 4s);
  world_->after(rest, [this] {
    if (world_->at(master()).state() == node_state::down)
      world_->start(master());
  });
}

std::string chunk_cluster::complaints() {
  auto* process = master_process();
  if (process == nullptr)
    return "the master is down";
  const auto& machine = process->machine();
  const auto& s = machine.state();
  const auto now = world_->at(master()).now();
  std::string text;
  for (core::server_index i = 0; i < s.servers.size(); ++i)
    if (!s.servers.usable(i, now))
      text += fmt::format(" server {} does not serve;",
                          node_of(s.servers.at(i).store));
  for (const auto& [chunk, intent] : s.table.intents())
    text += fmt::format(
      " chunk {:x} has the open intent {}, {} askers, {};", chunk.value(),
      intent.version.value(),
      machine.run_of(chunk) ? machine.run_of(chunk)->askers() : 0,
      machine.run_of(chunk) ? to_string(machine.run_of(chunk)->state())
                            : "not under way");
  for (const auto& [chunk, file] : witness_.files()) {
    const auto* entry = s.table.find(chunk);
    const auto is
      = entry == nullptr ? core::chunk_class::lost : entry->health();
    if (is != core::chunk_class::healthy && is != core::chunk_class::surplus)
      text += fmt::format(" chunk {:x} is of class {} at {} servers;",
                          chunk.value(), static_cast<int>(is),
                          s.table.holders(chunk).size());
  }
  return text;
}

} // namespace dfs::sim
