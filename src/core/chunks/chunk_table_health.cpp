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

} // namespace dfs::core
