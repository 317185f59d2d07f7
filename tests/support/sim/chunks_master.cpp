#include "support/sim/chunks_master.hpp"

#include "support/sim/chunks_server.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dfs::sim {

using namespace std::chrono_literals;

namespace {

constexpr auto tick_interval = 100ms;

} // namespace

chunk_master::chunk_master(node& host, chunk_cluster& cluster)
  : host_{host},
    cluster_{cluster},
    disk_{cluster.rows()},
    rpc_{host, [&cluster](const endpoint& x) { return cluster.life_of(x); }} {
  disk_.recover(host.random());
  disk_.begin_life(host.random().below(~std::uint64_t{0}) + 1);
  core::directory_machine::options options;
  options.config = cluster.options().config;
  options.term = disk_.term;
  if (!mutant("short-wait")) {
    options.config.node_lease_before = disk_.node_lease;
    options.config.chunk_lease_before = disk_.chunk_lease;
  }
  disk_.node_lease = std::max(disk_.node_lease, options.config.node_lease);
  disk_.chunk_lease = std::max(disk_.chunk_lease, options.config.chunk_lease);
  options.confirmed = disk_.confirmed;
  options.restored_at
    = mutant("no-branch") ? master_term{1} : disk_.lineage.restored_at;
  options.lives = disk_.lineage.lives;
  options.seed = host.random().below(~std::uint64_t{0});
  // Planted: a master that believes it has been here for long.
  const auto began
    = mutant("no-wait") && host.life() > 1 ? host.now() - 20s : host.now();
  if (mutant("hasty"))
    options.config.node_lease = 1s;
  machine_.emplace(options, began);
  load();
}

void chunk_master::load() {
  for (const auto& [key, value] : disk_.rows) {
    if (key.starts_with(core::released_rows))
      continue;
    if (key.starts_with(core::server_rows)) {
      machine_->load_server_row(*wire::decode<core::server_row>(value));
      continue;
    }
    const auto row = *wire::decode<core::chunk_row>(value);
    if (key.back() == static_cast<char>(core::chunk_row_writer::file)) {
      machine_->load_file_row(row);
      files_[row.file].push_back(row.chunk);
    } else {
      machine_->load_version_row(row);
    }
  }
  std::map<chunk_id, inode_id> there;
  for (const auto& [file, chunks] : files_)
    for (const auto chunk : chunks)
      there[chunk] = file;
  msg::release_chunks released;
  for (const auto& [key, value] : disk_.rows)
    if (key.starts_with(core::released_rows))
      released.chunks.push_back(chunk_id{core::number_of_key(key)});
  cluster_.witness().files_are(std::move(there), released.chunks);
  machine_->release(released, host_.now());
}

void chunk_master::on_start() {
  next_tick_ = host_.now();
  serve();
  serve_clients();
  serve_namespace();
  perform();
}

void chunk_master::on_timer() {
  next_tick_ = host_.now() + tick_interval;
  machine_->tick(host_.now());
  perform();
}

bool chunk_master::confirm_restore() {
  const auto done = machine_->confirm(msg::confirm_restore{});
  perform();
  return static_cast<bool>(done);
}

void chunk_master::link_lost(node_index server) {
  const auto store = chunk_cluster::store_of(server);
  const auto it = linked_.find(store);
  if (it == linked_.end())
    return;
  const auto boot = it->second;
  linked_.erase(it);
  machine_->link_lost(store, boot, host_.now());
  perform();
}

// -- requests -----------------------------------------------------------------

// Planted: as if it had a change of that version.
void chunk_master::believe(msg::chunk_state& x) const {
  if (mutant("empty-proof") && x.extent.version > chunk_version{1}
      && x.extent.serial == mutation_serial{})
    x.extent.serial = mutation_serial{1};
}

void chunk_master::serve() {
  rpc_.serve<msg::register_chunkserver>([this](const auto& x, auto to) {
    machine_->reached(disk_.sequence);
    auto y = machine_->register_server(x, host_.now());
    if (y)
      linked_[x.store] = x.boot;
    perform();
    to(y);
  });
  rpc_.serve<msg::report_chunks>([this](const auto& x, auto to) {
    auto listed = x;
    if (const auto i = machine_->state().servers.find(x.store);
        i && mutant("undated")) { // A list has one page here.
      const auto& known = machine_->state().servers.at(*i);
      listed.listed_at
        = std::max({x.listed_at, known.listed_at + 1, known.told_at});
    }
    for (auto& state : listed.chunks)
      believe(state);
    auto y = machine_->report(listed, host_.now());
    perform();
    to(y);
  });
  rpc_.serve<msg::chunk_heartbeat>([this](const auto& x, auto to) {
    machine_->reached(disk_.sequence);
    auto heard = x;
    if (mutant("credulous")) {
      heard.leased = true;
      heard.heard = x.sequence;
    }
    for (auto& state : heard.arrived)
      believe(state);
    auto y = machine_->heartbeat(heard, host_.now());
    if (y && mutant("hasty") && y->node_lease_ms != 0)
      y->node_lease_ms = 3'000;
    if (y && mutant("credulous"))
      y->revoked.clear();
    perform();
    to(y);
  });
  rpc_.serve<msg::leave_chunkserver>([this](const auto& x, auto to) {
    auto y = machine_->leave(x, host_.now());
    perform();
    to(y);
  });
}

void chunk_master::serve_clients() {
  rpc_.serve<msg::allocate_chunks>([this](const auto& x, auto to) {
    auto y = machine_->allocate(x, host_.now());
    perform();
    to(y);
  });
  rpc_.serve<msg::lease_chunk>([this](const auto& x, auto to) {
    const auto asker = next_asker_++;
    askers_.emplace(asker, to);
    machine_->lease(asker, x, host_.now());
    perform();
  });
  rpc_.serve<msg::report_replica>([this](const auto& x, auto to) {
    machine_->doubt_replica(x, host_.now());
    perform();
    to(msg::replica_reported{});
  });
  rpc_.serve<msg::locate_chunks>([this](const auto& x, auto to) {
    to(machine_->locate(x.layout, host_.now()));
  });
}

void chunk_master::serve_namespace() {
  rpc_.serve<sim_commit>([this](const sim_commit& x, auto to) {
    // The namespace knows a repetition by its number.
    if (!committing_.insert(x.chunks.at(0).grant.chunk).second) {
      to(fail(ec::stale));
      return;
    }
    const auto adopted = machine_->adopt(
      x.chunks, std::vector<bool>(x.chunks.size(), true), host_.now());
    perform();
    if (!adopted) {
      to(adopted.error());
      return;
    }
    disk_.last_file = disk_.last_file.next();
    const auto file = disk_.last_file;
    add_file(file, x.chunks, cluster_.options().config.replication,
             [file, to] { to(sim_committed{file}); });
  });
  rpc_.serve<sim_create>(
    [this](const sim_create& x, auto to) { create(x, to); });
  rpc_.serve<sim_remove>([this](const sim_remove& x, auto to) {
    const auto found = files_.find(x.file);
    if (found == files_.end()) {
      to(fail(ec::not_found));
      return;
    }
    row_changes changes;
    const msg::release_chunks gone{found->second};
    for (const auto chunk : gone.chunks) {
      changes.emplace_back(
        core::chunk_row_key(chunk, core::chunk_row_writer::file), std::nullopt);
      changes.emplace_back(core::released_row_key(chunk), "");
    }
    files_.erase(found);
    commit(std::move(changes), [this, gone, file = x.file, to] {
      cluster_.witness().released(file);
      machine_->release(gone, host_.now());
      perform();
      to(sim_removed{});
    });
  });
}

void chunk_master::found(std::uint32_t n) {
  create({cluster_.options().config.replication},
         [this, n](const result<sim_created>& x) {
           if (x && cluster_.file(n) == nullptr)
             cluster_.set_file(n, x->grant);
         });
}

// As `add_chunk` of the namespace: a file of one empty chunk.
void chunk_master::create(const sim_create& x,
                          const rpc_end::answer<sim_created>& to) {
  auto made = machine_->allocate({1, x.replication, {}}, host_.now());
  if (!made) {
    to(made.error());
    return;
  }
  const msg::written_chunk chunk{made->grants[0], {chunk_version{1}, {}, 0, 0}};
  if (auto adopted = machine_->adopt({chunk}, {true}, host_.now()); !adopted) {
    to(adopted.error());
    return;
  }
  disk_.last_file = disk_.last_file.next();
  const auto file = disk_.last_file;
  add_file(file, {chunk}, x.replication, [file, chunk, to] {
    to(sim_created{file, chunk.grant});
  });
}

void chunk_master::add_file(inode_id file,
                            const std::vector<msg::written_chunk>& chunks,
                            std::uint8_t replication,
                            std::function<void()> done) {
  row_changes changes;
  msg::keep_chunks kept{file, {}, replication};
  for (const auto& x : chunks) {
    core::chunk_row row{x.grant.chunk, file, x.extent, replication, {}, {}};
    for (const auto& replica : x.grant.chain)
      row.set.push_back(replica.store);
    changes.emplace_back(
      core::chunk_row_key(x.grant.chunk, core::chunk_row_writer::file),
      wire::encode(row));
    kept.chunks.push_back({x.grant.chunk, x.extent});
  }
  commit(std::move(changes), [this, kept, done] {
    for (const auto& x : kept.chunks) {
      files_[kept.file].push_back(x.chunk);
      cluster_.witness().kept(kept.file, x.chunk);
    }
    machine_->keep(kept, host_.now());
    perform();
    done();
  });
}

// -- rows ---------------------------------------------------------------------

void chunk_master::commit(row_changes changes, std::function<void()> durable) {
  disk_.queue.push_back(std::move(changes));
  syncing_.push_back(std::move(durable));
  sync_next();
}

void chunk_master::sync_next() {
  if (sync_runs_ || syncing_.empty())
    return;
  sync_runs_ = true;
  const auto batch = syncing_.size();
  host_.later(500us + up_to(host_.random(), 6ms), [this, batch] {
    for (std::size_t n = 0; n < batch; ++n) {
      disk_.apply_next();
      const auto done = std::move(syncing_.front());
      syncing_.pop_front();
      done();
    }
    sync_runs_ = false;
    sync_next();
  });
}

// -- effects ------------------------------------------------------------------

void chunk_master::perform() {
  for (auto effects = machine_->take_effects(); !effects.empty();
       effects = machine_->take_effects())
    for (auto& effect : effects)
      std::visit([this](auto& x) { perform(x); }, effect);
}

// A crash at each step of a grant: whatever was begun stays as it is.
void chunk_master::maybe_crash() {
  if (cluster_.crash_steps() > 0
      && happens(host_.random(), cluster_.crash_steps()))
    cluster_.world().after(up_to(host_.random(), 4ms), [whole = &cluster_] {
      whole->crash_master_for_a_while();
    });
}

void chunk_master::perform(core::log_row& x) {
  maybe_crash();
  const auto logged = [this, token = x.token] {
    machine_->logged(token, host_.now());
    perform();
  };
  const bool intent = x.row.intent != chunk_version{};
  if ((intent && mutant("no-intent")) || (!intent && mutant("early"))) {
    if (!intent)
      commit(
        {{core::chunk_row_key(x.row.chunk, core::chunk_row_writer::versions),
          wire::encode(x.row)}},
        [] {});
    host_.later(1us, logged);
    return;
  }
  commit({{core::chunk_row_key(x.row.chunk, core::chunk_row_writer::versions),
           wire::encode(x.row)}},
         logged);
}

void chunk_master::perform(core::remove_rows& x) {
  row_changes changes;
  for (const auto chunk : x.chunks) {
    changes.emplace_back(
      core::chunk_row_key(chunk, core::chunk_row_writer::versions),
      std::nullopt);
    changes.emplace_back(core::released_row_key(chunk), std::nullopt);
  }
  if (!changes.empty())
    commit(std::move(changes), [] {});
}

// Nobody waits for these rows, so they take no time.
void chunk_master::perform(core::log_server& x) {
  disk_.rows[core::server_row_key(x.row.store)] = wire::encode(x.row);
}

void chunk_master::perform(core::remove_server& x) {
  disk_.rows.erase(core::server_row_key(x.store));
}

void chunk_master::perform(core::log_confirmed&) {
  disk_.confirmed = true;
}

template <class Order>
void chunk_master::ask(const core::ask_server& x, const Order& order) {
  const auto& server = machine_->state().servers.at(x.server);
  rpc_.call(
    server.data, order, x.within, [this, token = x.token](const auto& y) {
      if (!y) {
        auto why = y.error();
        if (std::is_same_v<Order, msg::copy_chunk> && why.code == ec::busy
            && mutant("over-busy"))
          why.code = ec::stale;
        machine_->answered(token, why, host_.now());
      } else {
        auto reply = *y;
        // Planted: the one that has least looks best.
        if constexpr (std::is_same_v<std::decay_t<decltype(reply)>,
                                     msg::chunk_fenced>)
          if (mutant("shortest"))
            reply.state.extent.serial
              = mutation_serial{1'000'000 - reply.state.extent.serial.value()};
        machine_->answered(token, core::server_reply{reply}, host_.now());
      }
      perform();
    });
}

void chunk_master::perform(core::ask_server& x) {
  maybe_crash();
  const auto& server = machine_->state().servers.at(x.server);
  const auto link = linked_.find(server.store);
  if (link == linked_.end() || link->second != server.boot) {
    host_.later(1us, [this, token = x.token] {
      machine_->answered(token, fail(ec::unavailable), host_.now());
      perform();
    });
    return;
  }
  if (auto* lease = std::get_if<msg::take_lease>(&x.order))
    for (auto& other : lease->others)
      if (mutant("shortest"))
        other.extent.serial
          = mutation_serial{1'000'000 - other.extent.serial.value()};
  std::visit([&](const auto& order) { ask(x, order); }, x.order);
}

void chunk_master::perform(core::probe_server& x) {
  const auto store = machine_->state().servers.at(x.server).store;
  host_.later(300us, [this, x, store] {
    auto& world = cluster_.world();
    const auto i = chunk_cluster::node_of(store);
    const bool refused = world.at(i).state() == node_state::down
                         && world.net().reachable(0, i)
                         && world.net().reachable(i, 0);
    machine_->probed(x.server, x.boot, refused, host_.now());
    perform();
  });
}

void chunk_master::perform(core::answer_lease& x) {
  auto node = askers_.extract(x.asker);
  if (node.empty())
    return;
  if (x.answer)
    cluster_.witness().granted(
      x.answer->grant.chunk, *x.answer,
      chunk_cluster::node_of(x.answer->grant.chain[0].store));
  node.mapped()(x.answer);
}

// Lengths are durable some time later. As the namespace's, the row of a chunk
// keeps saying who had it first.
void chunk_master::perform(core::tell_growth& x) {
  row_changes changes;
  for (const auto& grown : x.event.files) {
    const auto key
      = core::chunk_row_key(grown.chunk.chunk, core::chunk_row_writer::file);
    const auto there = disk_.rows.find(key);
    if (!files_.contains(grown.file) || there == disk_.rows.end()
        || (grown.growing && cluster_.lengths_late()))
      continue;
    auto row = *wire::decode<core::chunk_row>(there->second);
    row.extent = grown.chunk.extent;
    changes.emplace_back(key, wire::encode(row));
  }
  if (!changes.empty())
    commit(std::move(changes), [] {});
}

void chunk_master::perform(core::directory_note& x) {
  if (host_.traced())
    host_.note(fmt::format(
      "{} chunk {:x} node {} {}", to_string(x.what), x.chunk.value(),
      x.store == store_id{} ? 0 : chunk_cluster::node_of(x.store), x.text));
}

} // namespace dfs::sim
