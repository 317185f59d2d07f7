#include "core/failure/member_ring.hpp"

#include "base/assert.hpp"

#include <algorithm>

namespace dfs::core {

void member_ring::insert(const msg::member_id& id) {
  const slot x{msg::stable_hash(id), id};
  auto it = std::lower_bound(slots_.begin(), slots_.end(), x);
  if (it == slots_.end() || *it != x)
    slots_.insert(it, x);
}

void member_ring::erase(const msg::member_id& id) {
  const slot x{msg::stable_hash(id), id};
  auto it = std::lower_bound(slots_.begin(), slots_.end(), x);
  if (it != slots_.end() && *it == x)
    slots_.erase(it);
}

std::size_t member_ring::lower_bound(std::uint64_t hash) const {
  auto it = std::lower_bound(
    slots_.begin(), slots_.end(), hash,
    [](const slot& x, std::uint64_t value) { return x.hash < value; });
  return static_cast<std::size_t>(it - slots_.begin());
}

const msg::member_id&
member_ring::after(const msg::member_id& id, std::size_t steps) const {
  DFS_ASSERT(!slots_.empty() && steps > 0);
  const slot x{msg::stable_hash(id), id};
  auto it = std::upper_bound(slots_.begin(), slots_.end(), x);
  const auto next = static_cast<std::size_t>(it - slots_.begin());
  return slots_[(next + steps - 1) % slots_.size()].id;
}

std::vector<msg::member_id>
member_ring::predecessors(const msg::member_id& id, std::size_t count) const {
  std::vector<msg::member_id> found;
  const slot x{msg::stable_hash(id), id};
  auto it = std::lower_bound(slots_.begin(), slots_.end(), x);
  auto position = static_cast<std::size_t>(it - slots_.begin());
  for (std::size_t i = 0; i < slots_.size() && found.size() < count; ++i) {
    position = (position + slots_.size() - 1) % slots_.size();
    if (slots_[position].id != id)
      found.push_back(slots_[position].id);
  }
  return found;
}

std::vector<msg::member_id>
member_ring::sample(rng& random, std::size_t count, const msg::member_id& self,
                    const msg::member_id& other) const {
  std::vector<msg::member_id> found;
  const auto wanted
    = [&](const msg::member_id& id) { return id != self && id != other; };
  // A few more than are wanted: choose by position. Otherwise draw, which ends
  // soon because most draws hit somebody new.
  if (slots_.size() <= 4 * (count + 2)) {
    for (const auto& x : slots_)
      if (wanted(x.id))
        found.push_back(x.id);
    for (std::size_t i = 0; i < found.size() && i < count; ++i)
      std::swap(found[i], found[i + random.below(found.size() - i)]);
    found.resize(std::min(found.size(), count));
    return found;
  }
  while (found.size() < count) {
    const auto& id = any(random);
    if (wanted(id) && std::find(found.begin(), found.end(), id) == found.end())
      found.push_back(id);
  }
  return found;
}

void member_ring::check() const {
  DFS_ASSERT(std::is_sorted(slots_.begin(), slots_.end()));
  DFS_ASSERT(std::adjacent_find(slots_.begin(), slots_.end()) == slots_.end());
}

} // namespace dfs::core
