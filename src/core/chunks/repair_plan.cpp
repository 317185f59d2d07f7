#include "core/chunks/repair_plan.hpp"

#include "base/assert.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dfs::core {

namespace {

using namespace std::chrono_literals;
using note = directory_note::kind;

/// A lease without a change for so long is not in use.
constexpr auto idle_time = 2s;
/// In which the client of a dead primary asks for another one.
constexpr auto heir_time = 400ms;

// Judged per tick: two milliseconds or so.
constexpr std::size_t judged_at_once = 50'000;

// Wishes that are remembered; the sweep finds the others when these are done.
constexpr std::size_t wishes_max = 20'000;

// Looked at in a tick, most urgent first; most of them wait for somebody.
constexpr std::size_t tried_at_once = 2'000;

// Copies of small chunks into one server: they wait for disks, not for bytes.
constexpr std::uint32_t small_copies_max = 32;
// Sources read what targets write, and readers want them, too.
constexpr std::uint32_t source_factor = 2;

constexpr auto copy_time = 20s;
constexpr std::uint64_t copy_rate = 2 * 1024 * 1024; ///< At the worst.
// After this a keeper has given up a copy that nobody asks it about.
constexpr auto obedience = 10min;

constexpr auto retry_first = 500ms;
constexpr std::uint8_t retry_doublings = 6;
constexpr auto release_time = 5s;

// For how long clients wait for a new primary so that a copy can be made:
// where somebody writes all the time, there would never be one otherwise.
constexpr auto release_hold = 500ms;
constexpr auto copy_hold = 300ms;
constexpr std::uint64_t copy_hold_rate = 64 * 1024 * 1024; ///< Bytes/s.
constexpr auto measuring = 2s;

} // namespace

// -- judging ------------------------------------------------------------------

void repair_plan::judge(directory_state& s, chunk_id chunk, instant now) {
  auto* entry = s.table.find(chunk);
  if (entry == nullptr || entry->file == inode_id{}) {
    forget(chunk);
    return;
  }
  const auto holders = s.table.holders(chunk);
  std::size_t live = 0;
  std::size_t expected = 0; ///< Those that are waited for included.
  for (const auto i : holders) {
    const bool serves = s.servers.serves(i, now);
    live += serves && !s.overtaken(chunk, i) ? 1 : 0;
    expected += serves || now < s.servers.at(i).lost_at + s.config.repair_delay
                  ? 1
                  : 0;
  }
  auto what = chunk_class::healthy;
  if (entry->has(chunk_entry::fresh))
    what = chunk_class::healthy; // There is nothing to have copies of.
  else if (live == 0)
    what = holders.empty() && s.servers.complete(now)
             ? chunk_class::lost
             : chunk_class::unavailable;
  else if (live < entry->replication)
    what = chunk_class::under;
  else if (live > entry->replication)
    what = chunk_class::surplus;
  if (what == chunk_class::surplus && entry->health() != what)
    surplus_.push_back(chunk);
  s.table.judge(chunk, *entry, what);
  const bool wanted
    = what == chunk_class::under && expected < entry->replication;
  if (wanted)
    want(chunk, static_cast<std::uint8_t>(live), now,
         now + s.config.repair_patience);
  else
    unwant(chunk);
}

void repair_plan::judge_all() {
  again_ = sweeping_;
  if (!sweeping_) {
    sweeping_ = true;
    cursor_ = {};
  }
}

void repair_plan::sweep(directory_state& s, chunk_id from, instant now) {
  if (!sweeping_ && missed_ && wishes_.size() < wishes_max / 2) {
    missed_ = false;
    judge_all();
  }
  if (from == chunk_id{} && std::exchange(left_, false))
    judge_all();
  if (!sweeping_)
    return;
  if (cursor_ < from) {
    cursor_ = from;
    left_ = true;
  }
  std::vector<chunk_id> batch;
  s.table.each_from(cursor_, [&](chunk_id id, const chunk_entry&) {
    batch.push_back(id);
    return batch.size() < judged_at_once;
  });
  for (const auto id : batch)
    judge(s, id, now);
  if (batch.size() == judged_at_once) {
    cursor_ = batch.back().next();
    return;
  }
  sweeping_ = false;
  if (std::exchange(again_, false))
    judge_all();
}

void repair_plan::want(chunk_id chunk, std::uint8_t live, instant now,
                       instant calm) {
  auto known = wishes_.find(chunk);
  if (known == wishes_.end()) {
    if (wishes_.size() >= wishes_max) {
      missed_ = true;
      const auto last = *queue_.rbegin();
      if (last.first <= live)
        return;
      unwant(last.second);
    }
    known
      = wishes_.emplace(chunk, wish{live, now + heir_time, calm, {}, 0, false})
          .first;
  } else {
    queue_.erase({known->second.live, chunk});
    known->second.live = live;
  }
  queue_.emplace(live, chunk);
}

void repair_plan::unwant(chunk_id chunk) {
  const auto known = wishes_.find(chunk);
  if (known == wishes_.end())
    return;
  queue_.erase({known->second.live, chunk});
  wishes_.erase(known);
}

void repair_plan::forget(chunk_id chunk) {
  unwant(chunk);
}

// -- copying ------------------------------------------------------------------

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

repair_plan::motion repair_plan::motion_of(const directory_state& s,
                                           chunk_id chunk,
                                           const chunk_entry& entry,
                                           const wish& x, instant now) const {
  if (s.granting.contains(chunk) || releasing_.contains(chunk))
    return motion::changing;
  const auto* lease = s.leases.find(chunk);
  if (lease == nullptr) {
    // Whoever was changing it asks for a new primary at once.
    if (!entry.has(chunk_entry::settled) && now < x.heir_until)
      return motion::changing;
    if (now >= s.started + lease_wait(s.config.chunk_lease))
      return motion::still;
    for (const auto i : s.table.holders(chunk))
      if (s.servers.may_serve(i, now) && !s.servers.at(i).led_told)
        return motion::changing;
    return motion::still;
  }
  const auto primary = lease->primary();
  // Who changes it now is not interrupted for a while.
  const auto changed
    = lease->until - lease_wait(s.config.chunk_lease); // Or granted.
  if (!lease->closed && now < changed + idle_time && now < x.calm_until)
    return motion::changing;
  // A wrong proof of death must not let a copy miss a change: no version
  // fences it.
  if (s.servers.silent(primary, now)
      || (lease->closed && !s.servers.may_serve(primary, now))
      || s.servers.at(primary).boot != lease->boot)
    return motion::still;
  return s.servers.may_serve(primary, now) ? motion::led : motion::changing;
}

void repair_plan::ask_release(directory_state& s, chunk_id chunk, wish& x,
                              instant now) {
  const auto* lease = s.leases.find(chunk);
  releasing_.insert(chunk);
  x.calm_until = now + s.config.repair_patience;
  s.held[chunk] = now + release_hold;
  s.ask({directory_state::route::kind::release, chunk, lease->primary(),
         lease->epoch},
        msg::release_lease{s.term, chunk, lease->epoch}, release_time);
}

// Copied at once: whoever was changing it is asking for a new primary already.
void repair_plan::released(directory_state& s, const directory_state::route& to,
                           const result<server_reply>& reply, instant now) {
  const auto chunk = to.chunk;
  releasing_.erase(chunk);
  s.held.erase(chunk);
  // Who has no replica, such as a bad one, leads nothing.
  const bool over = reply ? std::holds_alternative<msg::lease_released>(*reply)
                          : reply.error().code == ec::not_found;
  const auto* lease = s.leases.find(chunk);
  // A late answer says nothing of a lease that was granted since.
  if (!over || lease == nullptr || lease->epoch != to.epoch
      || !(lease->open || lease->closed))
    return;
  s.leases.end(chunk);
  if (const auto x = wishes_.find(chunk); x != wishes_.end()) {
    x->second.heir_until = {};
    try_copy(s, chunk, x->second, now);
  }
}

// Where a bad replica was set aside a good one is better than nowhere.
server_index repair_plan::choose_target(directory_state& s, chunk_id chunk,
                                        std::uint32_t bytes,
                                        std::vector<server_index> taken,
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
  auto found
    = choose_servers(s.servers, s.memory, 1, bytes, taken, s.random, now);
  if (found.empty() && !spoiled.empty()) {
    std::erase_if(taken, [&](server_index i) {
      return std::find(spoiled.begin(), spoiled.end(), i) != spoiled.end();
    });
    found = choose_servers(s.servers, s.memory, 1, bytes, taken, s.random, now);
  }
  return found.empty() ? no_server : found.front();
}

bool repair_plan::try_copy(directory_state& s, chunk_id chunk, wish& x,
                           instant now) {
  const auto* entry = s.table.find(chunk);
  if (now < x.not_before || is_copying(chunk))
    return false;
  const auto is = motion_of(s, chunk, *entry, x, now);
  if (is == motion::changing)
    return false;
  std::vector<server_index> sources;
  std::vector<server_index> taken;
  for (const auto i : s.table.holders(chunk))
    if (s.servers.serves(i, now)) {
      taken.push_back(i);
      if (s.servers.usable(i, now) && bears(s, i, entry->length, true))
        sources.push_back(i);
    }
  if (sources.empty())
    return false;
  // Of a version that is not in force yet, those that have it: they have all
  // that the others have.
  auto version = chunk_version{entry->version};
  for (const auto i : sources)
    version = std::max(version, s.table.version_at(i, chunk));
  std::erase_if(sources, [&](server_index i) {
    return s.table.version_at(i, chunk) < version;
  });
  std::stable_sort(sources.begin(), sources.end(),
                   [&](server_index a, server_index b) {
                     return outgoing_[a].bytes < outgoing_[b].bytes;
                   });
  const auto target
    = choose_target(s, chunk, entry->length, std::move(taken), now);
  x.homeless = target == no_server;
  if (x.homeless) {
    x.not_before = now + retry_first;
    return false;
  }
  if (!bears(s, target, entry->length, false))
    return false;
  if (is == motion::led) {
    ask_release(s, chunk, x, now);
    return false;
  }
  msg::copy_chunk order{
    s.term, {chunk, entry->extent()}, {}, s.config.chunk_size};
  order.wanted.extent.version = version;
  for (const auto i : sources)
    order.from.push_back(s.replica(i));
  const auto within
    = copy_time + std::chrono::seconds{entry->length / copy_rate};
  const auto token = s.ask(
    {directory_state::route::kind::copy, chunk, target}, std::move(order),
    std::chrono::duration_cast<std::chrono::milliseconds>(within));
  // One that was never answered is asked for again.
  if (const auto late = copies_.find(chunk); late != copies_.end())
    for (std::size_t n = late->second.size(); n-- > 0;)
      if (late->second[n].to == target) {
        end_copy(s, chunk, n);
        break;
      }
  copies_[chunk].push_back(
    {token, sources.front(), target, entry->length, now + obedience});
  s.copies[chunk].push_back(target); // P2
  s.held[chunk] = now + copy_hold
                  + std::chrono::milliseconds{std::uint64_t{entry->length}
                                              * 1'000 / copy_hold_rate};
  ++incoming_[target].copies;
  incoming_[target].bytes += entry->length;
  ++outgoing_[sources.front()].copies;
  outgoing_[sources.front()].bytes += entry->length;
  s.memory.placed(target, entry->length);
  return true;
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

// -- events -------------------------------------------------------------------

void repair_plan::answered(directory_state& s, const directory_state::route& to,
                           effect_token token,
                           const result<server_reply>& reply, instant now) {
  const auto chunk = to.chunk;
  if (to.what == directory_state::route::kind::release) {
    released(s, to, reply, now);
    return;
  }
  const auto all = copies_.find(chunk);
  if (all == copies_.end())
    return;
  const auto x = std::find_if(all->second.begin(), all->second.end(),
                              [&](const copy& c) { return c.token == token; });
  if (x == all->second.end())
    return;
  --incoming_[x->to].copies;
  incoming_[x->to].bytes -= x->bytes;
  --outgoing_[x->from].copies;
  outgoing_[x->from].bytes -= x->bytes;
  const auto done = *x;
  const auto* yes = reply ? std::get_if<msg::chunk_copied>(&*reply) : nullptr;
  const auto why = yes != nullptr ? ec{}
                   : reply        ? ec::malformed
                                  : reply.error().code;
  if (why == ec::timed_out || why == ec::unavailable)
    x->token = 0;
  else
    end_copy(s, chunk, static_cast<std::size_t>(x - all->second.begin()));
  s.held.erase(chunk);
  if (yes == nullptr) {
    failed(
      s, chunk, done.to,
      fmt::format("{} {}", to_string(why), reply ? "" : reply.error().context),
      now);
  } else if (s.table.reported(done.to, chunk, yes->state.extent.version)
             == chunk_table::standing::stale) {
    s.servers.revoke(done.to, chunk,
                     chunk_version{s.table.find(chunk)->version});
    failed(s, chunk, done.to, "overtaken by a change", now);
  } else {
    copied_ += done.bytes;
    s.note(note::copied, chunk, done.to, fmt::format("{} bytes", done.bytes));
  }
  judge(s, chunk, now);
}

void repair_plan::failed(directory_state& s, chunk_id chunk,
                         server_index target, const std::string& why,
                         instant now) {
  const auto known = wishes_.find(chunk);
  if (known == wishes_.end())
    return;
  auto& wish = known->second;
  wish.not_before
    = now + retry_first * (1 << std::min(wish.failures, retry_doublings));
  ++wish.failures;
  s.note(note::copy_failed, chunk, target, why);
}

void repair_plan::reborn(directory_state& s, server_index server) {
  std::vector<chunk_id> theirs;
  for (const auto& [chunk, targets] : s.copies)
    if (std::find(targets.begin(), targets.end(), server) != targets.end())
      theirs.push_back(chunk);
  for (const auto chunk : theirs) {
    auto& all = copies_.at(chunk);
    for (std::size_t n = all.size(); n-- > 0;)
      if (all[n].to == server && all[n].token == 0)
        end_copy(s, chunk, n); // One with a token is answered yet.
  }
}

void repair_plan::forget_late(directory_state& s, instant now) {
  std::vector<std::pair<chunk_id, std::size_t>> over;
  for (const auto& [chunk, all] : copies_)
    for (std::size_t n = all.size(); n-- > 0;)
      if (all[n].token == 0
          && (all[n].forgotten <= now || s.table.holds(all[n].to, chunk)))
        over.emplace_back(chunk, n);
  for (const auto& [chunk, n] : over)
    end_copy(s, chunk, n);
}

void repair_plan::tick(directory_state& s, instant now) {
  // Others may be where nobody has told of yet.
  const auto from = s.gathered(now) ? chunk_id{} : s.first_own();
  sweep(s, from, now);
  forget_late(s, now);
  std::erase_if(s.held, [&](const auto& x) { return x.second <= now; });
  std::size_t tried = 0;
  for (const auto& [live, chunk] : queue_) {
    if (chunk < from)
      continue;
    if (++tried > tried_at_once)
      break;
    try_copy(s, chunk, wishes_.at(chunk), now);
  }
  if (now >= measured_ + measuring) {
    const auto span
      = std::chrono::duration_cast<std::chrono::milliseconds>(now - measured_);
    rate_ = copied_ * 1'000 / static_cast<std::uint64_t>(span.count());
    copied_ = 0;
    measured_ = now;
  }
}

} // namespace dfs::core
