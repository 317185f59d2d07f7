#include "support/sim/chunks.hpp"

#include "support/sim/chunks_client.hpp"
#include "support/sim/chunks_master.hpp"
#include "support/sim/chunks_server.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dfs::sim {

using namespace std::chrono_literals;

// -- disks --------------------------------------------------------------------

void row_disk::begin_life(std::uint64_t life) {
  term = term.next();
  lineage.lives.push_back({term, life, sequence});
  ++sequence;
}

void row_disk::apply_next() {
  ++sequence;
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

const msg::chunk_grant* chunk_cluster::file(std::uint32_t n) const {
  const auto it = names_.worked_on.find(n);
  return it == names_.worked_on.end() ? nullptr : &it->second;
}

void chunk_cluster::next_chunk(std::uint32_t n, chunk_id full) {
  const auto it = names_.worked_on.find(n);
  if (it == names_.worked_on.end() || it->second.chunk != full)
    return; // Somebody else was faster.
  names_.worked_on.erase(it);
  names_.full.push_back(full);
  world_->after(1ms, [this, n] { found(n); });
}

void chunk_cluster::found(std::uint32_t n) {
  if (file(n) != nullptr)
    return;
  if (world_->at(master()).state() == node_state::running)
    world_->act(master(), [this, n] { master_process()->found(n); });
  world_->after(200ms, [this, n] { found(n); });
}

void chunk_cluster::set_names(sim_names x) {
  names_ = std::move(x);
  for (std::uint32_t n = 0; n < options_.files; ++n)
    if (file(n) == nullptr)
      world_->after(1ms, [this, n] { found(n); });
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

std::optional<virtual_time> chunk_cluster::waits_since() {
  const auto* client
    = static_cast<chunk_client*>(world_->at(first_client()).program());
  return client == nullptr ? std::nullopt : client->waits_since();
}

void chunk_cluster::judge_holders() {
  const auto& s = master_process()->machine().state();
  for (const auto& [chunk, file] : witness_.files()) {
    std::vector<node_index> nodes;
    for (const auto i : s.table.holders(chunk))
      if (s.servers.usable(i, world_->at(master()).now()))
        nodes.push_back(node_of(s.servers.at(i).store));
    witness_.judge_holders(chunk, nodes);
  }
}

std::string chunk_cluster::complaints(std::optional<node_index> missing) {
  auto* process = master_process();
  if (process == nullptr)
    return "the master is down";
  const auto& machine = process->machine();
  const auto& s = machine.state();
  const auto now = world_->at(master()).now();
  std::string text;
  for (core::server_index i = 0; i < s.servers.size(); ++i)
    if (!s.servers.usable(i, now) && node_of(s.servers.at(i).store) != missing)
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
  for (auto i = first_server(); i < first_client(); ++i)
    for (const auto& [chunk, x] : disk(i).quarantine)
      for (const auto holder : s.table.holders(chunk))
        if (node_of(s.servers.at(holder).store) == i
            && !disk(i).replicas.contains(chunk))
          text += fmt::format(" chunk {:x} counts at node {}, and is bad;",
                              chunk.value(), i);
  return text + refused() + rotten();
}

std::string chunk_cluster::refused() {
  const auto& s = master_process()->machine().state();
  std::string text;
  for (const auto& [chunk, file] : witness_.files())
    for (const auto holder : s.table.holders(chunk)) {
      const auto i = node_of(s.servers.at(holder).store);
      if (const auto* server = server_process(i);
          server != nullptr && server->refuses(chunk))
        text += fmt::format(" chunk {:x} counts at node {}, which refuses it;",
                            chunk.value(), i);
    }
  return text;
}

std::string chunk_cluster::rotten() const {
  std::string text;
  for (std::size_t n = 0; n < disks_.size(); ++n)
    for (const auto& [chunk, x] : disks_[n].replicas)
      if (!x.sound())
        text += fmt::format(" chunk {:x} is rotten at node {};", chunk.value(),
                            n + first_server());
  return text;
}

std::string chunk_cluster::quarantined() const {
  std::string text;
  for (std::size_t n = 0; n < disks_.size(); ++n)
    for (const auto& [chunk, x] : disks_[n].quarantine)
      text += fmt::format(" chunk {:x} is in quarantine at node {};",
                          chunk.value(), n + first_server());
  return text;
}

} // namespace dfs::sim
