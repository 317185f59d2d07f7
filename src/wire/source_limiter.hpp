#pragma once

#include "base/endpoint.hpp"
#include "base/time.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace dfs::wire {

/// Bounds what strangers may cost, per source address and port, in constant
/// memory. Sources share slots by a keyed hash: who shares one with a flood is
/// limited with it, and nobody outside can choose with whom to share.
class source_limiter {
public:
  static constexpr std::uint32_t rate_per_second = 256;
  static constexpr std::uint32_t burst = 512;
  static constexpr std::size_t slot_count = 1'024;

  /// @param key Random, unknown to others.
  explicit source_limiter(std::uint64_t key) : key_{key} {
    // nop
  }

  /// Whether this source may cost something at `now`; counts it if so.
  [[nodiscard]] bool admit(const endpoint& source, instant now);

private:
  struct slot {
    instant full_at{}; ///< When the bucket is full again; see `admit`.
  };

  std::uint64_t key_;
  std::array<slot, slot_count> slots_{};
};

} // namespace dfs::wire
