#include "support/sim/versions_witness.hpp"

#include "core/versions/manifest_rules.hpp"
#include "support/sim/versions.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dfs::sim {

using core::replica_role;

void version_witness::report(const std::string& what) {
  cluster_.world().report("versions", what);
}

msg::group_set version_witness::in_force(group_id x) const {
  const auto it = groups_.find(x);
  return it == groups_.end() || it->second.logged.empty()
           ? msg::group_set{}
           : it->second.logged.rbegin()->second;
}

// -- at a server --------------------------------------------------------------

void version_witness::see(store_id store, group_id group, inode_id file,
                          const msg::file_state& x) {
  const auto [it, fresh] = groups_[group].manifests.try_emplace(
    std::pair{file, x.stamp}, x.manifest);
  if (!fresh && it->second != x.manifest)
    report(fmt::format("V3: file {} has two manifests of stamp {:x}.{}, one of "
                       "them on store {}",
                       file.value(), x.stamp.ballot.value(), x.stamp.serial,
                       store.value()));
}

void version_witness::stored(store_id store, group_id group,
                             const core::row_changes& changes) {
  for (const auto& x : changes) {
    if (const auto* file = std::get_if<core::file_change>(&x);
        file && file->state)
      see(store, group, file->file, *file->state);
    else if (const auto* next = std::get_if<core::next_change>(&x);
             next && next->next)
      for (const auto& [inode, state] : next->next->files)
        see(store, group, inode, state);
    else if (const auto* part = std::get_if<core::next_part>(&x))
      for (const auto& [inode, state] : part->files)
        see(store, group, inode, state);
  }
  const auto& disk = cluster_.disk(version_cluster::node_of(store));
  const auto& row = disk.groups.at(group).rows.group;
  if (row.role == replica_role::active
      && !groups_[group].logged.contains(row.set.epoch))
    report(fmt::format("V7: store {} is active in epoch {:x} of group {}, "
                       "which nobody has logged",
                       store.value(), row.set.epoch.value(), group.value()));
}

void version_witness::replied(store_id store, const core::replica_answer& x) {
  const auto& groups = cluster_.disk(version_cluster::node_of(store)).groups;
  const auto silent = [&](group_id group, bool sealed_may) {
    const auto it = groups.find(group);
    if (it == groups.end())
      return true;
    const auto& row = it->second.rows.group;
    return !(row.role == replica_role::active && !row.quarantined)
           && !(sealed_may && row.role == replica_role::sealed);
  };
  const auto judge = [&](group_id group, bool sealed_may, const char* what) {
    if (silent(group, sealed_may))
      report(fmt::format("V10: store {} {} in group {}, and does not count",
                         store.value(), what, group.value()));
  };
  if (const auto* a = std::get_if<msg::file_state_read>(&x))
    judge(a->group, false, "shows a file");
  else if (const auto* b = std::get_if<msg::manifest_accepted>(&x))
    judge(b->group, false, "accepts");
  else if (const auto* c = std::get_if<msg::ballot_promised>(&x))
    judge(c->group, false, "promises");
  else if (const auto* d = std::get_if<msg::files_listed>(&x))
    judge(d->group, false, "lists its files");
  else if (const auto* e = std::get_if<msg::group_fetched>(&x))
    judge(e->group, true, "shows all its files");
  else if (const auto* f = std::get_if<msg::group_rejoined>(&x);
           f && f->order != msg::rejoin_order::quarantine)
    std::erase_if(owed_, [&](const auto& y) {
      return y.first == std::pair{store, f->group} && y.second == f->epoch;
    });
}

void version_witness::answered(const msg::group_set& set, inode_id file,
                               const msg::put_done& x) {
  const auto group = set.group;
  if (in_force(group).epoch != set.epoch)
    return; // Others have it now, as many as they have to be.
  using kind = core::put_knowledge::kind;
  std::size_t count = 0;
  const auto has = [&](const std::map<inode_id, msg::file_state>& files) {
    const auto it = files.find(file);
    if (it == files.end())
      return false;
    const auto known = core::look_up(it->second.manifest, x.put);
    return known.version == x.version || known.what == kind::overtaken;
  };
  // A primary that was paused may say late what others have put much upon.
  const auto had = [&](const msg::past_outcomes& past) {
    const auto it = past.rows.find({file, x.put.writer});
    return it != past.rows.end()
           && (it->second.put.sequence > x.put.sequence
               || it->second == msg::put_outcome{x.put, x.version});
  };
  const auto servers = cluster_.options().servers;
  for (node_index i = 0; i < servers; ++i) {
    const auto& groups
      = cluster_.disk(version_cluster::first_server() + i).groups;
    const auto at = groups.find(group);
    if (at == groups.end())
      continue;
    const auto& rows = at->second.rows;
    // On its way out: told again from what the primary remembers.
    const auto it = rows.files.find(file);
    const auto* newest
      = it == rows.files.end() ? nullptr : core::newest_of(it->second.manifest);
    if ((newest && newest->kind == msg::version_kind::closed)
        || (it == rows.files.end() && rows.group.forgotten > 0))
      return;
    if (has(rows.files) || (rows.next && has(rows.next->files))
        || had(rows.past))
      ++count;
  }
  if (count < set.rule.write)
    report(fmt::format("V2: version {} of file {} is answered and on {} disks",
                       x.version.value(), file.value(), count));
}

// -- at the master ------------------------------------------------------------

void version_witness::begins(master_term x) {
  if (x <= term_)
    report(fmt::format("D2: term {} is given twice", x.value()));
  term_ = x;
}

void version_witness::ordered(store_id to, const msg::group_orders& x) {
  for (const auto& y : x.seal)
    groups_[y.group].sealing.try_emplace(std::pair{x.term, y.epoch}, y.by);
  for (const auto& y : x.lead)
    leads(to, x.term, y);
  for (const auto& y : x.drop)
    drops(to, y);
}

void version_witness::leads(store_id to, master_term term,
                            const msg::lead_group& x) {
  const auto group = x.set.group;
  const auto text = fmt::format("store {} is appointed in group {}, epoch {:x}",
                                to.value(), group.value(), x.set.epoch.value());
  const auto [it, fresh] = ballots_.try_emplace(x.ballot, std::pair{group, to});
  if (!fresh && it->second != std::pair{group, to})
    report(fmt::format("D2: {}, with a ballot that was given already", text));
  if (in_force(group).epoch != x.set.epoch)
    report(fmt::format("D3: {}, which is not in force", text));
  // With a lower ballot: he was before.
  const auto& sealing = groups_[group].sealing;
  if (const auto at = sealing.find({term, x.set.epoch});
      at != sealing.end() && x.ballot > at->second)
    report(fmt::format("D1: {}, which is being sealed", text));
  const auto owed = owed_.find({to, group});
  if (owed != owed_.end() && owed->second == x.set.epoch)
    report(
      fmt::format("V7: {}; it was declared failed and not refilled", text));
}

void version_witness::drops(store_id to, const msg::drop_group& x) {
  const auto set = in_force(x.group);
  for (const auto store : set.servers) {
    const auto& groups = cluster_.disk(version_cluster::node_of(store)).groups;
    const auto it = groups.find(x.group);
    if (store != to && it != groups.end()
        && it->second.rows.group.role == replica_role::active
        && it->second.rows.group.set.epoch == set.epoch)
      continue;
    report(fmt::format("D4: store {} is to drop group {}, and store {} has not "
                       "got all of it",
                       to.value(), x.group.value(), store.value()));
  }
}

void version_witness::logged(const msg::group_set& x) {
  if (in_force(x.group).epoch >= x.epoch)
    report(fmt::format("V7: epoch {:x} of group {} comes in force after a "
                       "later one",
                       x.epoch.value(), x.group.value()));
  groups_[x.group].logged[x.epoch] = x;
}

std::vector<std::pair<group_id, group_epoch>>
version_witness::declares(const core::fileserver_row& x,
                          const std::map<group_id, core::group_entry>& groups) {
  std::vector<std::pair<group_id, group_epoch>> concerned;
  for (const auto& [group, entry] : groups)
    if (core::of_set(entry.in_force, x.store))
      concerned.emplace_back(group, entry.in_force.epoch);
  if (x.failed)
    return concerned;
  for (const auto& [group, epoch] : concerned)
    if (const auto it = owed_.find({x.store, group});
        it != owed_.end() && it->second == epoch)
      report(fmt::format("V7: store {} counts again, and was not refilled in "
                         "group {}",
                         x.store.value(), group.value()));
  return {};
}

void version_witness::declared(
  const core::fileserver_row& x,
  const std::vector<std::pair<group_id, group_epoch>>& groups) {
  if (!x.failed) {
    failed_.erase(x.store);
    std::erase_if(owed_,
                  [&](const auto& y) { return y.first.first == x.store; });
  } else if (failed_.insert(x.store).second) {
    for (const auto& [group, epoch] : groups)
      owed_[{x.store, group}] = epoch;
  }
}

void version_witness::forgets() {
  failed_.clear();
  owed_.clear();
}

} // namespace dfs::sim
