#include "wire/source_limiter.hpp"

#include <algorithm>

namespace dfs::wire {

namespace {

constexpr auto cost
  = std::chrono::duration_cast<instant::duration>(std::chrono::seconds{1})
    / source_limiter::rate_per_second;

/// The finaliser of MurmurHash3: every bit of the input moves half the output.
std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ULL;
  return x ^ (x >> 33);
}

std::uint64_t keyed_hash(std::uint64_t key, const endpoint& source) {
  auto x = mix(key ^ source.port);
  for (std::size_t half = 0; half < 2; ++half) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < 8; ++i)
      word = (word << 8) | source.ip.bytes[8 * half + i];
    x = mix(x ^ word);
  }
  return x;
}

} // namespace

// A token bucket as one number: each admission moves the instant at which the
// bucket is full again by the time that one token takes to drip in.
bool source_limiter::admit(const endpoint& source, instant now) {
  auto& bucket = slots_[keyed_hash(key_, source) % slot_count];
  const auto full_at = std::max(bucket.full_at, now) + cost;
  if (full_at - now > cost * burst)
    return false;
  bucket.full_at = full_at;
  return true;
}

} // namespace dfs::wire
