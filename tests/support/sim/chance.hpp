#pragma once

#include "base/rng.hpp"

#include <chrono>
#include <cstdint>

namespace dfs::sim {

/// Parts per million: a probability that is the same on every platform.
using ppm = std::uint32_t;

[[nodiscard]] constexpr ppm percent(std::uint32_t x) {
  return x * 10'000;
}

/// Draws no number for the certain answers, so that a fault that is switched
/// off does not change the rest of a run.
[[nodiscard]] inline bool happens(rng& random, ppm probability) {
  return probability > 0 && random.below(1'000'000) < probability;
}

/// Uniform in [0, bound).
[[nodiscard]] inline std::chrono::nanoseconds
up_to(rng& random, std::chrono::nanoseconds bound) {
  if (bound.count() <= 0)
    return {};
  return std::chrono::nanoseconds{static_cast<std::int64_t>(
    random.below(static_cast<std::uint64_t>(bound.count())))};
}

} // namespace dfs::sim
