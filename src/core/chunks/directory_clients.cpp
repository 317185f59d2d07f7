#include "base/counted.hpp"
#include "core/chunks/directory_machine.hpp"
#include "core/chunks/extent_rule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

// What clients and the namespace ask.

namespace dfs::core {

namespace {

constexpr std::uint32_t allocations_max = 64;
constexpr std::uint8_t replication_max = 8;
constexpr std::size_t askers_max = 1'000;

// In which servers find a new master, also on a busy machine.
constexpr std::chrono::seconds arrival{10};

// What a chunk is taken to fill until it is known: most files are small.
constexpr std::uint64_t bytes_expected = 4 * 1024 * 1024;

} // namespace

// -- allocation ---------------------------------------------------------------

result<msg::chunks_allocated>
directory_machine::allocate(const msg::allocate_chunks& x, instant now) {
  if (auto may = may_work(); !may)
    return may.error();
  const auto replication
    = x.replication == 0 ? s_.config.replication : x.replication;
  if (x.count > allocations_max || replication > replication_max)
    return fail(ec::invalid_argument, "up to 64 chunks of 1 to 8 replicas");
  if (pending_chunks_ + x.count > s_.config.pending_max)
    return fail(ec::busy, "too many chunks are allocated and not used");
  const std::size_t needed = std::min(s_.config.replicas_min, replication);
  msg::chunks_allocated made;
  made.replication = replication;
  made.chunk_size = s_.config.chunk_size;
  for (std::uint32_t n = 0; n < x.count; ++n) {
    const auto chain = choose_servers(s_.servers, s_.memory, replication,
                                      s_.config.chunk_size, {}, s_.random, now);
    if (chain.size() < needed) {
      const auto there = choose_servers(s_.servers, s_.memory, replication, 0,
                                        {}, s_.random, now);
      if (there.size() >= needed)
        return fail(ec::full, "too few chunkservers have room for a chunk");
      if (now < s_.started + arrival || !s_.gathered(now))
        return fail(ec::unavailable,
                    "the chunkservers have not told of themselves yet");
      return fail(ec::too_few_servers,
                  fmt::format("{}, and it takes {}",
                              counted(there.size(), "chunkserver serves",
                                      "chunkservers serve"),
                              needed));
    }
    const chunk_id chunk{next_chunk_++};
    auto& entry = s_.table.add(chunk, chunk_version{1}, replication, chain);
    entry.set(chunk_entry::fresh, true);
    for (const auto i : chain)
      s_.memory.placed(
        i, std::min<std::uint64_t>(bytes_expected, s_.config.chunk_size));
    const auto boot = s_.servers.at(chain.front()).boot;
    const auto& lease
      = s_.leases.grant(chunk, chunk_version{1}, chain, boot,
                        now + lease_wait(s_.config.chunk_lease));
    pending_.push_back({chunk, now + s_.config.pending_life});
    ++pending_chunks_;
    made.grants.push_back(s_.grant_of(chunk, lease, entry));
  }
  return made;
}

// -- leases -------------------------------------------------------------------

bool directory_machine::still_leads(const primary_lease& lease,
                                    const msg::lease_chunk& x,
                                    instant now) const {
  if (!lease.open || lease.until <= now
      || !s_.servers.usable(lease.primary(), now)
      || s_.servers.at(lease.primary()).boot != lease.boot)
    return false;
  if (x.version != chunk_version{} && x.version >= lease.version)
    return false; // It did not work.
  for (const auto i : lease.chain)
    if (std::find(x.failed.begin(), x.failed.end(), s_.servers.at(i).store)
        != x.failed.end())
      return false;
  return true;
}

void directory_machine::lease(asker_id asker, const msg::lease_chunk& x,
                              instant now) {
  const auto refuse = [&](ec code, const char* why) {
    s_.out.push_back(answer_lease{asker, fail(code, why)});
  };
  if (!stopped_.empty()) {
    refuse(ec::stale, stopped_.c_str());
    return;
  }
  const auto* entry = s_.table.find(x.chunk);
  if (entry == nullptr) {
    refuse(ec::not_found, "there is no such chunk");
    return;
  }
  if (entry->file != inode_id{} && entry->health() == chunk_class::lost) {
    refuse(ec::integrity, "no replica is left");
    return;
  }
  const auto* lease = s_.leases.find(x.chunk);
  // A server may have told of a newer version since a former master's lease was
  // taken over.
  if (!grants_.contains(x.chunk) && lease != nullptr
      && lease->version.value() == entry->version
      && still_leads(*lease, x, now)) {
    s_.out.push_back(answer_lease{
      asker, msg::chunk_leased{s_.grant_of(x.chunk, *lease, *entry),
                               entry->extent()}});
    return;
  }
  const auto run = grants_.find(x.chunk);
  if (run == grants_.end() ? grants_.size() >= s_.config.grants_max
                           : run->second.askers() >= askers_max) {
    refuse(ec::busy, "too many leases are being granted");
    return;
  }
  begin_grant(x.chunk, asker, x.failed, now);
}

void directory_machine::begin_grant(chunk_id chunk, asker_id asker,
                                    const std::vector<store_id>& doubted,
                                    instant now) {
  auto& run = grants_.try_emplace(chunk, chunk, now).first->second;
  run.ask(s_, asker, doubted, now);
  advance(chunk, now);
}

// A hint, from anybody. That a server does not answer shows in heartbeats, and
// a stale replica was told of with its report; what is on its disk only the
// server itself can see.
void directory_machine::doubt_replica(const msg::report_replica& x,
                                      instant now) {
  const auto reason = static_cast<ec>(x.reason);
  const auto* entry = s_.table.find(x.chunk);
  const auto i = s_.servers.find(x.store);
  if ((reason != ec::integrity && reason != ec::not_found) || entry == nullptr
      || entry->has(chunk_entry::fresh) || !i || !s_.table.holds(*i, x.chunk))
    return;
  if (s_.servers.doubt(*i, x.chunk, now))
    s_.note(directory_note::kind::alarm, x.chunk, *i,
            "a reader could not use a replica: it is to be verified");
}

// -- places -------------------------------------------------------------------

result<msg::file_layout>
directory_machine::locate(msg::file_layout layout, instant now) {
  if (auto may = may_work(); !may)
    return may.error();
  for (auto& x : layout.chunks) {
    if (s_.awaits_all(x.chunk))
      return s_.not_all_told(ec::unavailable);
    x = place(x.chunk, now);
    // One replica that is current is enough: what is committed all have.
    if (x.replicas.empty() && x.committed.length < s_.config.chunk_size
        && s_.table.find(x.chunk) != nullptr && !s_.gathered(now))
      return fail(ec::unavailable,
                  "the servers of the file have not told yet what they have");
  }
  return layout;
}

msg::chunk_location
directory_machine::place(chunk_id chunk, instant now) const {
  msg::chunk_location to;
  to.chunk = chunk;
  const auto* entry = s_.table.find(chunk);
  if (entry == nullptr)
    return to;
  to.committed = entry->extent();
  to.growing = !entry->has(chunk_entry::settled);
  auto holders = s_.table.holders(chunk);
  // Those that serve, the least busy first; of equals another one for each
  // chunk, so that readers of a file spread over all its servers.
  const auto rank = [&](server_index i) {
    const auto turn
      = (chunk.value() + i) % std::max<std::size_t>(holders.size(), 1);
    return std::tuple{!s_.servers.serves(i, now), s_.servers.at(i).load / 8,
                      turn, i};
  };
  std::sort(holders.begin(), holders.end(),
            [&](server_index a, server_index b) { return rank(a) < rank(b); });
  for (const auto i : holders)
    to.replicas.push_back(s_.replica(i));
  const auto* lease = s_.leases.find(chunk);
  if (lease != nullptr && lease->open && now < lease->until
      && s_.servers.serves(lease->primary(), now))
    to.primary = s_.servers.at(lease->primary()).store;
  return to;
}

// -- files --------------------------------------------------------------------

result<nothing>
directory_machine::may_adopt(const msg::written_chunk& x, bool sealed) const {
  const auto* entry = s_.table.find(x.grant.chunk);
  if (!sealed)
    return fail(ec::stale, "nobody gave this grant");
  if (entry == nullptr || entry->file != inode_id{})
    return fail(ec::stale, "the chunk is not, or no longer, to be had");
  if (x.grant.version.value() < entry->version)
    return fail(ec::stale, "the chunk has got another primary since");
  if (claimed_.contains(x.grant.chunk))
    return fail(ec::busy, "an operator makes a file of the chunk");
  if (grants_.contains(x.grant.chunk))
    return fail(ec::busy, "the chunk is getting another primary");
  if (s_.table.holders(x.grant.chunk).size() < s_.replicas_min(*entry))
    return fail(ec::no_redundancy, "too few servers have the chunk");
  return done;
}

namespace {

bool may_be(const directory_state& s, const msg::chunk_state& known,
            const orphan_replica& x) {
  return is_possible(x.extent)
         && x.extent.version
              <= highest_after(s.branch, known.chunk, known.extent.version);
}

// An orphan becomes part of the table again. `known` is of whoever wrote it.
void put_back(directory_state& s, const msg::chunk_state& known,
              std::uint8_t replication, std::vector<orphan_replica> found) {
  const auto version = known.extent.version;
  s.table.add(known.chunk, version, replication, {});
  // A version above that was fenced for a grant that nobody got.
  auto highest = version;
  for (const auto& x : found)
    if (may_be(s, known, x))
      highest = std::max(highest, x.extent.version);
  if (highest > version)
    s.table.intend(known.chunk, highest);
  // Reports of `version` may be from before its changes: they count whatever
  // their serial. A replica above it was made by a fence, and never gets what
  // it lacks.
  const auto tell = [&](auto from, auto to) {
    for (; from != to; ++from)
      (void) s.reported(from->server, {known.chunk, from->extent});
  };
  const auto fenced
    = std::partition(found.begin(), found.end(), [&](const orphan_replica& x) {
        return x.extent.version <= version;
      });
  tell(found.begin(), fenced);
  auto& entry = *s.table.find(known.chunk);
  entry.serial = known.extent.serial;
  entry.length = known.extent.length;
  entry.padded_from = known.extent.padded_from;
  tell(fenced, found.end());
  if (!s.table.intent(known.chunk))
    return;
  // Durable before the row of the file is, for whoever reads both.
  const auto token = s.next_token(
    {directory_state::route::kind::grant, known.chunk, no_server});
  s.out.push_back(log_row{token, s.table.row(known.chunk, {})});
}

} // namespace

// A chunk that a former master gave, and that its servers have reported: the
// seal says that it was given, and the client, who alone wrote it, how far.
void directory_machine::reclaim(const msg::written_chunk& x, instant now) {
  if (x.grant.term >= s_.term || s_.table.find(x.grant.chunk) != nullptr)
    return;
  const msg::chunk_state known{x.grant.chunk, x.extent};
  if (std::ranges::none_of(
        collector_.holders_of(x.grant.chunk),
        [&](const orphan_replica& y) { return may_be(s_, known, y); }))
    return;
  auto found = collector_.reclaim(x.grant.chunk);
  if (found.empty())
    return;
  const auto replication
    = std::max<std::size_t>(x.grant.chain.size(), s_.config.replication);
  put_back(s_, known, static_cast<std::uint8_t>(replication), std::move(found));
  pending_.push_back({x.grant.chunk, now + s_.config.pending_life});
  ++pending_chunks_;
}

result<nothing>
directory_machine::adopt(const std::vector<msg::written_chunk>& chunks,
                         const std::vector<bool>& sealed, instant now) {
  if (auto may = may_work(); !may)
    return may;
  for (const auto& x : chunks)
    if (auto possible = check_extent(x); !possible)
      return possible;
  for (std::size_t n = 0; n < chunks.size(); ++n) {
    if (sealed[n])
      reclaim(chunks[n], now);
    const auto may = may_adopt(chunks[n], sealed[n]);
    if (!may && may.error().code == ec::no_redundancy
        && now < s_.started + arrival)
      return fail(ec::unavailable, "not all who have the chunk have told yet");
    if (!may)
      return may;
  }
  for (const auto& x : chunks) {
    s_.table.find(x.grant.chunk)->set(chunk_entry::adopted, true);
    pending_.push_back({x.grant.chunk, now + s_.config.pending_life});
  }
  return done;
}

// Its file became durable after `pending_life`: the master's disk stood still.
void directory_machine::take_back(const msg::chunk_state& x,
                                  std::uint8_t replication) {
  auto found = collector_.reclaim(x.chunk);
  if (found.empty()) {
    s_.note(directory_note::kind::alarm, x.chunk, no_server,
            "a chunk has become part of a file after its replicas were ordered "
            "to go");
    return;
  }
  // Of an orphan that a person adopted, whose replicas were not all as far.
  const auto is_ahead = [&](const orphan_replica& y) {
    return y.extent.version == x.extent.version
           && y.extent.serial > x.extent.serial;
  };
  claimed_.emplace(x.chunk, std::ranges::any_of(found, is_ahead));
  put_back(s_, x, replication, std::move(found));
}

void directory_machine::keep(const msg::keep_chunks& x, instant now) {
  for (const auto& state : x.chunks) {
    const auto* known = s_.table.find(state.chunk);
    if (known != nullptr && known->file == inode_id{})
      --pending_chunks_;
    if (known == nullptr)
      take_back(state, x.replication);
    s_.table.keep(state.chunk, x.file, state.extent, x.replication);
    auto& entry = *s_.table.find(state.chunk);
    // Written whole: whoever made the file is done with it. An empty one is
    // for appends, and its lease goes on.
    const bool whole = state.extent.serial != mutation_serial{};
    s_.nameless.erase(state.chunk);
    const auto claimed = claimed_.extract(state.chunk);
    // Of an orphan, whose replicas were not all as far, a grant finds that out.
    const bool uneven = !claimed.empty() && claimed.mapped();
    entry.set(chunk_entry::settled, whole && !uneven);
    if (!whole && !entry.has(chunk_entry::fresh))
      s_.log_begun(state.chunk, entry);
    if (auto* lease = s_.leases.find(state.chunk); lease != nullptr && whole) {
      lease->open = false;
      lease->closed = true;
    }
    judge(state.chunk, now);
  }
}

void directory_machine::release(const msg::release_chunks& x, instant) {
  for (const auto chunk : x.chunks) {
    if (const auto run = grants_.find(chunk); run != grants_.end()) {
      run->second.abandon(s_, fail(ec::not_found, "the chunk is deleted"));
      grants_.erase(run);
    }
    if (const auto* entry = s_.table.find(chunk);
        entry != nullptr && entry->file == inode_id{})
      --pending_chunks_;
    repair_.forget(chunk);
    s_.unpromised.erase(chunk);
    s_.nameless.erase(chunk);
    claimed_.erase(chunk);
    s_.refused.forget(chunk);
    auto may_have = s_.table.erase(chunk);
    if (const auto copies = s_.copies.find(chunk); copies != s_.copies.end())
      may_have.insert(may_have.end(), copies->second.begin(),
                      copies->second.end());
    collector_.released(s_, chunk, std::move(may_have));
  }
}

} // namespace dfs::core
