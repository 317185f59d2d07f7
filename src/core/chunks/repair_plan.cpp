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

constexpr std::uint8_t retry_doublings = 6;
constexpr auto release_time = 5s;

// For how long clients wait for a new primary so that a copy can be made:
// where somebody writes all the time, there would never be one otherwise.
constexpr auto release_hold = 500ms;
constexpr auto measuring = 2s;

// A former master may have revoked the version in force at its source or its
// target, who remember that for as long as they live, and serve no reader
// either. A grant gives them a higher one.
void doubt_version(directory_state& s, chunk_id chunk, chunk_version copied) {
  if (auto* entry = s.table.find(chunk);
      entry != nullptr && copied == chunk_version{entry->version})
    entry->set(chunk_entry::settled, false);
}

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
  bool refused = false;
  for (const auto i : holders) {
    live += s.counts(chunk, i, now) ? 1 : 0;
    // A server that is away can be given no newer version.
    refused = refused || (!s.servers.at(i).lost && s.refuses(chunk, i));
    expected += s.servers.serves(i, now)
                    || now < s.servers.at(i).lost_at + s.config.repair_delay
                  ? 1
                  : 0;
  }
  const auto what = s.class_of(chunk, *entry, now);
  if (what == chunk_class::surplus && entry->health() != what)
    surplus_.push_back(chunk);
  s.table.judge(chunk, *entry, what);
  const bool lacks_copies
    = (what == chunk_class::under && expected < entry->replication)
      || (what == chunk_class::unavailable && holders.empty()
          && !s.table.behind(chunk).empty());
  if (refused || lacks_copies)
    want(chunk, static_cast<std::uint8_t>(live), lacks_copies, now,
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
  if (again_) // Asked for meanwhile.
    judge_all();
}

void repair_plan::want(chunk_id chunk, std::uint8_t live, bool lacks_copies,
                       instant now, instant calm) {
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
      = wishes_
          .emplace(chunk,
                   wish{live, false, now + heir_time, calm, {}, 0, 0, false})
          .first;
  } else {
    queue_.erase({known->second.live, chunk});
    known->second.live = live;
  }
  known->second.lacks_copies = lacks_copies;
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

// -- leases -------------------------------------------------------------------

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
    if (now >= s.started + lease_wait(s.config.longest_chunk_lease()))
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
  const auto* yes = reply ? std::get_if<msg::lease_released>(&*reply) : nullptr;
  if (auto* entry = s.table.find(chunk);
      yes != nullptr && yes->settled && entry != nullptr
      && entry->version == yes->state.extent.version.value())
    if (const auto told = s.grew(chunk, *entry, yes->state.extent, true))
      s.out.push_back(tell_growth{{{*told}}});
  if (const auto x = wishes_.find(chunk); x != wishes_.end()) {
    x->second.heir_until = {};
    try_copy(s, chunk, x->second, now);
  }
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
  const bool may_go_on = why == ec::timed_out || why == ec::unavailable
                         || why == ec::busy || (yes == nullptr && done.again);
  if (may_go_on) // P2
    x->token = 0;
  else
    end_copy(s, chunk, static_cast<std::size_t>(x - all->second.begin()));
  s.held.erase(chunk);
  if (yes == nullptr) {
    failed(
      s, chunk, done.to,
      fmt::format("{} {}", to_string(why), reply ? "" : reply.error().context),
      now);
    // Once may be for a change that came in between.
    if (const auto wish = wishes_.find(chunk);
        why == ec::stale && wish != wishes_.end() && wish->second.failures > 1)
      doubt_version(s, chunk, done.wanted.version);
  } else if (const auto text = count_copy(s, chunk, done, yes->state);
             !text.empty()) {
    failed(s, chunk, done.to, text, now);
  } else {
    copied_ += done.bytes;
    s.note(note::copied, chunk, done.to, fmt::format("{} bytes", done.bytes));
  }
  judge(s, chunk, now);
}

// What is there may have become something else since it was ordered.
std::string repair_plan::count_copy(directory_state& s, chunk_id chunk,
                                    const copy& done,
                                    const msg::chunk_state& made) {
  using standing = chunk_table::standing;
  if (made.chunk != chunk || made.extent.version != done.wanted.version)
    return "another version was copied than ordered";
  switch (s.reported(done.to, made)) {
    case standing::stale:
      return "overtaken by a change";
    case standing::behind:
      return "the copy lacks changes";
    case standing::newer:
      return "a version that was never given";
    default:
      return {};
  }
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
  wish.why
    = fmt::format("a copy to {} failed: {}", s.servers.at(target).name, why);
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

// Whoever was lost is waited for no longer.
void repair_plan::end_waiting(const directory_state& s, instant now) {
  const auto before = std::exchange(waited_to_, now - s.config.repair_delay);
  for (server_index i = 0; i < s.servers.size(); ++i)
    if (const auto& x = s.servers.at(i);
        x.lost && before < x.lost_at && x.lost_at <= waited_to_)
      judge_all();
}

void repair_plan::tick(directory_state& s, instant now) {
  end_waiting(s, now);
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
