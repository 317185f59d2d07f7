#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "messages/chunk.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>

namespace dfs::chunkserver {

/// Until when this server may serve: its node lease, and when its heartbeats
/// were sent, from which leases are counted. Any thread.
class lease_clock {
public:
  /// @param now For tests; unset: CLOCK_BOOTTIME.
  explicit lease_clock(std::function<boot_instant()> now);

  [[nodiscard]] boot_instant now() const {
    return now_();
  }

  /// One that was over is a new one: whatever counts from heartbeats before, is
  /// over for good (docs/protocols/chunks.md, "Chunk leases").
  void set_node_lease(boot_instant until);
  /// A chunk lease that began before that is over.
  [[nodiscard]] boot_instant unbroken_since() const {
    return boot_instant{boot_clock::duration{unbroken_since_.load()}};
  }
  [[nodiscard]] bool serving(boot_instant at) const {
    return at.time_since_epoch().count() < node_until_.load();
  }
  [[nodiscard]] bool serving() const {
    return serving(now());
  }

  void note_heartbeat(std::uint64_t sequence, boot_instant sent);

  /// What was noted so far means nothing any more.
  void forget_heartbeats();

  /// Until when the lease of a grant runs, for its primary; of heartbeats in
  /// quick succession all count from the first.
  /// @returns `ec::lease_expired`: its heartbeat is not remembered.
  [[nodiscard]] result<boot_instant> end_of(const msg::chunk_grant& x) const;

private:
  std::function<boot_instant()> now_;
  std::atomic<std::int64_t> node_until_{0};
  std::atomic<std::int64_t> unbroken_since_{0};
  mutable std::mutex mutex_;
  std::map<std::uint64_t, boot_instant> heartbeats_;
  std::uint64_t newest_ = 0;
};

} // namespace dfs::chunkserver
