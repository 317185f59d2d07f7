#include "chunkserver/replica_table.hpp"

#include "base/assert.hpp"
#include "core/chunks/bad_replica.hpp"

#include <algorithm>
#include <utility>

namespace dfs::chunkserver {

namespace {

/// Of a generation, some 50 bytes each. Who is forgotten answers `not_primary`
/// until somebody who knows tells it again.
constexpr std::size_t marks_max = 200'000;

} // namespace

std::shared_ptr<replica> replica_table::find(chunk_id chunk, boot_instant now) {
  const auto found = used_.find(chunk);
  if (found != used_.end()) {
    found->second->used = now;
    return found->second;
  }
  if (leaving(chunk))
    return nullptr;
  // Where it is on a failed volume alone, it is not made anew, empty.
  auto* store = volumes_.find(chunk);
  if (store == nullptr)
    store = volumes_.find_failed(chunk);
  if (store == nullptr)
    return nullptr;
  const auto state = store->state(chunk);
  if (!state)
    return nullptr;
  auto fresh = std::make_shared<replica>(
    chunk, *store,
    core::replica_order{extent_of(*state), chunk_size_, recall(chunk)});
  fresh->used = now;
  used_.emplace(chunk, fresh);
  return fresh;
}

std::shared_ptr<replica> replica_table::peek(chunk_id chunk) const {
  const auto found = used_.find(chunk);
  return found == used_.end() ? nullptr : found->second;
}

result<std::shared_ptr<replica>>
replica_table::create(chunk_id chunk, chunk_version version, boot_instant now) {
  if (leaving(chunk))
    return fail(ec::busy, "the chunk is being deleted here");
  if (auto may = core::may_make_anew(volumes_.has_quarantined(chunk)); !may)
    return may.error();
  auto store = volumes_.with_room();
  if (!store)
    return store.error();
  if (auto made = (*store)->create(chunk, version); !made)
    return made.error();
  auto fresh = std::make_shared<replica>(
    chunk, **store, core::replica_order{{.version = version}, chunk_size_});
  fresh->used = now;
  used_.insert_or_assign(chunk, fresh);
  return fresh;
}

void replica_table::forget(chunk_id chunk) {
  used_.erase(chunk);
  young_.erase(chunk);
  old_.erase(chunk);
}

void replica_table::begin_removal(chunk_id chunk) {
  forget(chunk);
  ++leaving_[chunk];
}

void replica_table::end_removal(chunk_id chunk) {
  const auto found = leaving_.find(chunk);
  DFS_ASSERT(found != leaving_.end());
  if (--found->second == 0)
    leaving_.erase(found);
}

bool replica_table::at_rest(const replica& x) {
  return x.order.owed() == 0 && x.due.empty() && x.reads.empty()
         && x.stalled.empty() && !x.catching_up && x.releasing.empty()
         && !x.announcing;
}

void replica_table::remember(const replica& x) {
  if (x.order.committed() == mutation_serial{})
    return;
  if (young_.size() >= marks_max)
    old_ = std::exchange(young_, {});
  young_.insert_or_assign(x.chunk, x.order.committed());
}

mutation_serial replica_table::recall(chunk_id chunk) {
  for (auto* marks : {&young_, &old_})
    if (const auto found = marks->find(chunk); found != marks->end())
      return found->second;
  return {};
}

} // namespace dfs::chunkserver
