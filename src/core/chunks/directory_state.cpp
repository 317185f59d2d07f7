#include "core/chunks/directory_state.hpp"

#include "core/chunks/extent_rule.hpp"

#include <algorithm>

namespace dfs::core {

namespace {

/// After a server was lost, or has come, others may follow.
constexpr std::chrono::seconds unrest{2};

} // namespace

// -- what servers say ---------------------------------------------------------

void directory_state::revoke(server_index i, chunk_id chunk,
                             chunk_version below) {
  servers.revoke(i, chunk, below);
  if (const auto* entry = table.find(chunk);
      entry != nullptr && below.value() > entry->version) // F1
    refused.add(chunk, i, below);
}

chunk_table::standing
directory_state::reported(server_index i, const msg::chunk_state& x) {
  const auto* before = table.find(x.chunk);
  const auto known = before == nullptr ? 0 : before->version;
  if (before != nullptr && x.extent.version <= restored_branch::version_max
      && !is_possible(x.extent)) {
    // It stays where it is, and nothing goes by it.
    table.spoil(i, x.chunk, replica_fault::newer);
    revoke(i, x.chunk, chunk_version{known}.next());
    note(directory_note::kind::alarm, x.chunk, i,
         "a server tells of a replica that cannot be: it does not count");
    return chunk_table::standing::newer;
  }
  const auto what = table.reported(i, x.chunk, x.extent);
  if (what == chunk_table::standing::unknown)
    return what;
  if (before->file == inode_id{} && x.chunk < first_own())
    nameless[x.chunk][i] = x.extent;
  const chunk_version in_force{before->version};
  if (known < in_force.value() && confirmed)
    log_believed();
  const auto* odd = table.odd_of(x.chunk);
  if (known < in_force.value() && odd != nullptr)
    for (const auto& y : *odd) // T5: they told before.
      if (y.fault == replica_fault::stale)
        revoke(y.server, x.chunk, in_force);
  // Until a grant under another version: that leaves it out.
  if (what == chunk_table::standing::behind)
    revoke(i, x.chunk, x.extent.version.next());
  else if (what != chunk_table::standing::current)
    revoke(i, x.chunk, in_force);
  if (what != chunk_table::standing::current)
    return what;
  auto* lease = leases.find(x.chunk);
  if (lease == nullptr || lease->version != in_force
      || x.extent.version != in_force
      || std::ranges::count(lease->chain, i) != 0)
    return what;
  // The set of a former master's lease is known to its servers only.
  if (lease->epoch.value() >> 40 < term.value()) {
    lease->chain.push_back(i);
    return what;
  }
  // The primary sends it no changes.
  table.spoil(i, x.chunk, replica_fault::stale);
  revoke(i, x.chunk, in_force.next());
  return chunk_table::standing::stale;
}

// The version in force has had one lease. One that had no changes may be led
// again under the same grant, so it says nothing.
void directory_state::note_unpromised(const chunk_entry& entry,
                                      const msg::led_chunk& x) {
  if (x.over && !x.settled && x.committed.serial == mutation_serial{}
      && x.committed.version.value() == entry.version
      && entry.has(chunk_entry::fresh) && unpromised.size() < unpromised_max)
    unpromised.insert(x.chunk);
}

std::optional<msg::file_growth>
directory_state::grew(chunk_id chunk, chunk_entry& entry,
                      const msg::chunk_extent& committed, bool settled) {
  if (entry.serial < committed.serial) {
    const bool begun = entry.has(chunk_entry::fresh);
    entry.serial = committed.serial;
    entry.length = committed.length;
    entry.padded_from = committed.padded_from;
    table.begun(chunk);
    if (begun)
      log_begun(chunk, entry);
  } else if (entry.has(chunk_entry::settled) == settled) {
    return std::nullopt;
  }
  entry.set(chunk_entry::settled, settled);
  if (entry.file == inode_id{})
    return std::nullopt;
  return msg::file_growth{entry.file, {chunk, entry.extent()}, !settled};
}

void directory_state::log_begun(chunk_id chunk, const chunk_entry& entry) {
  if (entry.file == inode_id{} || table.intent(chunk))
    return; // `keep`, or the grant under way, writes what holds then.
  const auto token = next_token({route::kind::grant, chunk, no_server});
  out.push_back(log_row{token, table.row(chunk, {})});
}

void directory_state::log_believed() {
  for (const auto chunk : table.take_unlogged()) {
    const auto token = next_token({route::kind::grant, chunk, no_server});
    out.push_back(log_row{token, table.row(chunk, {})});
  }
}

// -- what is known ------------------------------------------------------------

chunk_class directory_state::class_of(chunk_id chunk, const chunk_entry& entry,
                                      instant now) const {
  if (entry.has(chunk_entry::fresh))
    return chunk_class::healthy; // There is nothing to have copies of.
  const auto holders = table.holders(chunk);
  const auto live = std::ranges::count_if(
    holders, [&](server_index i) { return counts(chunk, i, now); });
  if (live == 0)
    return holders.empty() && table.behind(chunk).empty()
               && servers.complete(now)
             ? chunk_class::lost
             : chunk_class::unavailable;
  if (live == entry.replication)
    return chunk_class::healthy;
  return live < entry.replication ? chunk_class::under : chunk_class::surplus;
}

bool directory_state::quiet(instant now) const {
  if (!gathered(now) || servers.arriving(now))
    return false;
  for (server_index i = 0; i < servers.size(); ++i) {
    const auto& x = servers.at(i);
    if ((x.lost && now < x.lost_at + unrest)
        || (x.linked && !servers.serves(i, now) && now < x.registered + unrest))
      return false;
  }
  return true;
}

msg::chunk_grant directory_state::grant_of(chunk_id chunk,
                                           const primary_lease& lease,
                                           const chunk_entry& entry) const {
  msg::chunk_grant x;
  x.chunk = chunk;
  x.version = lease.version;
  for (const auto i : lease.chain)
    x.chain.push_back(replica(i));
  x.replicas_min = replicas_min(entry);
  x.fresh = entry.has(chunk_entry::fresh);
  x.term = term;
  x.epoch = lease.epoch;
  x.boot = lease.boot;
  x.heartbeat = servers.at(lease.primary()).granted;
  x.lease_ms = static_cast<std::uint32_t>(config.chunk_lease.count());
  x.chunk_size = config.chunk_size;
  return x;
}

} // namespace dfs::core
