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

std::vector<store_id> stores_of(const std::vector<placement_candidate>& from) {
  std::vector<store_id> all;
  for (const auto& x : from)
    all.push_back(x.store);
  return all;
}

/// Who has no zone is in one of its own.
std::size_t zones_of(const std::vector<placement_candidate>& from) {
  std::set<std::string> zones;
  std::size_t own = 0;
  for (const auto& x : from)
    if (x.zone.empty())
      ++own;
    else
      zones.insert(x.zone);
  return own + zones.size();
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

std::vector<store_id>
step_towards(const std::vector<placement_candidate>& best,
             const std::vector<placement_candidate>& present,
             std::size_t copies) {
  const auto is_in = [](const std::vector<placement_candidate>& all,
                        const placement_candidate& x) {
    return std::any_of(all.begin(), all.end(),
                       [&](const auto& y) { return y.store == x.store; });
  };
  auto stay = present;
  std::stable_partition(stay.begin(), stay.end(),
                        [&](const auto& x) { return is_in(best, x); });
  if (stay.size() > copies)
    stay.resize(copies);
  std::vector<placement_candidate> come;
  for (const auto& x : best)
    if (!is_in(stay, x))
      come.push_back(x);
  if (stay.size() < copies || present.size() > copies) {
    const auto room = copies - stay.size();
    stay.insert(stay.end(), come.begin(),
                come.begin()
                  + static_cast<std::ptrdiff_t>(std::min(room, come.size())));
    return stores_of(stay);
  }
  // One for another; of all pairs that which leaves the most zones.
  auto next = stay;
  std::size_t most = 0;
  for (auto gone = stay.size(); gone-- > 0;) {
    if (is_in(best, stay[gone]))
      break;
    for (const auto& x : come) {
      auto maybe = stay;
      maybe[gone] = x;
      const auto zones = zones_of(maybe);
      if (zones > most) {
        most = zones;
        next = std::move(maybe);
      }
    }
  }
  return stores_of(next);
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
