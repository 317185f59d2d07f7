#include "core/chunks/holder_lease.hpp"

#include "base/assert.hpp"

#include <algorithm>

namespace dfs::core {

holder_lease::holder_lease(holder_config config, boot_id boot,
                           std::uint64_t last)
  : config_{config},
    boot_{boot},
    sequence_{last} {
  DFS_ASSERT(config.unanswered_max > 0);
}

void holder_lease::enter(master_term term) {
  if (term != term_)
    heard_ = 0;
  term_ = term;
  unanswered_.clear();
}

holder_lease::heartbeat holder_lease::send(const clock_pair& now) {
  // A jump that nobody has looked for yet must not be taken into the lease.
  (void) check(now);
  ++sequence_; // H2
  unanswered_.emplace(sequence_, now);
  if (unanswered_.size() > config_.unanswered_max)
    unanswered_.erase(unanswered_.begin());
  remember(now.boot);
  return {sequence_, heard_, runs(now.boot)};
}

std::uint64_t holder_lease::number() {
  return ++sequence_; // H2
}

bool holder_lease::counts(const msg::chunk_heartbeat_ack& answer) const {
  return answer.boot == boot_ && answer.term == term_
         && answer.sequence > heard_ && unanswered_.count(answer.sequence) != 0;
}

void holder_lease::accept(std::uint64_t sequence, std::uint32_t lease_ms,
                          const clock_pair& now) {
  (void) check(now); // H3
  const auto found = unanswered_.find(sequence);
  if (found == unanswered_.end() || sequence <= heard_)
    return;
  if (jumped(found->second, now)) {
    drop();
    return;
  }
  heard_ = sequence;
  // Not younger than needed, so that small jumps do not add up.
  if (!reference_
      || found->second.boot - reference_->boot >= heartbeat_interval)
    reference_ = found->second;
  // A lease that had a gap is a new one: what counts from heartbeats before
  // this one is over for good.
  if (lease_ms != 0 && !runs(now.boot))
    sent_.erase(sent_.begin(), sent_.lower_bound(sequence));
  if (lease_ms != 0)
    until_
      = std::max(until_, found->second.boot
                           + lease_use(std::chrono::milliseconds{lease_ms}));
  // Answers come in the order of the heartbeats; older ones are lost.
  unanswered_.erase(unanswered_.begin(), std::next(found));
}

bool holder_lease::check(const clock_pair& now) {
  const auto* from = reference_             ? &*reference_
                     : !unanswered_.empty() ? &unanswered_.begin()->second
                                            : nullptr;
  if (from == nullptr || !jumped(*from, now))
    return false;
  drop();
  return true;
}

void holder_lease::drop() {
  until_ = boot_instant{};
  unanswered_.clear();
  sent_.clear();
  reference_.reset();
}

std::optional<boot_instant>
holder_lease::end_of(std::uint64_t sequence, std::uint32_t lease_ms) const {
  const auto after = sent_.upper_bound(sequence);
  if (after == sent_.begin() || sequence > sequence_)
    return std::nullopt;
  return std::prev(after)->second
         + lease_use(std::chrono::milliseconds{lease_ms});
}

void holder_lease::check_invariants() const {
  DFS_ASSERT(heard_ <= sequence_);
  DFS_ASSERT(unanswered_.size() <= config_.unanswered_max);
  DFS_ASSERT(unanswered_.empty() || unanswered_.rbegin()->first <= sequence_);
  DFS_ASSERT(sent_.empty() || sent_.rbegin()->first <= sequence_);
}

bool holder_lease::jumped(const clock_pair& from, const clock_pair& to) const {
  const auto passed = to.boot - from.boot;
  const auto moved = (to.wall - from.wall) - passed;
  const auto allowed
    = std::chrono::nanoseconds{config_.jump_max} + passed / 1'000;
  return passed.count() < 0 || moved > allowed || moved < -allowed;
}

// Of a burst only the first is kept, which was sent before the others: what
// counts from any of them ends a little early.
void holder_lease::remember(boot_instant now) {
  if (sent_.empty() || now - sent_.rbegin()->second >= config_.memory_grain)
    sent_.emplace_hint(sent_.end(), sequence_, now);
  while (sent_.begin()->second + config_.memory < now)
    sent_.erase(sent_.begin());
}

} // namespace dfs::core
