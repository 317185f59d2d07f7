#include "core/chunks/repair_plan.hpp"

#include <algorithm>

// From where and to where a chunk is copied, and when.

namespace dfs::core {

namespace {

using namespace std::chrono_literals;

// Copies of small chunks into one server: they wait for disks, not for bytes.
constexpr std::uint32_t small_copies_max = 32;
// Sources read what targets write, and readers want them, too.
constexpr std::uint32_t source_factor = 2;

constexpr auto copy_time = 20s;
constexpr std::uint64_t copy_rate = 2 * 1024 * 1024; ///< At the worst.
// After this a keeper has given up a copy that nobody asks it about.
constexpr auto obedience = 10min;

constexpr std::uint8_t settle_doublings = 3; ///< At most 4 s between grants.
constexpr auto copy_hold = 300ms;
constexpr std::uint64_t copy_hold_rate = 64 * 1024 * 1024; ///< Bytes/s.

} // namespace

bool repair_plan::bears(const directory_state& s, server_index server,
                        std::uint32_t bytes, bool as_source) const {
  const auto& all = as_source ? outgoing_ : incoming_;
  const auto it = all.find(server);
  if (it == all.end() || it->second.copies == 0)
    return true;
  const auto factor = as_source ? source_factor : 1;
  const auto large
    = std::uint64_t{s.config.chunk_size} * s.config.repair_parallel;
  return it->second.copies < small_copies_max * factor
         && it->second.bytes + bytes <= large * factor;
}

void repair_plan::ask_grant(chunk_id chunk, wish& x, instant now) {
  x.why = "how far it is committed has to be settled with its servers first";
  unsettled_.push_back(chunk);
  x.not_before
    = now + retry_first * (1 << std::min(x.settlings, settle_doublings));
  x.settlings = static_cast<std::uint8_t>(
    std::min<unsigned>(x.settlings + 1u, settle_doublings));
}

// Where a bad replica was set aside a good one is better than nowhere. A server
// that reaches no source is asked only where there is no other one.
server_index
repair_plan::choose_target(directory_state& s, chunk_id chunk,
                           std::uint32_t bytes, std::vector<server_index> taken,
                           const std::vector<server_index>& sources,
                           instant now) {
  std::vector<server_index> spoiled;
  if (const auto* odd = s.table.odd_of(chunk))
    for (const auto& replica : *odd) {
      if (replica.fault != replica_fault::stale || replica.ordered != instant{})
        taken.push_back(replica.server);
      if (replica.fault == replica_fault::corrupt
          && replica.ordered == instant{})
        spoiled.push_back(replica.server);
    }
  auto near = taken;
  for (server_index i = 0; i < s.servers.size(); ++i)
    if (s.torn.cut_off(i, sources, now))
      near.push_back(i);
  auto found
    = choose_servers(s.servers, s.memory, 1, bytes, near, s.random, now);
  if (found.empty() && near.size() > taken.size())
    found = choose_servers(s.servers, s.memory, 1, bytes, taken, s.random, now);
  if (found.empty() && !spoiled.empty()) {
    std::erase_if(taken, [&](server_index i) {
      return std::find(spoiled.begin(), spoiled.end(), i) != spoiled.end();
    });
    found = choose_servers(s.servers, s.memory, 1, bytes, taken, s.random, now);
  }
  return found.empty() ? no_server : found.front();
}

std::vector<server_index>
repair_plan::sources_of(const directory_state& s, chunk_id chunk,
                        std::vector<server_index>& taken, instant now) {
  const auto length = s.table.find(chunk)->length;
  std::vector<server_index> sources;
  for (const auto i : s.table.holders(chunk))
    if (s.servers.serves(i, now)) {
      taken.push_back(i);
      if (s.servers.usable(i, now) && bears(s, i, length, true))
        sources.push_back(i);
    }
  // Of a version that is not in force yet, those that have it: they have all
  // that the others have.
  chunk_version version;
  for (const auto i : sources)
    version = std::max(version, s.table.version_at(i, chunk));
  std::erase_if(sources, [&](server_index i) {
    return s.table.version_at(i, chunk) < version;
  });
  std::stable_sort(sources.begin(), sources.end(),
                   [&](server_index a, server_index b) {
                     return outgoing_[a].bytes < outgoing_[b].bytes;
                   });
  return sources;
}

void repair_plan::try_copy(directory_state& s, chunk_id chunk, wish& x,
                           instant now) {
  const auto* entry = s.table.find(chunk);
  if (now < x.not_before || is_copying(chunk))
    return;
  const auto is = motion_of(s, chunk, *entry, x, now);
  if (is == motion::changing)
    return;
  auto taken = s.table.behind(chunk);
  auto uneven = std::any_of(taken.begin(), taken.end(), [&](server_index i) {
    return s.servers.usable(i, now);
  });
  for (const auto i : s.table.holders(chunk))
    uneven = uneven || (s.servers.usable(i, now) && s.refuses(chunk, i));
  auto sources = sources_of(s, chunk, taken, now);
  if (!uneven && (sources.empty() || !x.lacks_copies))
    return;
  auto target = no_server;
  if (!uneven) {
    target
      = choose_target(s, chunk, entry->length, std::move(taken), sources, now);
    x.homeless = target == no_server;
    if (x.homeless) {
      x.not_before = now + retry_first;
      x.why = "no other server has room for a copy";
    }
    if (x.homeless || !bears(s, target, entry->length, false))
      return;
  }
  if (is == motion::led) {
    ask_release(s, chunk, x, now);
    return;
  }
  // Its primary is gone, or does not act on it.
  s.leases.end(chunk);
  if (uneven || !entry->has(chunk_entry::settled)) { // P3
    ask_grant(chunk, x, now);
    return;
  }
  if (x.failures == 0)
    x.why.clear();
  std::stable_sort(
    sources.begin(), sources.end(), [&](server_index a, server_index b) {
      return s.torn.torn(a, target, now) < s.torn.torn(b, target, now);
    });
  order_copy(s, chunk, target, sources, now);
}

void repair_plan::order_copy(directory_state& s, chunk_id chunk,
                             server_index target,
                             const std::vector<server_index>& sources,
                             instant now) {
  const auto& entry = *s.table.find(chunk);
  msg::copy_chunk order{
    s.term, {chunk, entry.extent()}, {}, s.config.chunk_size};
  order.wanted.extent.version = s.table.version_at(sources.front(), chunk);
  const auto wanted = order.wanted.extent;
  for (const auto i : sources)
    order.from.push_back(s.replica(i));
  const auto within
    = copy_time + std::chrono::seconds{entry.length / copy_rate};
  const auto token = s.ask(
    {directory_state::route::kind::copy, chunk, target}, std::move(order),
    std::chrono::duration_cast<std::chrono::milliseconds>(within));
  // One that was never answered is asked for again, and may be made yet.
  bool again = false;
  if (const auto late = copies_.find(chunk); late != copies_.end())
    for (std::size_t n = late->second.size(); n-- > 0 && !again;)
      if (late->second[n].to == target) {
        end_copy(s, chunk, n);
        again = true;
      }
  copies_[chunk].push_back({token, sources.front(), target, entry.length,
                            wanted, now + obedience, again});
  s.copies[chunk].push_back(target); // P2
  s.held[chunk] = now + copy_hold
                  + std::chrono::milliseconds{std::uint64_t{entry.length}
                                              * 1'000 / copy_hold_rate};
  ++incoming_[target].copies;
  incoming_[target].bytes += entry.length;
  ++outgoing_[sources.front()].copies;
  outgoing_[sources.front()].bytes += entry.length;
  s.memory.placed(target, entry.length);
}

bool repair_plan::is_copying(chunk_id chunk) const {
  const auto all = copies_.find(chunk);
  return all != copies_.end()
         && std::any_of(all->second.begin(), all->second.end(),
                        [](const copy& x) { return x.token != 0; });
}

void repair_plan::end_copy(directory_state& s, chunk_id chunk,
                           std::size_t place) {
  auto& all = copies_.at(chunk);
  const auto x = all[place];
  all.erase(all.begin() + static_cast<std::ptrdiff_t>(place));
  if (all.empty())
    copies_.erase(chunk);
  auto& targets = s.copies.at(chunk);
  targets.erase(std::find(targets.begin(), targets.end(), x.to));
  if (targets.empty())
    s.copies.erase(chunk);
}

} // namespace dfs::core
