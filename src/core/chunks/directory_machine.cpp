#include "core/chunks/directory_machine.hpp"

#include "base/assert.hpp"

#include <algorithm>

namespace dfs::core {

namespace {

using namespace std::chrono_literals;

// Attempts that nobody waits for: often enough to be done soon after a start.
constexpr auto redo_interval = 1s;
constexpr std::size_t redone_at_once = 100;

// Grants under way so that chunks can be copied: each asks some servers to sync
// a disk.
constexpr std::size_t settled_at_once = 200;

// Heartbeats bring the true load; what was placed before the last few is in it.
constexpr auto fade_interval = 2s;

} // namespace

directory_machine::directory_machine(const options& how, instant now)
  : s_{how.config, how.term, restored_branch{how.restored_at}, how.seed, now},
    collector_{how.restored_at},
    next_chunk_{s_.first_own().value()},
    lineage_{how.lives, how.restored_at} {
  s_.confirmed = how.confirmed || !s_.branch.any();
}

void directory_machine::load_file_row(const chunk_row& row) {
  s_.table.load_file_row(row);
  if (s_.table.find(row.chunk)->has(chunk_entry::fresh))
    for (const auto store : row.set)
      expected_[store].push_back(row.chunk);
}

void directory_machine::load_version_row(const chunk_row& row) {
  s_.table.load_version_row(row);
  const auto open = s_.table.intents().find(row.chunk);
  if (open != s_.table.intents().end() && open->second.bound)
    for (const auto store : row.set)
      expected_[store].push_back(row.chunk);
  // Rows of files sort before: this one is of none, and may become part of one.
  if (s_.table.find(row.chunk)->file == inode_id{}) {
    pending_.push_back({row.chunk, s_.started + s_.config.pending_life});
    ++pending_chunks_;
  }
}

void directory_machine::load_server_row(const server_row& row) {
  s_.servers.load(row);
}

// -- metadata that are not the newest -----------------------------------------

void directory_machine::stop(const std::string& why, instant) {
  if (!stopped_.empty())
    return;
  stopped_ = why;
  for (auto& [chunk, run] : grants_)
    run.abandon(s_, fail(ec::stale, stopped_));
  grants_.clear();
  s_.note(directory_note::kind::outdated, {}, no_server, why);
}

result<nothing> directory_machine::may_work() const {
  if (!stopped_.empty())
    return fail(ec::stale, stopped_);
  return done;
}

directory_effects directory_machine::take_effects() {
  auto all = std::exchange(s_.out, {});
  if (!stopped_.empty())
    std::erase_if(all, [](const directory_effect& x) {
      return !std::holds_alternative<answer_lease>(x)
             && !std::holds_alternative<directory_note>(x);
    });
  return all;
}

// -- what was wanted is done --------------------------------------------------

void directory_machine::logged(effect_token token, instant now) {
  const auto to = s_.take_route(token);
  if (!to)
    return;
  const auto run = grants_.find(to->chunk);
  if (run == grants_.end())
    return;
  run->second.logged(s_, token, now);
  advance(to->chunk, now);
}

void directory_machine::answered(effect_token token,
                                 const result<server_reply>& reply,
                                 instant now) {
  const auto to = s_.take_route(token);
  if (!to)
    return;
  using kind = directory_state::route::kind;
  switch (to->what) {
    case kind::grant:
      if (const auto run = grants_.find(to->chunk); run != grants_.end()) {
        run->second.answered(s_, token, reply, now);
        advance(to->chunk, now);
      }
      break;
    case kind::copy:
    case kind::release:
      repair_.answered(s_, *to, token, reply, now);
      judge(to->chunk, now);
      advance(to->chunk, now);
      break;
    case kind::deletion:
      for (const auto chunk : collector_.answered(s_, token, to->server, reply))
        judge(chunk, now);
      break;
  }
}

void directory_machine::judge(chunk_id chunk, instant now) {
  repair_.judge(s_, chunk, now);
  for (const auto found : repair_.take_surplus())
    collector_.surplus(found);
}

void directory_machine::advance(chunk_id chunk, instant now) {
  const auto run = grants_.find(chunk);
  if (run == grants_.end())
    return;
  run->second.advance(s_, now);
  if (run->second.state() == grant_machine::phase::over)
    grants_.erase(run);
  judge(chunk, now);
}

void directory_machine::advance_all(instant now) {
  for (auto it = grants_.begin(); it != grants_.end();)
    advance((it++)->first, now);
}

void directory_machine::tick(instant now) {
  if (!stopped_.empty())
    return;
  for (const auto i : s_.servers.expire(now)) {
    s_.note(directory_note::kind::server_lost, {}, i,
            !s_.servers.at(i).has_come() ? "not back since this master started"
            : s_.servers.at(i).dead      ? "dead"
                                         : "silent");
    repair_.judge_all();
  }
  if (!gathered_ && s_.gathered(now)) {
    gathered_ = true;
    repair_.judge_all();
  }
  // A day in which everybody was there, and nobody has said otherwise.
  if (!s_.confirmed && now >= s_.started + 24h && s_.servers.all_told())
    confirm();
  (void) s_.leases.expire(now);
  probe_again(now);
  redo_intents(now);
  advance_all(now);
  expire_pending(now);
  repair_.tick(s_, now);
  settle_some(now);
  for (const auto found : repair_.take_surplus())
    collector_.surplus(found);
  collector_.tick(s_, now);
  if (now >= faded_ + fade_interval) {
    faded_ = now;
    s_.memory.fade();
  }
}

// What was allocated and is part of no file after all that time never will be.
void directory_machine::expire_pending(instant now) {
  remove_rows removal;
  while (!pending_.empty() && pending_.front().until <= now) {
    const auto chunk = pending_.front().chunk;
    pending_.pop_front();
    const auto* entry = s_.table.find(chunk);
    if (entry == nullptr || entry->file != inode_id{})
      continue;
    if (entry->has(chunk_entry::adopted)) {
      // Adopted since: it stands in the queue once more.
      s_.table.find(chunk)->set(chunk_entry::adopted, false);
      continue;
    }
    if (grants_.contains(chunk)) {
      pending_.push_back({chunk, now + s_.config.pending_life});
      continue;
    }
    give_back(chunk, now);
    s_.refused.forget(chunk);
    s_.table.erase(chunk);
    --pending_chunks_;
    removal.chunks.push_back(chunk);
  }
  if (!removal.chunks.empty())
    s_.out.push_back(std::move(removal));
}

// I8: an intent that is open at the start, or was left by a run that failed.
// And a chunk whose primary has gone before it said that anything is committed:
// until somebody leads it, it is fresh, and gets no copies; or it seems empty.
void directory_machine::redo_intents(instant now) {
  if (now < redone_ + redo_interval || s_.servers.guessing(now))
    return;
  redone_ = now;
  std::vector<chunk_id> open;
  for (const auto& [chunk, intent] : s_.table.intents()) {
    if (open.size() == redone_at_once)
      break;
    // After the last version there is none: those must not keep others back.
    if (!grants_.contains(chunk)
        && s_.table.next_version(chunk) <= restored_branch::version_max)
      open.push_back(chunk);
  }
  std::erase_if(begun_, [this](chunk_id chunk) {
    const auto* entry = s_.table.find(chunk);
    return entry == nullptr
           || !(entry->has(chunk_entry::fresh) || entry->lacks_length());
  });
  for (const auto chunk : begun_) {
    if (open.size() == redone_at_once)
      break;
    if (!grants_.contains(chunk) && s_.leases.find(chunk) == nullptr)
      open.push_back(chunk);
  }
  find_ahead(open, redone_at_once, now);
  for (const auto chunk : open) {
    grants_.try_emplace(chunk, chunk, now);
    advance(chunk, now);
  }
}

// By the word of a former master, of which it has not told yet.
bool directory_machine::may_be_led(chunk_id chunk, instant now) const {
  if (now >= s_.started + lease_wait(s_.config.longest_chunk_lease()))
    return false;
  const auto holders = s_.table.holders(chunk);
  return std::ranges::any_of(holders, [&](server_index i) {
    return s_.servers.may_serve(i, now) && !s_.servers.at(i).led_told;
  });
}

// Their primary has gone before it said how much is committed, and nobody may
// ever ask: a grant finds out, so that lists show what readers get. One grant
// for what was reported: it gives another version. Each in turn, since some
// cannot be granted for as long as servers are away.
void directory_machine::find_ahead(std::vector<chunk_id>& to, std::size_t most,
                                   instant now) {
  std::erase_if(ahead_, [this](const auto& x) {
    const auto* entry = s_.table.find(x.first);
    return entry == nullptr || entry->version > x.second.version.value()
           || entry->serial >= x.second.serial;
  });
  if (!s_.quiet(now)) // Who has just come may lead it, or have more.
    return;
  auto next = ahead_.upper_bound(ahead_from_);
  for (auto n = ahead_.size(); n > 0 && to.size() < most; --n) {
    if (next == ahead_.end())
      next = ahead_.begin();
    const auto chunk = ahead_from_ = (next++)->first;
    if (!grants_.contains(chunk) && s_.leases.find(chunk) == nullptr
        && !may_be_led(chunk, now))
      to.push_back(chunk);
  }
}

// What is to be copied, and nobody knows how far it is committed: a grant finds
// out, and makes all replicas equal.
void directory_machine::settle_some(instant now) {
  std::erase_if(settling_, [this](chunk_id x) { return !grants_.contains(x); });
  for (const auto chunk : repair_.take_unsettled()) {
    if (settling_.size() >= settled_at_once || grants_.contains(chunk)
        || s_.servers.guessing(now))
      continue;
    settling_.insert(chunk);
    grants_.try_emplace(chunk, chunk, now);
    advance(chunk, now);
  }
}

void directory_machine::check() const {
  s_.servers.check();
  s_.table.check();
  s_.leases.check();
  repair_.check(s_);
  for (const auto& [chunk, run] : grants_)
    DFS_ASSERT(run.state() != grant_machine::phase::over);
}

} // namespace dfs::core
