#include "core/multicast/stability.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <functional>

namespace dfs::core {

void stability::begin(primary_rule rule, std::size_t members,
                      std::uint64_t cut) {
  rule_ = rule;
  marks_.assign(members, cut);
  safe_ = stable_ = cut;
}

bool stability::received(std::size_t member, std::uint64_t k) {
  if (k <= marks_[member])
    return false; // T1: reordered.
  marks_[member] = k;
  auto sorted = marks_;
  std::sort(sorted.begin(), sorted.end(), std::greater<>{});
  stable_ = sorted.back();
  // The mark that more than half have reached.
  safe_ = rule_ == primary_rule::majority ? sorted[sorted.size() / 2] // T2
                                          : stable_;
  return true;
}

void stability::check() const {
  DFS_ASSERT(stable_ <= safe_);
  if (rule_ != primary_rule::majority)
    DFS_ASSERT(stable_ == safe_);
}

} // namespace dfs::core
