#include "core/filetree/child_set.hpp"

#include "base/assert.hpp"
#include "core/filetree/inode_table.hpp"

#include <algorithm>

namespace dfs::core {

/// The first entry for which `before` is not true.
template <class Before>
child_set::position child_set::partition(Before before) const {
  const auto found
    = std::partition_point(leaves_.begin(), leaves_.end(),
                           [&](const leaf& x) { return before(x.back()); });
  if (found == leaves_.end())
    return {leaves_.size(), 0};
  const auto entry = std::partition_point(found->begin(), found->end(), before);
  return {static_cast<std::size_t>(found - leaves_.begin()),
          static_cast<std::size_t>(entry - found->begin())};
}

child_set::position
child_set::lower_bound(std::string_view name, const inode_table& nodes) const {
  return partition([&](node_index x) { return nodes.name(x) < name; });
}

child_set::position
child_set::upper_bound(std::string_view name, const inode_table& nodes) const {
  return partition([&](node_index x) { return nodes.name(x) <= name; });
}

void child_set::append(node_index x) {
  ++size_;
  if (leaves_.empty() || leaves_.back().size() == leaf_max)
    leaves_.emplace_back();
  leaves_.back().push_back(x);
}

void child_set::insert(node_index x, const inode_table& nodes) {
  const auto name = nodes.name(x);
  // Names that rise, the usual case, leave full leaves behind.
  if (size_ == 0 || nodes.name(last()) < name)
    return append(x);
  auto where = lower_bound(name, nodes);
  if (leaves_[where.leaf].size() == leaf_max) {
    split(where.leaf);
    where = lower_bound(name, nodes);
  }
  auto& into = leaves_[where.leaf];
  into.insert(into.begin() + static_cast<std::ptrdiff_t>(where.at), x);
  ++size_;
}

void child_set::erase(node_index x, const inode_table& nodes) {
  const auto where = lower_bound(nodes.name(x), nodes);
  DFS_ASSERT(get(where) == x);
  auto& from = leaves_[where.leaf];
  from.erase(from.begin() + static_cast<std::ptrdiff_t>(where.at));
  --size_;
  merge(where.leaf);
}

void child_set::split(std::size_t at) {
  auto& full = leaves_[at];
  const auto middle = full.begin() + static_cast<std::ptrdiff_t>(leaf_max / 2);
  leaf upper(middle, full.end());
  full.erase(middle, full.end());
  leaves_.insert(leaves_.begin() + static_cast<std::ptrdiff_t>(at) + 1,
                 std::move(upper));
}

/// Keeps leaves from staying nearly empty after many entries have gone.
void child_set::merge(std::size_t at) {
  const auto remove = [this](std::size_t which) {
    leaves_.erase(leaves_.begin() + static_cast<std::ptrdiff_t>(which));
  };
  if (leaves_[at].empty())
    return remove(at);
  if (leaves_[at].size() > leaf_max / 8)
    return;
  leaves_[at].shrink_to_fit();
  if (at + 1 == leaves_.size()
      || leaves_[at].size() + leaves_[at + 1].size() > leaf_max / 2)
    return;
  auto& upper = leaves_[at + 1];
  leaves_[at].insert(leaves_[at].end(), upper.begin(), upper.end());
  remove(at + 1);
}

} // namespace dfs::core
