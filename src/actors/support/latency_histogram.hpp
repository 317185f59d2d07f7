#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace dfs::actors {

/// Durations in log-scaled buckets: four per doubling, so that a quantile is
/// at most 25 % too high. One thread adds, any thread reads; nobody waits. A
/// reader may miss the newest additions, never more.
class latency_histogram {
public:
  using duration = std::chrono::nanoseconds;

  /// 256 ns * 2^30 is 275 s; what takes longer is in the last bucket.
  static constexpr std::size_t bucket_count = 30 * 4;

  struct reading {
    std::array<std::uint64_t, bucket_count> counts{};
    std::uint64_t total = 0;
    duration sum{0};
    duration max{0};

    /// @param share From 0 to 1.
    /// @returns The upper bound of the bucket it falls in, or `max` if that
    /// is less; 0 if empty.
    [[nodiscard]] duration quantile(double share) const {
      const auto rank
        = static_cast<std::uint64_t>(share * static_cast<double>(total));
      std::uint64_t seen = 0;
      for (std::size_t i = 0; i < counts.size(); ++i) {
        seen += counts[i];
        if (seen > 0 && seen >= rank)
          return std::min(upper_bound(i), max);
      }
      return max;
    }
  };

  /// The largest duration that bucket `i` counts.
  static constexpr duration upper_bound(std::size_t i) {
    // Bucket 4k + s ends at (1 + (s + 1) / 4) * 2^k units of 256 ns.
    const auto octave = i / 4;
    const auto step = i % 4 + 1;
    return duration{static_cast<std::int64_t>((unit << octave)
                                              + step * (unit << octave) / 4)};
  }

  static constexpr std::size_t bucket_of(duration x) {
    if (x.count() <= static_cast<std::int64_t>(unit))
      return 0;
    const auto ns = static_cast<std::uint64_t>(x.count()) - 1;
    const auto octave = static_cast<std::size_t>(std::bit_width(ns / unit)) - 1;
    const auto step = (ns - (unit << octave)) * 4 / (unit << octave);
    return std::min(octave * 4 + static_cast<std::size_t>(step),
                    bucket_count - 1);
  }

  void add(duration x) {
    // One writer: a plain load and store each, no locked instruction.
    bump(counts_[bucket_of(x)], 1);
    bump(sum_, static_cast<std::uint64_t>(x.count()));
    if (x.count() > max_.load(std::memory_order_relaxed))
      max_.store(x.count(), std::memory_order_relaxed);
  }

  [[nodiscard]] reading read() const {
    reading x;
    for (std::size_t i = 0; i < bucket_count; ++i)
      x.total += x.counts[i] = counts_[i].load(std::memory_order_relaxed);
    x.sum = duration{
      static_cast<std::int64_t>(sum_.load(std::memory_order_relaxed))};
    x.max = duration{max_.load(std::memory_order_relaxed)};
    return x;
  }

private:
  static constexpr std::uint64_t unit
    = 256; ///< ns; a handler rarely takes less.

  static void bump(std::atomic<std::uint64_t>& x, std::uint64_t by) {
    x.store(x.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }

  std::array<std::atomic<std::uint64_t>, bucket_count> counts_{};
  std::atomic<std::uint64_t> sum_{0};
  std::atomic<std::int64_t> max_{0};
};

} // namespace dfs::actors
