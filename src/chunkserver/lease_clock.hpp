#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "messages/chunk.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>

namespace dfs::chunkserver {

/// Until when this server may serve: its node lease, and when its heartbeats
/// were sent, from which leases are counted. Any thread.
///
///  C1  Whoever asks is told of the clocks as they are now: nothing that an
///      actor or a timer notices later is waited for.
///  C2  When the wall clock has gone away from CLOCK_BOOTTIME, as after a sleep
///      of the machine that stopped both, there is no lease until the keeper
///      brings a new one (`core::holder_config::jump_max`).
class lease_clock {
public:
  struct clocks {
    std::function<boot_instant()> boot;             ///< CLOCK_BOOTTIME.
    std::function<std::chrono::nanoseconds()> wall; ///< Unix time.
  };

  /// @param now For tests; those unset: the machine's.
  explicit lease_clock(clocks now);

  [[nodiscard]] boot_instant now() const {
    return now_.boot();
  }

  /// One that was over is a new one: whatever counts from heartbeats before, is
  /// over for good (docs/protocols/chunks.md, "Chunk leases").
  void set_node_lease(boot_instant until);
  /// A chunk lease that began before that is over.
  [[nodiscard]] boot_instant unbroken_since() const {
    return boot_instant{boot_clock::duration{unbroken_since_.load()}};
  }
  [[nodiscard]] bool serving(boot_instant at) const {
    return at.time_since_epoch().count() < node_until_.load() && !parted();
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
  /// What both clocks said: `wall` was read between the two others.
  struct reading {
    std::int64_t first = 0;
    std::int64_t wall = 0;
    std::int64_t last = 0;
  };
  [[nodiscard]] reading read() const;
  [[nodiscard]] reading read_closely() const;
  [[nodiscard]] bool parted(const reading& x) const;
  [[nodiscard]] bool parted() const {
    return parted(read());
  }

  clocks now_;
  std::atomic<std::int64_t> node_until_{0};
  /// How far the wall clock was ahead, and when that was seen; 0: never.
  std::atomic<std::int64_t> ahead_{0};
  std::atomic<std::int64_t> compared_{0};
  std::atomic<std::int64_t> unbroken_since_{0};
  mutable std::mutex mutex_;
  std::map<std::uint64_t, boot_instant> heartbeats_;
  std::uint64_t newest_ = 0;
};

} // namespace dfs::chunkserver
