#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>

namespace dfs::core {

/// How many of this node's latest round trips lost a packet. Counts pings of
/// targets that proved alive only: a dead one says nothing about the network.
class loss_meter {
public:
  /// 16 s of four targets. At 10 % loss each way 19 % +- 3.5 % of round trips
  /// fail: far enough from the limit of 28 % (15 % each way).
  static constexpr std::size_t samples_max = 128;
  /// Fewer say little: of 16 at 10 % loss a fifth would pass the limit.
  static constexpr std::size_t samples_min = 64;

  void note(bool lost) {
    losses_[next_] = lost;
    next_ = (next_ + 1) % samples_max;
    if (samples_ < samples_max)
      ++samples_;
  }

  [[nodiscard]] bool above(unsigned percent) const {
    return samples_ >= samples_min
           && losses_.count() * 100 > samples_ * percent;
  }

  /// 0 while there is nothing to go by.
  [[nodiscard]] std::uint32_t permille() const {
    if (samples_ < samples_min)
      return 0;
    return static_cast<std::uint32_t>(losses_.count() * 1'000 / samples_);
  }

private:
  std::bitset<samples_max> losses_;
  std::size_t next_ = 0;
  std::size_t samples_ = 0;
};

} // namespace dfs::core
