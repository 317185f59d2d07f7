#include "chunkserver/lease_clock.hpp"

#include "core/chunks/lease_rule.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace dfs::chunkserver {

namespace {

/// Longer than a grant may be in the hands of a client.
constexpr auto memory = 2 * core::chunk_lease;

/// Of those that are nearer to each other the first is remembered.
constexpr std::chrono::milliseconds grain{50};

} // namespace

lease_clock::lease_clock(std::function<boot_instant()> now)
  : now_{now ? std::move(now) : boottime_now} {
  // nop
}

void lease_clock::set_node_lease(boot_instant until) {
  const auto at = now();
  if (!serving(at) && at < until) {
    const std::lock_guard guard{mutex_};
    // The youngest is what the new lease counts from, or a later one.
    if (!heartbeats_.empty())
      heartbeats_.erase(heartbeats_.begin(), std::prev(heartbeats_.end()));
    // Before the lease can be seen: nobody sees the one without the other.
    unbroken_since_.store(at.time_since_epoch().count());
  }
  node_until_.store(until.time_since_epoch().count());
}

void lease_clock::note_heartbeat(std::uint64_t sequence, boot_instant sent) {
  const std::lock_guard guard{mutex_};
  newest_ = std::max(newest_, sequence);
  if (heartbeats_.empty() || sent - heartbeats_.rbegin()->second >= grain)
    heartbeats_.insert_or_assign(sequence, sent);
  while (heartbeats_.begin()->second + memory < sent)
    heartbeats_.erase(heartbeats_.begin());
}

void lease_clock::forget_heartbeats() {
  const std::lock_guard guard{mutex_};
  heartbeats_.clear();
}

result<boot_instant> lease_clock::end_of(const msg::chunk_grant& x) const {
  const std::lock_guard guard{mutex_};
  const auto after = heartbeats_.upper_bound(x.heartbeat);
  if (after == heartbeats_.begin() || x.heartbeat > newest_)
    return fail(ec::lease_expired, "the grant is too old");
  return std::prev(after)->second
         + core::lease_use(std::chrono::milliseconds{x.lease_ms});
}

} // namespace dfs::chunkserver
