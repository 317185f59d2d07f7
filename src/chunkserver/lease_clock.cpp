#include "chunkserver/lease_clock.hpp"

#include "core/chunks/lease_rule.hpp"

#include <chrono>
#include <cstddef>
#include <utility>

namespace dfs::chunkserver {

namespace {

/// More than a chunk lease's worth of them, at one each 500 ms.
constexpr std::size_t heartbeats_max = 256;

} // namespace

lease_clock::lease_clock(std::function<boot_instant()> now)
  : now_{now ? std::move(now) : boottime_now} {
  // nop
}

void lease_clock::note_heartbeat(std::uint64_t sequence, boot_instant sent) {
  const std::lock_guard guard{mutex_};
  heartbeats_.insert_or_assign(sequence, sent);
  while (heartbeats_.size() > heartbeats_max)
    heartbeats_.erase(heartbeats_.begin());
}

result<boot_instant> lease_clock::end_of(const msg::chunk_grant& x) const {
  const std::lock_guard guard{mutex_};
  const auto found = heartbeats_.find(x.heartbeat);
  if (found == heartbeats_.end())
    return fail(ec::lease_expired, "the grant is too old");
  return found->second + core::lease_use(std::chrono::milliseconds{x.lease_ms});
}

} // namespace dfs::chunkserver
