#include "support/sim/figures.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <cmath>

namespace dfs::sim {

void figure::add(double value, std::uint64_t seed) {
  samples_.push_back({value, seed});
  sorted_ = false;
}

double figure::percentile(double share) const {
  DFS_ASSERT(!samples_.empty());
  if (!sorted_)
    std::stable_sort(samples_.begin(), samples_.end(),
                     [](auto& a, auto& b) { return a.value < b.value; });
  sorted_ = true;
  const auto rank = std::ceil(share * static_cast<double>(samples_.size()));
  return samples_[static_cast<std::size_t>(std::max(rank, 1.0)) - 1].value;
}

std::uint64_t figure::worst_seed() const {
  return (static_cast<void>(max()), samples_.back().seed);
}

bool figure::holds() const {
  if (samples_.empty())
    return true;
  return (!limits_.p99 || percentile(0.99) <= *limits_.p99)
         && (!limits_.max || max() <= *limits_.max);
}

} // namespace dfs::sim
