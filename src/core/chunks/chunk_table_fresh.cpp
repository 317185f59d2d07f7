#include "core/chunks/chunk_table.hpp"

#include <algorithm>

// Chunks in which nothing was changed yet: who may come to have them.

namespace dfs::core {

void chunk_table::begun(chunk_id id) {
  auto* entry = find(id);
  if (entry == nullptr)
    return;
  entry->set(chunk_entry::fresh, false);
  const auto waiting = awaited_.extract(id);
  if (waiting.empty())
    return;
  for (const auto x : waiting.mapped()) // T4
    if (drop_holder(id, *entry, x))
      possible_[id].push_back(x);
}

void chunk_table::await(chunk_id id, server_index server) {
  auto& xs = awaited_[id];
  if (std::find(xs.begin(), xs.end(), server) == xs.end())
    xs.push_back(server);
}

void chunk_table::came(chunk_id id, server_index server) {
  for (auto* those : {&awaited_, &possible_}) {
    const auto waiting = those->find(id);
    if (waiting == those->end())
      continue;
    std::erase(waiting->second, server);
    if (waiting->second.empty())
      those->erase(waiting);
  }
}

void chunk_table::expect(server_index server, chunk_id id) {
  auto* entry = find(id);
  if (entry != nullptr && entry->has(chunk_entry::fresh) && entry->version == 1
      && !holds(server, id, *entry)) {
    add_holder(id, *entry, server);
    await(id, server);
  }
  if (const auto open = intents_.find(id);
      open != intents_.end() && open->second.bound)
    open->second.may_hold_at.push_back(server);
}

std::vector<server_index> chunk_table::possible(chunk_id id) const {
  const auto it = possible_.find(id);
  return it == possible_.end() ? std::vector<server_index>{} : it->second;
}

} // namespace dfs::core
