#include "support/sim/versions_master.hpp"

#include "core/groups/directory_notes.hpp"
#include "core/versions/group_placement.hpp"
#include "support/sim/versions_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace dfs::sim {

using namespace std::chrono_literals;

namespace {

/// Names that no client gives.
constexpr std::uint32_t adopted_names = 1'000'000;

} // namespace

version_master::version_master(node& host, version_cluster& cluster)
  : host_{host},
    cluster_{cluster} {
  // nop
}

void version_master::on_start() {
  auto& disk = cluster_.metadata();
  if (disk.term == 0 || !cluster_.mutant("same-term")) {
    ++disk.term;
    disk.lineage.lives.push_back({master_term{disk.term},
                                  host_.random().below(~std::uint64_t{0}) + 1,
                                  disk.sequence++});
  }
  cluster_.witness().begins(master_term{disk.term});
  const auto now = host_.now();
  machine_ = std::make_unique<core::version_directory>(
    core::version_directory::options{cluster_.options().directory,
                                     master_term{disk.term}, disk.lineage},
    now);
  for (const auto& [group, set] : disk.sets)
    machine_->load(set);
  for (const auto& [store, row] : disk.servers) {
    auto x = row;
    x.failed = x.failed && !cluster_.mutant("amnesty");
    machine_->load(x);
  }
  for (const auto& [store, age] : disk.ages)
    machine_->load(age);
  machine_->begin(now);
  lists_ = disk.lists;
  for (const auto& [file, x] : disk.orphans)
    lists_.try_emplace(file, x);
  told_ = disk.told;
  ticks_ = notes_written_ = now;
  perform();
}

void version_master::on_timer() {
  ticks_ = host_.now() + 100ms;
  machine_->tick(host_.now());
  if (host_.now() - notes_written_ >= 1s)
    write_notes();
  if (cluster_.options().purges)
    purge_names();
  if (cluster_.metadata().has_orphans() && host_.random().one_in(10))
    adopt_orphans();
  perform();
}

void version_master::link_lost(store_id store, boot_id boot) {
  machine_->link_lost(store, boot, host_.now());
  perform();
}

void version_master::rebuild() {
  machine_->rebuild(++askers_, host_.now());
  perform();
}

// -- effects ------------------------------------------------------------------

void version_master::perform() {
  for (auto all = machine_->take_effects(); !all.empty();
       all = machine_->take_effects())
    for (auto& effect : all)
      std::visit([this](auto& x) { perform_one(x); }, effect);
}

void version_master::write(std::function<void()> change,
                           std::function<void()> durable) {
  const auto now = host_.now();
  const auto takes = host_.random().one_in(40)
                       ? 1ms + up_to(host_.random(), 60ms)
                       : 300us + up_to(host_.random(), 3ms);
  disk_free_ = std::max(disk_free_, now) + takes;
  cluster_.metadata().writes.issue(std::move(change));
  host_.later(disk_free_ - now, [this, durable = std::move(durable)] {
    cluster_.metadata().writes.next();
    ++cluster_.metadata().sequence;
    durable();
  });
}

void version_master::perform_one(core::send_orders& x) {
  corrupt(x.to, x.what);
  order(x.to, std::move(x.what));
}

void version_master::order(store_id to, msg::group_orders x) {
  cluster_.witness().ordered(to, x);
  cluster_.send(host_, version_cluster::node_of(to),
                {std::move(x), version_part::keeper, 0, false, false, 0});
}

// Bugs of the machine, as others would see them.
void version_master::corrupt(store_id to, msg::group_orders& x) {
  if (cluster_.mutant("one-source"))
    for (auto& y : x.install)
      if (y.sources.size() > 1)
        y.sources.resize(1);
  if (cluster_.mutant("hasty-lead"))
    for (const auto& y : x.seal)
      x.lead.push_back({machine_->groups().at(y.group).in_force,
                        group_ballot{y.by.value() + 1'000'000 + ++planted_}});
  if (cluster_.mutant("wild-drop"))
    for (const auto& y : x.install)
      for (const auto store :
           machine_->groups().at(y.set.group).in_force.servers)
        if (!core::of_set(y.set, store))
          order(store, {.term = x.term, .drop = {{y.set.group, y.set.epoch}}});
  if (cluster_.mutant("show-all"))
    for (auto& y : x.rejoin) {
      y.order = msg::rejoin_order::refill;
      y.sources = machine_->groups().at(y.group).in_force.servers;
      std::erase(y.sources, to);
    }
}

void version_master::perform_one(const core::log_group& x) {
  const auto log = [&cluster = cluster_, set = x.set] {
    cluster.metadata().sets[set.group] = set;
    cluster.witness().logged(set);
  };
  const auto logged = [this, token = x.token] {
    machine_->logged(token, host_.now());
    perform();
  };
  if (cluster_.mutant("unlogged")) {
    write(log, [] {});
    host_.later(0ns, logged);
  } else {
    write(log, logged);
  }
}

void version_master::perform_one(const core::log_fileserver& x) {
  auto& witness = cluster_.witness();
  write(
    [&cluster = cluster_, row = x.row,
     groups = witness.declares(x.row, machine_->groups())] {
      cluster.metadata().servers[row.store] = row;
      cluster.witness().declared(row, groups);
    },
    [] {});
}

void version_master::perform_one(const core::log_store_age& x) {
  write([&cluster = cluster_,
         row = x.row] { cluster.metadata().ages[row.store] = row; },
        [] {});
}

void version_master::perform_one(const core::remove_fileserver& x) {
  write(
    [&cluster = cluster_, store = x.store] {
      cluster.metadata().servers.erase(store);
      cluster.metadata().ages.erase(store);
    },
    [] {});
}

void version_master::perform_one(const core::probe_fileserver& x) {
  const bool refused = cluster_.refuses(version_cluster::node_of(x.store));
  const auto takes = host_.random().one_in(10) ? up_to(host_.random(), 2s)
                                               : up_to(host_.random(), 2ms);
  host_.later(takes, [this, x, refused] {
    machine_->probed(x.store, x.boot, refused, host_.now());
    perform();
  });
}

void version_master::perform_one(const core::answer_rebuild& x) {
  const auto& groups = machine_->groups();
  const bool all = x.answer && x.answer->problems.empty()
                   && std::none_of(groups.begin(), groups.end(), [](auto& y) {
                        return y.second.in_force.servers.empty();
                      });
  if (!all)
    host_.later(1s, [this] { rebuild(); });
}

void version_master::perform_one(const core::version_note_line& x) {
  ++cluster_.notes()[x.what];
  if (host_.traced())
    host_.note(fmt::format("{}: group {} store {} {}", to_string(x.what),
                           x.group.value(), x.store.value(), x.text));
}

// -- packets ------------------------------------------------------------------

template <class T>
void version_master::answer(node_index to, const version_packet& asked,
                            const result<T>& x) {
  version_packet reply{{}, asked.part, asked.ticket, true, false, 0};
  if (x)
    reply.what = *x;
  else
    reply.what = sim_failure{x.error().code};
  cluster_.send(host_, to, std::move(reply));
}

void version_master::on_datagram(const datagram& packet) {
  // By value: what is done sends more.
  const auto x = cluster_.packet(packet);
  if (x.life != host_.life())
    return;
  const auto from = *node_at(packet.from.ip);
  const auto now = host_.now();
  machine_->reached(cluster_.metadata().sequence);
  if (std::holds_alternative<sim_locate>(x.what)) {
    locate(from, x);
  } else if (const auto* r = std::get_if<msg::register_fileserver>(&x.what)) {
    auto registered = machine_->register_server(*r, now);
    if (registered)
      registered->receipts_from = cluster_.metadata().lineage.restored_at;
    answer(from, x, registered);
  } else if (const auto* b = std::get_if<msg::fileserver_beat>(&x.what)) {
    answer(from, x, machine_->beat(*b, now));
  } else if (const auto* n = std::get_if<msg::group_news>(&x.what)) {
    const auto asked = machine_->news(*n, now);
    for (const auto& y : cluster_.mutant("any-unlink") ? n->unlink : asked)
      unlink(n->store, y);
  } else if (std::holds_alternative<msg::note_versions>(x.what)) {
    note(from, x);
  } else if (const auto* f = std::get_if<msg::find_told>(&x.what)) {
    msg::told_found found;
    for (const auto group : f->groups)
      found.groups.push_back({group, told_[group]});
    answer(from, x, result<msg::told_found>{found});
  }
  perform();
}

// Answers come from what is durable.
void version_master::locate(node_index from, const version_packet& x) {
  const auto tell = [this, from, x] {
    const auto& ask = std::get<sim_locate>(x.what);
    const auto& disk = cluster_.metadata();
    const auto it = disk.names.find(ask.name);
    sim_located y;
    y.at = disk.position;
    if (const auto made = machine_->number_writer(); made && ask.writer)
      y.writer = made->writer;
    if (ask.file != inode_id{})
      y.file = ask.file;
    else if (it != disk.names.end())
      y.file = it->second;
    if (const auto row = disk.lists.find(y.file);
        row != disk.lists.end() && !cluster_.mutant("from-one"))
      y.shown = row->second.newest;
    if (y.file != inode_id{}) {
      const auto group
        = core::group_of_file(y.file, 0, cluster_.options().directory.groups);
      if (const auto where
          = machine_->locate({group, ask.unreachable, {}}, host_.now())) {
        y.set = where->set;
        y.primary = where->primary;
      }
    }
    answer(from, x, result<sim_located>{y});
    perform();
  };
  const auto& ask = std::get<sim_locate>(x.what);
  if (!ask.create || ask.file != inode_id{}
      || cluster_.metadata().names.contains(ask.name))
    return tell();
  write(
    [&disk = cluster_.metadata(), name = ask.name] {
      if (disk.names.contains(name))
        return;
      ++disk.position;
      disk.names.emplace(name, inode_id{++disk.last_file});
    },
    tell);
}

namespace {

void free_name(master_disk& disk, inode_id file) {
  ++disk.position;
  const auto name
    = std::ranges::find(disk.names, file, [](auto& x) { return x.second; });
  if (name == disk.names.end())
    return;
  if (const auto row = disk.lists.find(file);
      row != disk.lists.end() && row->second.kind == msg::version_kind::deleted)
    disk.freed[name->first] = row->second;
  disk.names.erase(name);
  disk.lists.erase(file);
}

} // namespace

void version_master::unlink(store_id from, const msg::unlink_file& x) {
  write(
    [&disk = cluster_.metadata(), file = x.file] {
      free_name(disk, file);
      disk.purged.erase(file);
      if (disk.is_lost(file))
        disk.orphans[file].kind = msg::version_kind::closed;
    },
    [this, from, x] {
      lists_.erase(x.file);
      machine_->unlinked(from, {x.group, x.file, cluster_.metadata().position});
      perform();
    });
}

// -- lists --------------------------------------------------------------------

void version_master::note(node_index from, const version_packet& x) {
  const auto heeded
    = core::heed(*machine_, std::get<msg::note_versions>(x.what));
  if (!heeded)
    return; // It is to register first.
  for (const auto& y : heeded->files) {
    auto& known = lists_[y.file];
    if (y.newest <= known.newest && !cluster_.mutant("old-note"))
      continue;
    known = y;
    behind_.insert(y.file);
  }
  for (const auto& y : heeded->told)
    told_[y.group] = std::max(told_[y.group], y.below);
  if (cluster_.mutant("hasty-receipt"))
    return answer(from, x,
                  result<msg::notes_receipted>{msg::notes_receipted{}});
  noting_.emplace_back(from, x);
  if (behind_.empty() || host_.random().one_in(3))
    write_notes();
}

namespace {

void note_orphan(master_disk& disk, const msg::noted_version& x) {
  if (!disk.is_lost(x.file))
    return;
  auto& known = disk.orphans[x.file];
  if (known.kind != msg::version_kind::closed
      && (x.newest > known.newest || x.kind == msg::version_kind::closed))
    known = x;
}

void take_note(master_disk& disk, const msg::noted_version& x) {
  if (std::ranges::none_of(disk.names,
                           [&](auto& y) { return y.second == x.file; }))
    return note_orphan(disk, x);
  if (x.kind == msg::version_kind::closed)
    return free_name(disk, x.file);
  disk.lists[x.file] = x;
  if (const auto it = disk.purged.find(x.file);
      it != disk.purged.end() && x.newest > it->second)
    disk.purged.erase(it); // What was purged is not the newest.
}

} // namespace

// All deleted files, as far as this master has heard of it.
void version_master::purge_names() {
  tell_purged();
  if (cluster_.resting() || !host_.random().one_in(10))
    return;
  std::map<inode_id, version_number> deleted;
  for (const auto& [file, x] : lists_)
    if (x.kind == msg::version_kind::deleted)
      deleted.emplace(file, x.newest);
  write(
    [&disk = cluster_.metadata(), deleted] {
      for (const auto& [file, seen] : deleted)
        if (const auto it = disk.lists.find(file);
            it != disk.lists.end() && it->second.newest == seen)
          disk.purged.emplace(file, seen);
    },
    [this] { tell_purged(); });
}

void version_master::tell_purged() {
  msg::purge_versions all;
  for (const auto& [file, seen] : cluster_.metadata().purged)
    all.files.push_back(
      {file, 0, cluster_.mutant("blind-purge") ? version_number{} : seen});
  machine_->purge(all);
  perform();
}

// Those that have a content.
void version_master::adopt_orphans() {
  write(
    [&disk = cluster_.metadata()] {
      for (auto& [file, x] : disk.orphans) {
        if (x.kind != msg::version_kind::content)
          continue;
        disk.names.emplace(
          adopted_names + static_cast<std::uint32_t>(file.value()), file);
        disk.lists[file] = x;
        x.kind = msg::version_kind::closed;
      }
    },
    [] {});
}

// The rows, then the receipts.
void version_master::write_notes() {
  notes_written_ = host_.now();
  if (behind_.empty() && noting_.empty())
    return;
  std::vector<msg::noted_version> rows;
  for (const auto file : std::exchange(behind_, {}))
    if (const auto it = lists_.find(file); it != lists_.end())
      rows.push_back(it->second);
  write(
    [&disk = cluster_.metadata(), rows, told = told_,
     deaf = cluster_.mutant("deaf-names")] {
      for (const auto& x : rows)
        if (!deaf || !disk.is_lost(x.file))
          take_note(disk, x);
      for (const auto& [group, below] : told)
        disk.told[group] = below;
    },
    [this, asked = std::exchange(noting_, {})] {
      for (const auto& [from, x] : asked)
        answer(from, x, result<msg::notes_receipted>{msg::notes_receipted{}});
    });
}

// -- at rest ------------------------------------------------------------------

std::string version_master::complaints() const {
  std::string text;
  if (!machine_->repairs().empty())
    text += " repairs are under way;";
  for (const auto& [store, x] : machine_->servers())
    if (x.row.failed)
      text += fmt::format(" store {} is declared failed;", store.value());
  for (const auto& [group, x] : machine_->groups()) {
    const auto* primary
      = x.primary == store_id{}
          ? nullptr
          : cluster_.server(version_cluster::node_of(x.primary));
    const auto* leads = primary ? primary->coordinator(group) : nullptr;
    if (x.change)
      text += fmt::format(" group {}: {};", group.value(),
                          to_string(x.change->state()));
    if (!cluster_.metadata().purged.empty())
      text += " a purged name is still there;";
    if (!x.led || !machine_->whole(x))
      text += fmt::format(" group {} is not in order: {};", group.value(),
                          x.wanted);
    if (!leads || !leads->settled() || leads->ballot() != x.ballot)
      text += fmt::format(" the primary of group {} has work;", group.value());
    for (const auto file : leads ? leads->in_work() : std::vector<inode_id>{})
      text += fmt::format(" file {};", file.value());
  }
  return text;
}

} // namespace dfs::sim
