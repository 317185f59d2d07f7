#pragma once

#include <chrono>

// The one formula of every lease (docs/protocols/chunks.md, "Node leases").
// Who grants waits longer than who holds may believe, whatever the rates of
// their clocks: no clock is compared with another one, only durations are.
//
//   granter   answers, and from that moment on waits `lease_wait`
//   holder    counts from when it *sent* what the answer echoes, which was
//             earlier, and stops after `lease_use`
//
// Both on a steady clock that goes on while the machine is suspended.

namespace dfs::core {

/// How wrong the rate of a clock may be, either way.
inline constexpr int clock_rate_error_percent = 5;

/// For what lies between a check of the lease and the act that it allows.
inline constexpr std::chrono::milliseconds lease_margin{100};

/// Of a chunkserver at the master; a heartbeat each `heartbeat_interval`.
inline constexpr std::chrono::milliseconds node_lease{3'000};
inline constexpr std::chrono::milliseconds heartbeat_interval{500};

/// Of a primary; needs the node lease besides.
inline constexpr std::chrono::milliseconds chunk_lease{60'000};

/// A loop that is late by this much judges nobody before it has heard them.
inline constexpr std::chrono::milliseconds stall_limit{500};

/// How long the granter of `lease` goes on waiting, from when it answered.
[[nodiscard]] constexpr std::chrono::nanoseconds
lease_wait(std::chrono::milliseconds lease) {
  return lease;
}

/// How long the holder may use it, from when it sent what was answered. The
/// granter's clock may run fast and the holder's slow: both are allowed for
/// here, so that the granter need not know. Zero when the lease is too short.
[[nodiscard]] constexpr std::chrono::nanoseconds
lease_use(std::chrono::milliseconds lease) {
  const std::chrono::nanoseconds whole{lease};
  const auto used = whole / (100 + clock_rate_error_percent)
                      * (100 - clock_rate_error_percent)
                    - lease_margin;
  return used > std::chrono::nanoseconds{0} ? used
                                            : std::chrono::nanoseconds{0};
}

static_assert(lease_use(node_lease) > 5 * heartbeat_interval,
              "a few lost heartbeats must not end a lease");

} // namespace dfs::core
