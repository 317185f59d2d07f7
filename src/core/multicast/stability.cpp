#include "core/multicast/stability.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <functional>

namespace dfs::core {

void stability::begin(primary_rule rule, std::size_t members, std::uint64_t cut,
                      std::uint64_t final) {
  DFS_ASSERT(final <= cut);
  rule_ = rule;
  told_.assign(members, final); // T3
  cut_ = cut;
  safe_ = stable_ = final;
}

bool stability::received(std::size_t member, std::uint64_t k) {
  if (k <= told_[member])
    return false; // T1: reordered.
  told_[member] = k;
  auto sorted = told_;
  std::sort(sorted.begin(), sorted.end(), std::greater<>{});
  stable_ = sorted.back();
  // The mark that more than half have reached.
  safe_ = rule_ == primary_rule::majority ? sorted[sorted.size() / 2] // T2
                                          : stable_;
  return true;
}

std::vector<std::uint64_t> stability::acknowledged() const {
  auto all = told_;
  for (auto& x : all)
    x = std::max(x, cut_);
  return all;
}

void stability::check() const {
  DFS_ASSERT(stable_ <= safe_);
  if (rule_ != primary_rule::majority)
    DFS_ASSERT(stable_ == safe_);
}

} // namespace dfs::core
