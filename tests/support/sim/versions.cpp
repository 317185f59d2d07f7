#include "support/sim/versions.hpp"

#include "core/versions/group_placement.hpp"
#include "core/versions/manifest_rules.hpp"
#include "core/versions/note_ledger.hpp"
#include "support/history/register_checker.hpp"
#include "support/sim/versions_asker.hpp"
#include "support/sim/versions_client.hpp"
#include "support/sim/versions_master.hpp"
#include "support/sim/versions_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

namespace dfs::sim {

using namespace std::chrono_literals;

namespace {

constexpr std::uint16_t port = 7405;

std::string describe(std::string_view body) {
  return std::string{body};
}

} // namespace

std::uint64_t value_of(const msg::put_id& content) {
  return content.writer.value() << 16 | (content.sequence & 0xffff);
}

version_cluster::version_cluster(versions_options options)
  : options_{std::move(options)},
    disks_(options_.servers),
    witness_{*this} {
  options_.world.costs.first_contact = false;
  options_.world.describe = describe;
  world_ = std::make_unique<sim::world>(options_.world);
  world_->add_node([this](node& host) {
    return std::make_unique<version_master>(host, *this);
  });
  for (node_index i = 0; i < options_.servers; ++i)
    world_->add_node([this](node& host) {
      return std::make_unique<version_server>(host, *this);
    });
  for (node_index i = 0; i < options_.clients; ++i)
    world_->add_node([this](node& host) {
      return std::make_unique<version_client>(host, *this);
    });
  for (node_index i = 0; i < options_.askers; ++i)
    world_->add_node([this](node& host) {
      return std::make_unique<version_asker_client>(host, *this);
    });
  powerless_.resize(world_->size());
}

version_cluster::~version_cluster() = default;

void version_cluster::send(node& from, node_index to, version_packet x) {
  x.life = world_->at(to).life();
  const auto name = name_of(x.what);
  packets_.push_back(std::move(x));
  from.send(port, {address_of(to), port},
            fmt::format("{} {}", packets_.size() - 1, name));
}

const version_packet& version_cluster::packet(const datagram& x) const {
  std::size_t index = 0;
  std::from_chars(x.body.data(), x.body.data() + x.body.size(), index);
  return packets_.at(index);
}

version_master* version_cluster::master() {
  return static_cast<version_master*>(world_->at(master_node()).program());
}

version_server* version_cluster::server(node_index i) {
  return static_cast<version_server*>(world_->at(i).program());
}

// -- fate ---------------------------------------------------------------------

void version_cluster::start_all() {
  for (node_index i = 0; i < world_->size(); ++i)
    start(i);
}

void version_cluster::start(node_index i) {
  if (world_->at(i).state() != node_state::down)
    return;
  powerless_[i] = false;
  world_->start(i);
}

void version_cluster::crash(node_index i, bool power) {
  if (world_->at(i).state() == node_state::down)
    return;
  const auto boot = boot_of(i);
  world_->crash(i);
  powerless_[i] = power;
  if (i == master_node()) {
    metadata_.writes.lose(world_->random());
    return;
  }
  auto& writes = disk(i).writes;
  if (!power) // The operating system has it all.
    writes.all();
  writes.lose(world_->random());
  if (power || !world_->net().reachable(i, master_node()))
    return;
  world_->after(200us + up_to(world_->random(), 2ms), [this, i, boot] {
    if (world_->at(master_node()).state() == node_state::running)
      world_->act(master_node(),
                  [&] { master()->link_lost(store_of(i), boot); });
  });
}

bool version_cluster::refuses(node_index i) const {
  const auto& net = world_->net();
  return world_->at(i).state() == node_state::down && !powerless_[i]
         && net.reachable(i, master_node()) && net.reachable(master_node(), i);
}

void version_cluster::lose_directory() {
  metadata_.sets.clear();
  metadata_.servers.clear();
  witness_.forgets();
}

// Terms and positions go on above all that there were, as after a restore.
// Names that were made since stay: their loss would be no fault.
void version_cluster::regain_names(const master_disk* backup) {
  auto& x = metadata_;
  x.term += 1 << 16;
  // A restore says so, and servers start over with their notes. Of freed names
  // every other seed does without: notes of closed files must not need that.
  if (backup != nullptr || options_.world.seed % 2 == 0)
    x.lineage.restored_at = master_term{x.term + 1}; // Of the next life.
  x.position += 1 << 16;
  const auto freed = std::exchange(x.freed, {});
  if (backup == nullptr) {
    for (const auto& [name, row] : freed)
      if (x.names.emplace(name, row.file).second) {
        x.lists.emplace(row.file, row);
        x.purged.emplace(row.file, row.newest);
      }
    return;
  }
  x.told = backup->told;
  x.purged = backup->purged;
  for (const auto& [name, file] : backup->names)
    if (x.names.emplace(name, file).first->second == file) {
      const auto row = backup->lists.find(file);
      x.lists.erase(file);
      if (row != backup->lists.end())
        x.lists.insert(*row);
    } else {
      x.purged.erase(file);
    }
}

void version_cluster::purge_forgotten_names() {
  std::set<inode_id> there;
  for (const auto& disk : disks_)
    for (const auto& [group, x] : disk.groups)
      for (const auto& [file, state] : x.rows.files)
        if (!state.manifest.versions.empty())
          there.insert(file);
  for (const auto& [file, row] : metadata_.lists)
    if (!there.contains(file))
      metadata_.purged.emplace(file, row.newest);
}

void version_cluster::restore_names(const master_disk& backup) {
  auto& disk = metadata_;
  std::set<inode_id> known;
  for (const auto& [name, file] : disk.names)
    known.insert(file);
  disk.names = backup.names;
  disk.lists = backup.lists;
  std::erase_if(disk.names, [&](auto& x) { return !known.contains(x.second); });
  std::erase_if(disk.lists, [&](auto& x) { return !known.contains(x.first); });
  disk.purged.clear();
  disk.told = backup.told;
  disk.lost_from = inode_id{backup.last_file + 1};
  disk.lost_end = inode_id{disk.last_file + 1};
  disk.term = ((disk.term >> 16) + 1) << 16;
  disk.lineage = {backup.lineage.lives, master_term{disk.term}};
  --disk.term; // The next life has that one.
}

// -- puts that are asked about ------------------------------------------------

void version_cluster::put_ended(inode_id file, const msg::put_id& id,
                                std::uint64_t looked_up_at) {
  if (options_.askers > 0)
    told_.push_back({past_.size() - 1, file, id, looked_up_at, false});
}

std::optional<std::size_t> version_cluster::next_untold() const {
  for (std::size_t i = 0; i < told_.size(); ++i)
    if (!told_[i].told)
      return i;
  return std::nullopt;
}

void version_cluster::judge_told(std::size_t put,
                                 std::optional<version_number> version) {
  using history::outcome;
  auto& x = told_.at(put);
  auto& op = past_.at(x.operation);
  x.told = true;
  const auto report = [&](std::string_view what) {
    world_->report(
      "memory", fmt::format("S11: put {}.{} of file {}, which was {}, is {}",
                            x.id.writer.value(), x.id.sequence, x.file.value(),
                            op.result == outcome::done      ? "done"
                            : op.result == outcome::refused ? "refused"
                                                            : "not known",
                            what));
  };
  if (!version) {
    if (options_.remembers)
      report("forgotten");
    return;
  }
  const bool done = *version != version_number{};
  if (op.result == outcome::unknown) {
    op.result = done ? outcome::done : outcome::refused;
    op.ret_ns = world_->now().count();
  } else if (done != (op.result == outcome::done)) {
    report(done ? "said to be done" : "said to be never done");
  }
}

// -- judgement ----------------------------------------------------------------

// Of one group: all of its set have the same, and nobody else has anything.
std::string version_cluster::complaints_of(const core::group_entry& entry) {
  std::string text;
  const auto& set = entry.in_force;
  const auto group = set.group;
  const version_disk::group* first = nullptr;
  for (node_index i = 1; i <= options_.servers; ++i) {
    const auto at = disk(i).groups.find(group);
    const bool here = at != disk(i).groups.end();
    const auto* replica = server(i) ? server(i)->replica(group) : nullptr;
    if (!core::of_set(set, store_of(i))) {
      if (here && at->second.rows.group.role != core::replica_role::none)
        text += fmt::format(" node {} keeps what it had;", i);
      continue;
    }
    if (!here || !replica
        || at->second.rows.group.role != core::replica_role::active
        || at->second.rows.group.set.epoch != set.epoch
        || at->second.rows.group.quarantined) {
      text += fmt::format(" node {} is not active;", i);
      continue;
    }
    const auto& files = at->second.rows.files;
    for (const auto& [file, state] : files)
      for (const auto& x : state.manifest.versions)
        if (x.kind == msg::version_kind::content && !replica->holds(x.content))
          text += fmt::format(" node {} lacks version {} of file {};", i,
                              x.number.value(), file.value());
    const auto same = [](const auto& a, const auto& b) {
      return a.first == b.first && a.second.stamp == b.second.stamp
             && a.second.manifest == b.second.manifest;
    };
    if (!first)
      first = &at->second;
    else if (!std::equal(files.begin(), files.end(), first->rows.files.begin(),
                         first->rows.files.end(), same))
      text += fmt::format(" node {} has other files;", i);
  }
  std::set<inode_id> named;
  for (const auto& [name, file] : metadata_.names)
    named.insert(file);
  if (first)
    for (const auto& [file, state] : first->rows.files)
      if (!state.manifest.versions.empty() && !named.contains(file))
        text += fmt::format(
          " file {} has no name, and a version {} of kind {};", file.value(),
          state.manifest.versions.front().number.value(),
          static_cast<int>(state.manifest.versions.front().kind));
  return text;
}

std::string version_cluster::complaints() {
  if (master() == nullptr)
    return " the master is down;";
  std::string text = master()->complaints();
  for (const auto& [group, entry] : master()->machine().groups())
    if (auto why = complaints_of(entry); !why.empty())
      text += fmt::format(" group {}:{}", group.value(), why);
  return text;
}

std::string version_cluster::untrue_lists() const {
  std::string text;
  std::set<inode_id> named;
  for (const auto& [name, file] : metadata_.names)
    named.insert(file);
  std::map<inode_id, msg::noted_version> truth;
  for (const auto& disk : disks_)
    for (const auto& [group, x] : disk.groups)
      if (x.rows.group.role == core::replica_role::active)
        for (const auto& [file, state] : x.rows.files)
          if (const auto* newest = core::newest_of(state.manifest);
              newest && named.contains(file))
            truth[file]
              = core::noted(file, *newest, core::class_of_group(group));
  for (const auto& [file, x] : truth)
    if (const auto it = metadata_.lists.find(file);
        it == metadata_.lists.end() || it->second != x)
      text += fmt::format(
        " the list has version {} of file {}, which is of version {};",
        it == metadata_.lists.end() ? 0 : it->second.newest.value(),
        file.value(), x.newest.value());
  for (const auto& [file, x] : metadata_.lists)
    if (!truth.contains(file))
      text += fmt::format(" the list has file {}, which is not there;",
                          file.value());
  return text;
}

std::optional<std::string> version_cluster::judge() const {
  const auto report = history::check_registers(past_);
  if (report.outcome == history::verdict::linearizable)
    return std::nullopt;
  return fmt::format("V1: file {} is {}: {}", report.key,
                     history::to_string(report.outcome), report.why);
}

} // namespace dfs::sim
