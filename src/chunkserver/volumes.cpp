#include "chunkserver/volumes.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace dfs::chunkserver {

volumes::volumes(std::vector<storage::chunk_store*> stores)
  : stores_{std::move(stores)} {
  DFS_ASSERT(!stores_.empty());
}

storage::chunk_store* volumes::find(chunk_id chunk) const {
  storage::chunk_store* best = nullptr;
  auto newest = std::pair<chunk_version, mutation_serial>{};
  for (auto* store : stores_) {
    const auto state
      = store->failed() ? fail(ec::io_error) : store->state(chunk);
    if (!state)
      continue;
    const auto has = std::pair{state->version, state->serial};
    if (best == nullptr || newest < has) {
      best = store;
      newest = has;
    }
  }
  return best;
}

storage::chunk_store* volumes::find_failed(chunk_id chunk) const {
  for (auto* store : stores_)
    if (store->failed() && store->state(chunk))
      return store;
  return nullptr;
}

bool volumes::has_quarantined(chunk_id chunk) const {
  return std::any_of(stores_.begin(), stores_.end(), [&](const auto* store) {
    const auto bad = store->quarantined();
    return std::find(bad.begin(), bad.end(), chunk) != bad.end();
  });
}

result<storage::chunk_store*> volumes::with_room() const {
  if (stores_.size() == 1)
    return stores_.front(); // It says by itself when it is full.
  storage::chunk_store* best = nullptr;
  std::uint64_t room = 0;
  auto failed = true;
  for (auto* store : stores_) {
    if (store->failed())
      continue;
    const auto usage = store->usage();
    failed = failed && usage.failed;
    if (usage.failed || usage.full || usage.available <= room)
      continue;
    best = store;
    room = usage.available;
  }
  if (best != nullptr)
    return best;
  return failed ? fail(ec::io_error, "all volumes have failed")
                : fail(ec::full, "all volumes are full");
}

std::size_t drop_doubles(const std::vector<storage::chunk_store*>& stores) {
  struct replica {
    storage::chunk_store* store;
    chunk_version version;
    mutation_serial serial;
  };
  std::unordered_map<chunk_id, replica> newest;
  std::size_t gone = 0;
  for (auto* store : stores)
    for (const auto& x : store->list()) {
      const replica found{store, x.version, x.serial};
      const auto [known, first] = newest.emplace(x.chunk, found);
      if (first)
        continue;
      auto older = found;
      if (std::tie(known->second.version, known->second.serial)
          < std::tie(x.version, x.serial))
        older = std::exchange(known->second, found);
      gone += older.store->remove(x.chunk) ? 1 : 0;
    }
  return gone;
}

msg::chunk_extent extent_of(const storage::chunk_state& x) {
  return {.version = x.version,
          .serial = x.serial,
          .length = x.length,
          .padded_from = x.data_length()};
}

msg::chunk_state state_of(const storage::chunk_state& x) {
  return {.chunk = x.chunk, .extent = extent_of(x)};
}

storage::chunk_state state_of(const msg::chunk_state& x) {
  storage::chunk_state state{.chunk = x.chunk,
                             .version = x.extent.version,
                             .serial = x.extent.serial,
                             .length = x.extent.length,
                             .padded_from = {}};
  if (x.extent.padded_from < x.extent.length)
    state.padded_from = x.extent.padded_from;
  return state;
}

} // namespace dfs::chunkserver
