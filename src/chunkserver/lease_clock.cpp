#include "chunkserver/lease_clock.hpp"

#include "core/chunks/holder_lease.hpp"

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

/// Two clocks count as read at one moment if no more lies between; or the best
/// of some attempts.
constexpr std::chrono::microseconds near_enough{50};
constexpr int attempts = 8;

std::chrono::nanoseconds walltime_now() {
  return std::chrono::system_clock::now().time_since_epoch();
}

} // namespace

lease_clock::lease_clock(clocks now) : now_{std::move(now)} {
  if (!now_.boot)
    now_.boot = boottime_now;
  if (!now_.wall)
    now_.wall = walltime_now;
}

lease_clock::reading lease_clock::read() const {
  const auto first = now_.boot().time_since_epoch();
  const auto wall = now_.wall();
  return {first.count(), wall.count(), now_.boot().time_since_epoch().count()};
}

lease_clock::reading lease_clock::read_closely() const {
  auto best = read();
  for (int i = 1; i < attempts
                  && best.last - best.first
                       > std::chrono::nanoseconds{near_enough}.count();
       ++i)
    if (const auto again = read();
        again.last - again.first < best.last - best.first)
      best = again;
  return best;
}

// A thread may have to wait between two readings: what lies between the first
// and the last proves nothing.
bool lease_clock::parted(const reading& x) const {
  const auto compared = compared_.load();
  if (compared == 0)
    return false;
  const auto boot = x.wall - ahead_.load();
  const auto allowed
    = std::chrono::nanoseconds{core::holder_config{}.jump_max}.count()
      + (x.last - compared) / 1'000;
  return boot > x.last + allowed || boot < x.first - allowed;
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
  const auto here = read_closely();
  // What it would count from anew must not hide a jump from those who ask.
  const auto jumped = parted(here);
  if (jumped)
    node_until_.store(0);
  // Not oftener than needed, so that small jumps do not add up.
  const auto boot = here.first + (here.last - here.first) / 2;
  if (jumped || compared_.load() == 0
      || std::chrono::nanoseconds{boot - compared_.load()}
           >= core::heartbeat_interval) {
    ahead_.store(here.wall - boot);
    compared_.store(boot);
  }
  newest_ = std::max(newest_, sequence);
  if (heartbeats_.empty() || sent - heartbeats_.rbegin()->second >= grain)
    heartbeats_.insert_or_assign(sequence, sent);
  while (heartbeats_.begin()->second + memory < sent)
    heartbeats_.erase(heartbeats_.begin());
}

void lease_clock::forget_heartbeats() {
  const std::lock_guard guard{mutex_};
  heartbeats_.clear();
  compared_.store(0);
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
