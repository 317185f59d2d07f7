#include "core/versions/group_placement.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

namespace dfs::core {

namespace {

// SplitMix64: neighbouring inputs give unrelated outputs.
constexpr std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

} // namespace

std::uint64_t placement_right(group_id group, store_id store) {
  return mix(mix(group.value()) ^ store.value());
}

std::vector<store_id>
choose_group_servers(group_id group, std::vector<placement_candidate> open,
                     std::size_t count) {
  std::sort(open.begin(), open.end(), [&](const auto& a, const auto& b) {
    return std::pair{placement_right(group, a.store), a.store}
           > std::pair{placement_right(group, b.store), b.store};
  });
  std::vector<store_id> chosen;
  std::vector<store_id> passed_over;
  std::set<std::string> zones;
  std::set<store_id> seen;
  for (const auto& x : open) {
    if (!seen.insert(x.store).second)
      continue;
    const bool fresh = x.zone.empty() || zones.insert(x.zone).second;
    (fresh ? chosen : passed_over).push_back(x.store);
  }
  chosen.insert(chosen.end(), passed_over.begin(), passed_over.end());
  if (chosen.size() > count)
    chosen.resize(count);
  return chosen;
}

group_id group_of_file(inode_id file, quorum_class of, std::uint64_t groups) {
  DFS_ASSERT(groups > 0 && groups <= groups_max);
  return group_id{of * groups_max + mix(file.value()) % groups};
}

quorum_class class_of_group(group_id group) {
  const auto found = group.value() / groups_max;
  DFS_ASSERT(found <= std::numeric_limits<quorum_class>::max());
  return static_cast<quorum_class>(found);
}

} // namespace dfs::core
