#include "core/chunks/chunk_table.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

namespace dfs::core {

namespace {

std::uint32_t narrow(chunk_version version) {
  // One grant a second for a century.
  DFS_ASSERT(version.value() <= std::numeric_limits<std::uint32_t>::max());
  return static_cast<std::uint32_t>(version.value());
}

void set_extent(chunk_entry& entry, const msg::chunk_extent& x) {
  entry.serial = x.serial;
  entry.length = x.length;
  entry.padded_from = x.padded_from;
}

} // namespace

// -- rows ---------------------------------------------------------------------

void chunk_table::load_file_row(const chunk_row& row) {
  auto& entry = chunks_[row.chunk];
  DFS_ASSERT(entry.file == inode_id{});
  ++counts_[static_cast<std::size_t>(entry.health())];
  entry.file = row.file;
  entry.replication = row.replication;
  if (entry.version <= row.extent.version.value()) {
    // The row of versions, if there is one, is not newer (chunk_row.hpp).
    const bool newer = entry.version < row.extent.version.value();
    entry.version = narrow(row.extent.version);
    if (newer || entry.serial <= row.extent.serial)
      set_extent(entry, row.extent);
  }
  const bool fresh = entry.version == 1 && entry.serial == mutation_serial{};
  entry.set(chunk_entry::fresh, fresh);
  // Nobody has logged how much was appended to it since.
  entry.set(chunk_entry::settled, !fresh && !entry.lacks_length());
}

void chunk_table::load_version_row(const chunk_row& row) {
  auto& entry = chunks_[row.chunk];
  if (entry.version <= row.extent.version.value()) {
    entry.version = narrow(row.extent.version);
    if (entry.serial <= row.extent.serial)
      set_extent(entry, row.extent);
  }
  if (entry.replication == 0)
    entry.replication = row.replication;
  if (row.intent > row.extent.version) {
    auto& open = intents_[row.chunk];
    open.version = row.intent;
    open.bound = row.extent.version == chunk_version{1}
                 && row.extent.serial == mutation_serial{};
    if (open.bound)
      open.may_hold = row.set;
  }
  // Whoever is in the set of an attempt was told to make it.
  if (row.extent.version > chunk_version{1}
      || row.extent.serial != mutation_serial{})
    entry.set(chunk_entry::fresh, false);
  entry.set(chunk_entry::settled,
            !entry.has(chunk_entry::fresh) && !entry.lacks_length());
}

chunk_row
chunk_table::row(chunk_id id, const std::vector<store_id>& set) const {
  const auto* entry = find(id);
  DFS_ASSERT(entry != nullptr);
  // Whatever has been heard of it since, the next master is to know that.
  if (const auto open = intents_.find(id);
      open != intents_.end() && open->second.bound)
    return {id,
            entry->file,
            {chunk_version{1}, {}, 0, 0},
            entry->replication,
            open->second.version,
            open->second.may_hold};
  auto extent = entry->extent();
  // An empty replica is no copy. The length is not known: `lacks_length`.
  if (changed_since_.contains(id))
    extent.serial = std::max(extent.serial, mutation_serial{1});
  return {id,
          entry->file,
          extent,
          entry->replication,
          intent(id).value_or(chunk_version{}),
          set};
}

// -- chunks -------------------------------------------------------------------

chunk_entry& chunk_table::add(chunk_id id, chunk_version version,
                              std::uint8_t replication,
                              const std::vector<server_index>& holders) {
  DFS_ASSERT(find(id) == nullptr);
  auto& entry = chunks_[id];
  entry.version = narrow(version);
  entry.replication = replication;
  for (const auto x : holders)
    add_holder(id, entry, x);
  return entry;
}

void chunk_table::keep(chunk_id id, inode_id file,
                       const msg::chunk_extent& extent,
                       std::uint8_t replication) {
  auto& entry = chunks_[id];
  if (entry.file == inode_id{})
    ++counts_[static_cast<std::size_t>(entry.health())];
  entry.file = file;
  entry.replication = replication;
  if (entry.version < extent.version.value()) {
    entry.version = narrow(extent.version);
    opened(id);
  }
  if (entry.serial <= extent.serial)
    set_extent(entry, extent);
  entry.set(chunk_entry::adopted, false);
  if (extent.serial != mutation_serial{})
    begun(id);
}

std::vector<server_index> chunk_table::erase(chunk_id id) {
  auto* entry = find(id);
  if (entry == nullptr)
    return {};
  auto had = holders(id);
  if (const auto* odd = odd_of(id))
    for (const auto& x : *odd)
      had.push_back(x.server);
  if (entry->file != inode_id{})
    --counts_[static_cast<std::size_t>(entry->health())];
  clear_holders(id, *entry);
  odd_.erase(id);
  awaited_.erase(id);
  possible_.erase(id);
  intents_.erase(id);
  changed_since_.erase(id);
  unlogged_.erase(id);
  unchanged_since_.erase(id);
  chunks_.erase(id);
  return had;
}

// -- versions -----------------------------------------------------------------

chunk_version chunk_table::newest(chunk_id id) const {
  const auto* entry = find(id);
  DFS_ASSERT(entry != nullptr);
  return intent(id).value_or(chunk_version{entry->version});
}

chunk_version chunk_table::next_version(chunk_id id) const {
  const auto next = newest(id).next();
  return branch_.before(id) ? std::max(next, branch_.floor()) : next;
}

bool chunk_table::may_lag(chunk_id id) const {
  const auto* entry = find(id);
  return entry != nullptr && branch_.may_lag(id, chunk_version{entry->version});
}

std::optional<chunk_version> chunk_table::intent(chunk_id id) const {
  const auto it = intents_.find(id);
  if (it == intents_.end())
    return std::nullopt;
  return it->second.version;
}

chunk_version chunk_table::version_at(server_index server, chunk_id id) const {
  const auto* entry = find(id);
  DFS_ASSERT(entry != nullptr);
  const auto known = told(server, id);
  return known ? known->version : chunk_version{entry->version};
}

std::optional<msg::chunk_extent>
chunk_table::told(server_index server, chunk_id id) const {
  const auto open = intents_.find(id);
  if (open == intents_.end())
    return std::nullopt;
  const auto known = open->second.reported.find(server);
  if (known == open->second.reported.end())
    return std::nullopt;
  return known->second;
}

void chunk_table::intend(chunk_id id, chunk_version version) {
  DFS_ASSERT(version > newest(id));
  intents_[id].version = version;
}

void chunk_table::bind(chunk_id id, const std::vector<store_id>& stores,
                       std::vector<server_index> servers) {
  auto& open = intents_[id];
  open.bound = true;
  open.may_hold = stores;
  open.may_hold_at = std::move(servers);
}

void chunk_table::settle_version(chunk_id id, chunk_version version,
                                 const std::vector<server_index>& set) {
  auto* entry = find(id);
  DFS_ASSERT(entry != nullptr && entry->version < version.value());
  // Who came back meanwhile may have the new version, and not be of its set.
  for (const auto x : holders(id))
    if (std::find(set.begin(), set.end(), x) == set.end())
      note_odd(id, x, replica_fault::stale, version_at(x, id), entry->serial);
  clear_holders(id, *entry);
  awaited_.erase(id);
  changed_since_.erase(id);
  unlogged_.erase(id);
  possible_.erase(id); // They have heard that it is revoked.
  unchanged_since_.try_emplace(id, chunk_version{entry->version});
  entry->version = narrow(version);
  intents_.erase(id);
  for (const auto x : set) {
    drop_odd(id, x);
    add_holder(id, *entry, x);
  }
  if (auto* odd = odd_of(id)) // Those that were left out, or came too late.
    for (auto& x : *odd)
      if (x.fault == replica_fault::behind
          || (x.fault == replica_fault::newer && x.version < version))
        x.fault = replica_fault::stale;
}

// -- replicas -----------------------------------------------------------------

chunk_table::standing chunk_table::reported(server_index server, chunk_id id,
                                            const msg::chunk_extent& has) {
  auto* entry = find(id);
  if (entry == nullptr)
    return standing::unknown;
  if (is_going(server, id, has.version))
    return standing::stale;
  if (proves_nothing(id, *entry, has)) {
    drop_holder(id, *entry, server);
    came(id, server);
    note_odd(id, server, replica_fault::behind, has.version);
    return standing::behind;
  }
  const chunk_version in_force{entry->version};
  const bool ours = has.version <= intent(id).value_or(in_force)
                    && !finished_since(server, id, *entry, has.version);
  if (!ours || given_up(id, *entry, has.version)) {
    if (!believed(id, *entry, has.version)) { // T5
      drop_holder(id, *entry, server);
      came(id, server);
      note_odd(id, server, replica_fault::newer, has.version);
      return standing::newer;
    }
    if (entry->has(chunk_entry::fresh)) {
      begun(id); // No fence may make it anew.
      changed_since_.insert(id);
    }
    for (const auto x : holders(id))
      note_odd(id, x, replica_fault::stale, in_force);
    clear_holders(id, *entry);
    intents_.erase(id);
    unlogged_.insert(id);
    entry->version = narrow(has.version);
    entry->set(chunk_entry::settled, false);
    opened(id);
  } else if (has.version < in_force) {
    // No server goes back in one life: a holder has said more before, and this
    // was noticed before its fence, and told after it.
    if (holds(server, id))
      return standing::current;
    drop_holder(id, *entry, server);
    note_odd(id, server, replica_fault::stale, has.version, has.serial);
    return standing::stale;
  }
  if (const auto open = intents_.find(id); open != intents_.end()) {
    auto& [newest, told, bound, may_hold, at] = open->second;
    if (bound && std::find(at.begin(), at.end(), server) == at.end()) {
      note_odd(id, server, replica_fault::stale, has.version); // T1
      return standing::stale;
    }
    told[server] = has;
  }
  if (has.serial < entry->serial && !holds(server, id)) {
    note_odd(id, server, replica_fault::behind, has.version); // T1
    return standing::behind;
  }
  came(id, server);
  drop_odd(id, server);
  add_holder(id, *entry, server);
  return standing::current;
}

bool chunk_table::is_going(server_index server, chunk_id id,
                           chunk_version version) const {
  const auto it = odd_.find(id);
  return it != odd_.end()
         && std::any_of(it->second.begin(), it->second.end(),
                        [&](const odd_replica& x) {
                          return x.server == server && x.ordered != instant{}
                                 && version <= x.version;
                        });
}

bool chunk_table::gone(server_index server, chunk_id id) {
  const auto odd = odd_.find(id);
  if (odd != odd_.end()
      && std::none_of(
        odd->second.begin(), odd->second.end(), [&](const odd_replica& x) {
          return x.server == server && x.fault == replica_fault::corrupt;
        }))
    drop_odd(id, server);
  came(id, server);
  forget_told(id, server);
  auto* entry = find(id);
  return entry != nullptr && drop_holder(id, *entry, server);
}

void chunk_table::deleted(server_index server, chunk_id id) {
  gone(server, id);
  drop_odd(id, server);
}

void chunk_table::spoil(server_index server, chunk_id id, replica_fault fault) {
  auto* entry = find(id);
  if (entry == nullptr)
    return;
  drop_holder(id, *entry, server);
  came(id, server);
  forget_told(id, server);
  note_odd(id, server, fault, chunk_version{entry->version});
}

void chunk_table::forget_told(chunk_id id, server_index server) {
  if (const auto open = intents_.find(id); open != intents_.end())
    open->second.reported.erase(server);
}

void chunk_table::order_over(server_index server, chunk_id id) {
  auto* odd = odd_of(id);
  if (odd == nullptr)
    return;
  const auto* entry = find(id);
  for (auto& x : *odd)
    if (x.server == server) {
      x.ordered = {};
      if (x.fault == replica_fault::surplus)
        x.fault = entry != nullptr && x.version.value() == entry->version
                    ? replica_fault::behind
                    : replica_fault::stale;
    }
}

void chunk_table::forget_server(server_index server) {
  chunks_.each_from(chunk_id{}, [&](chunk_id id, chunk_entry& entry) {
    // A fresh chunk it need not have had yet, before a fence, and may get yet.
    if (!entry.has(chunk_entry::fresh) || entry.version > 1)
      drop_holder(id, entry, server);
    else if (holds(server, id, entry))
      await(id, server);
    return true;
  });
  // Its next life makes no chunk under a lease of before.
  for (auto it = possible_.begin(); it != possible_.end();) {
    std::erase(it->second, server);
    it = it->second.empty() ? possible_.erase(it) : std::next(it);
  }
  for (auto& [id, open] : intents_)
    open.reported.erase(server);
  for (auto it = odd_.begin(); it != odd_.end();) {
    const auto id = (it++)->first;
    drop_odd(id, server);
  }
}

std::vector<server_index> chunk_table::holders(chunk_id id) const {
  std::vector<server_index> xs;
  const auto* entry = find(id);
  if (entry == nullptr)
    return xs;
  for (const auto x : entry->at)
    if (x != no_server)
      xs.push_back(x);
  if (entry->has(chunk_entry::more)) {
    const auto& rest = more_.at(id);
    xs.insert(xs.end(), rest.begin(), rest.end());
  }
  return xs;
}

bool chunk_table::holds(server_index server, chunk_id id) const {
  const auto* entry = find(id);
  return entry != nullptr && holds(server, id, *entry);
}

bool chunk_table::holds(server_index server, chunk_id id,
                        const chunk_entry& entry) const {
  const auto has = [server](const auto& xs) {
    return std::find(xs.begin(), xs.end(), server) != xs.end();
  };
  return has(entry.at) || (entry.has(chunk_entry::more) && has(more_.at(id)));
}

std::vector<chunk_id>
chunk_table::of(server_index server, chunk_id first, chunk_id last) const {
  std::vector<chunk_id> found;
  chunks_.each_from(first, [&](chunk_id id, const chunk_entry& entry) {
    if (id > last)
      return false;
    if (!entry.has(chunk_entry::fresh) && holds(server, id, entry))
      found.push_back(id);
    return true;
  });
  for (auto it = odd_.lower_bound(first); it != odd_.end() && it->first <= last;
       ++it)
    for (const auto& x : it->second)
      if (x.server == server && x.fault == replica_fault::newer)
        found.push_back(it->first);
  return found;
}

std::vector<odd_replica>* chunk_table::odd_of(chunk_id id) {
  const auto it = odd_.find(id);
  return it == odd_.end() ? nullptr : &it->second;
}

void chunk_table::add_holder(chunk_id id, chunk_entry& entry,
                             server_index server) {
  if (holds(server, id))
    return;
  for (auto& x : entry.at)
    if (x == no_server) {
      x = server;
      return;
    }
  more_[id].push_back(server);
  entry.set(chunk_entry::more, true);
}

bool chunk_table::drop_holder(chunk_id id, chunk_entry& entry,
                              server_index server) {
  auto held = std::find(entry.at.begin(), entry.at.end(), server);
  if (!entry.has(chunk_entry::more)) {
    if (held == entry.at.end())
      return false;
    // The others move up: the first one is the primary of new.
    std::move(held + 1, entry.at.end(), held);
    entry.at.back() = no_server;
    return true;
  }
  auto xs = holders(id);
  if (std::erase(xs, server) == 0)
    return false;
  clear_holders(id, entry);
  for (const auto x : xs)
    add_holder(id, entry, x);
  return true;
}

void chunk_table::clear_holders(chunk_id id, chunk_entry& entry) {
  entry.at.fill(no_server);
  more_.erase(id);
  entry.set(chunk_entry::more, false);
}

void chunk_table::note_odd(chunk_id id, server_index server,
                           replica_fault fault, chunk_version version,
                           mutation_serial serial) {
  auto& xs = odd_[id];
  for (auto& x : xs)
    if (x.server == server) {
      // What is corrupt stays so, whatever else it is.
      if (x.fault != replica_fault::corrupt)
        x.fault = fault;
      x.version = version;
      x.serial = serial;
      return;
    }
  xs.push_back({server, fault, version, serial, {}, {}});
}

bool chunk_table::drop_odd(chunk_id id, server_index server) {
  const auto it = odd_.find(id);
  if (it == odd_.end())
    return false;
  const auto dropped = std::erase_if(
    it->second, [&](const odd_replica& x) { return x.server == server; });
  if (it->second.empty())
    odd_.erase(it);
  return dropped > 0;
}

} // namespace dfs::core
