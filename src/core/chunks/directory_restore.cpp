#include "base/counted.hpp"
#include "core/chunks/directory_machine.hpp"
#include "core/chunks/extent_rule.hpp"

#include <fmt/format.h>

#include <algorithm>

// What a person decides after a restore, and about orphans.

namespace dfs::core {

namespace {

constexpr std::uint32_t claimed_max = 100; ///< At once.

} // namespace

void directory_machine::confirm() {
  s_.confirmed = true;
  s_.log_believed();
  s_.out.push_back(log_confirmed{s_.branch.began()});
  s_.note(directory_note::kind::confirmed, {}, no_server,
          fmt::format("the restored metadata are gone on with, from term {}",
                      s_.branch.began().value()));
}

result<msg::restore_confirmed>
directory_machine::confirm(const msg::confirm_restore&) {
  if (auto may = may_work(); !may)
    return may.error();
  if (!s_.branch.any())
    return fail(ec::not_found, "the metadata were never restored");
  if (!s_.confirmed && !s_.servers.all_told())
    return s_.not_all_told(ec::too_few_servers);
  if (!s_.confirmed)
    confirm();
  return msg::restore_confirmed{s_.branch.began()};
}

result<msg::deletion_confirmed>
directory_machine::confirm(const msg::confirm_deletion& x) {
  if (auto may = may_work(); !may)
    return may.error();
  for (server_index i = 0; i < s_.servers.size(); ++i) {
    const auto& server = s_.servers.at(i);
    if (server.forgotten
        || (server.name != x.server
            && fmt::format("{:016x}", server.store.value()) != x.server))
      continue;
    const auto count = collector_.approve(i);
    s_.note(directory_note::kind::confirmed, {}, i,
            counted(count, "orphan") + " may go");
    return msg::deletion_confirmed{server.name, count};
  }
  return fail(ec::not_found, "no chunkserver is called '" + x.server + "'");
}

// It is part of the table from here on, and of a file when the namespace says
// so. If it never does, the chunk is an orphan again, in time.
std::optional<msg::claimed_orphan>
directory_machine::claim(chunk_id chunk, instant now) {
  if (s_.table.find(chunk) != nullptr)
    return std::nullopt;
  // Without a change a replica proves nothing: the lost master may have been
  // about to bring it level with others, of whatever version.
  const auto counts = [&](const orphan_replica& x) {
    return x.extent.version <= highest_after(s_.branch, chunk, {})
           && is_possible(x.extent) && x.extent.serial != mutation_serial{};
  };
  chunk_version highest;
  for (const auto& x : collector_.holders_of(chunk))
    if (counts(x))
      highest = std::max(highest, x.extent.version);
  std::optional<msg::chunk_extent> least;
  bool even = true;
  for (const auto& x : collector_.holders_of(chunk)) {
    if (!counts(x) || x.extent.version != highest)
      continue;
    even = even && (!least || least->serial == x.extent.serial);
    if (!least || x.extent.serial < least->serial)
      least = x.extent;
  }
  if (!least)
    return std::nullopt; // Nothing was ever committed in it.
  const auto found = collector_.reclaim(chunk);
  if (found.empty())
    return std::nullopt;
  auto& entry = s_.table.add(chunk, highest, s_.config.replication, {});
  entry.serial = least->serial;
  entry.length = least->length;
  entry.padded_from = least->padded_from;
  for (const auto& x : found)
    (void) s_.reported(x.server, {chunk, x.extent});
  pending_.push_back({chunk, now + s_.config.pending_life});
  ++pending_chunks_;
  claimed_.emplace(chunk, !even);
  return msg::claimed_orphan{{chunk, *least}, s_.config.replication};
}

// No file was made of it. Its servers have told of it, and will not again: its
// replicas are orphans as they told of them.
void directory_machine::give_back(chunk_id chunk, instant now) {
  claimed_.erase(chunk);
  s_.unpromised.erase(chunk);
  const auto told = s_.nameless.extract(chunk);
  const auto* entry = s_.table.find(chunk);
  if (entry == nullptr)
    return;
  const auto back = [&](server_index i, msg::chunk_extent extent) {
    if (!told.empty())
      if (const auto x = told.mapped().find(i); x != told.mapped().end()) {
        const auto version = std::max(extent.version, x->second.version);
        extent = x->second;
        extent.version = version; // A grant may have fenced it since.
      }
    collector_.unknown(i, {chunk, extent}, now);
  };
  const auto holders = s_.table.proven_holders(chunk);
  // In the table, of no file, and of this term: this life has allocated it.
  if (chunk >= s_.first_own() && !holders.empty())
    collector_.given_up(chunk, now);
  for (const auto i : holders) {
    auto extent = entry->extent();
    extent.version = s_.table.version_at(i, chunk);
    back(i, extent);
  }
  if (const auto* odd = s_.table.odd_of(chunk))
    for (const auto& x : *odd) {
      if (x.fault == replica_fault::corrupt) // As a heartbeat says it.
        collector_.unknown(x.server, {chunk, {}}, now);
      else
        back(x.server, {x.version, {}, 0, 0});
    }
}

result<msg::orphans_claimed>
directory_machine::claim(const msg::claim_orphans& x, instant now) {
  if (auto may = may_work(); !may)
    return may.error();
  if (!s_.servers.all_told())
    return s_.not_all_told(ec::too_few_servers);
  const auto most = std::clamp(x.most, 1u, claimed_max);
  msg::orphans_claimed page;
  std::vector<chunk_id> found;
  if (s_.branch.any())
    found = collector_.orphans_between(
      x.after, chunk_id{(s_.branch.began().value() << 40) - 1}, most);
  for (const auto chunk : found)
    if (auto claimed = claim(chunk, now))
      page.chunks.push_back(*claimed);
  page.next = found.empty() ? x.after : found.back();
  page.more = found.size() == most;
  return page;
}

} // namespace dfs::core
