#include "base/assert.hpp"
#include "core/chunks/chunk_table.hpp"

#include <algorithm>

namespace dfs::core {

// -- health -------------------------------------------------------------------

void chunk_table::judge(chunk_id, chunk_entry& entry, chunk_class what) {
  if (entry.file == inode_id{})
    return;
  --counts_[static_cast<std::size_t>(entry.health())];
  ++counts_[static_cast<std::size_t>(what)];
  constexpr auto low = (1u << chunk_entry::class_shift) - 1;
  entry.bits = static_cast<std::uint8_t>(
    (entry.bits & low)
    | (static_cast<unsigned>(what) << chunk_entry::class_shift));
}

void chunk_table::check() const {
  std::array<std::uint64_t, chunk_classes> counts{};
  chunks_.each_from(chunk_id{}, [&](chunk_id id, const chunk_entry& entry) {
    if (entry.file != inode_id{})
      ++counts[static_cast<std::size_t>(entry.health())];
    DFS_ASSERT(entry.has(chunk_entry::more) == more_.contains(id));
    const auto xs = holders(id);
    if (const auto odd = odd_.find(id); odd != odd_.end())
      for (const auto& x : odd->second) // T2
        DFS_ASSERT(std::find(xs.begin(), xs.end(), x.server) == xs.end());
    return true;
  });
  DFS_ASSERT(counts == counts_); // T3
  for (const auto& [id, open] : intents_) {
    const auto* entry = find(id);
    DFS_ASSERT(entry != nullptr && entry->version < open.version.value());
  }
  for (const auto& [id, xs] : odd_)
    DFS_ASSERT(!xs.empty() && find(id) != nullptr);
  for (const auto& [id, xs] : awaited_) { // T4
    const auto* entry = find(id);
    DFS_ASSERT(entry != nullptr && entry->has(chunk_entry::fresh));
    for (const auto x : xs)
      DFS_ASSERT(holds(x, id));
  }
}

std::vector<server_index> chunk_table::behind(chunk_id id) const {
  std::vector<server_index> xs;
  if (const auto it = odd_.find(id); it != odd_.end())
    for (const auto& x : it->second)
      if (x.fault == replica_fault::behind || lacks_nothing(id, x))
        xs.push_back(x.server);
  return xs;
}

bool chunk_table::lacks_nothing(chunk_id id, const odd_replica& x) const {
  const auto since = unchanged_since_.find(id);
  return since != unchanged_since_.end() && x.fault == replica_fault::stale
         && x.ordered == instant{} && x.version >= since->second
         && x.serial != mutation_serial{} && x.serial >= find(id)->serial
         && holders(id).empty();
}

std::vector<server_index> chunk_table::proven_holders(chunk_id id) const {
  auto xs = holders(id);
  if (const auto waiting = awaited_.find(id); waiting != awaited_.end())
    std::erase_if(xs, [&](server_index x) {
      return std::find(waiting->second.begin(), waiting->second.end(), x)
             != waiting->second.end();
    });
  return xs;
}

} // namespace dfs::core
