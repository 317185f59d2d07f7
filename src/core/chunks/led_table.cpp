#include "core/chunks/led_table.hpp"

#include "base/assert.hpp"

namespace dfs::core {

namespace {

/// Over and not yet known to the master: some 250 bytes each. Without their
/// word it asks the replicas.
constexpr std::size_t leases_max = 200'000;

} // namespace

void led_table::begin(chunk_id chunk, lease_epoch epoch) {
  make_room();
  const key lease{chunk, epoch};
  const auto [place, fresh] = leases_.try_emplace(lease);
  auto& x = place->second;
  if (fresh || x.what.over)
    ++running_;
  x.what = {.chunk = chunk, .epoch = epoch, .committed = {}};
  chunks_.insert_or_assign(epoch, chunk);
  happens(lease, x);
}

void led_table::used(lease_epoch epoch) {
  const auto chunk = running(epoch);
  if (chunk == chunk_id{})
    return;
  const key lease{chunk, epoch};
  happens(lease, leases_.at(lease));
}

void led_table::end(chunk_id chunk, lease_epoch epoch,
                    const msg::chunk_extent& committed, bool settled) {
  const key lease{chunk, epoch};
  const auto found = leases_.find(lease);
  if (found == leases_.end() || found->second.what.over)
    return;
  --running_;
  auto& x = found->second;
  x.what.committed = committed;
  x.what.over = true;
  x.what.settled = settled;
  over_.push_back(lease);
  happens(lease, x);
}

chunk_id led_table::forget(lease_epoch epoch) {
  const auto chunk = running(epoch);
  if (chunk != chunk_id{})
    --running_;
  if (const auto found = chunks_.find(epoch); found != chunks_.end())
    drop({found->second, epoch});
  return chunk;
}

chunk_id led_table::running(lease_epoch epoch) const {
  const auto found = chunks_.find(epoch);
  if (found == chunks_.end())
    return {};
  const auto lease = leases_.find({found->second, epoch});
  return lease != leases_.end() && !lease->second.what.over ? found->second
                                                            : chunk_id{};
}

void led_table::happens(const key& lease, entry& x) {
  order_.erase(x.at);
  x.at = ++newest_;
  order_.emplace(x.at, lease);
}

void led_table::drop(const key& lease) {
  const auto found = leases_.find(lease);
  order_.erase(found->second.at);
  leases_.erase(found);
  chunks_.erase(lease.second);
}

void led_table::make_room() {
  // Those that were forgotten long ago do not pile up here either.
  while (
    !over_.empty()
    && (leases_.size() >= leases_max || !leases_.contains(over_.front()))) {
    const auto oldest = over_.front();
    over_.pop_front();
    const auto found = leases_.find(oldest);
    if (found != leases_.end() && found->second.what.over)
      drop(oldest);
  }
}

void led_table::check() const {
  DFS_ASSERT(order_.size() == leases_.size());
  DFS_ASSERT(chunks_.size() == leases_.size());
  std::size_t running = 0;
  for (const auto& [lease, x] : leases_) {
    running += x.what.over ? 0 : 1;
    DFS_ASSERT(order_.at(x.at) == lease && x.at <= newest_); // E1
    DFS_ASSERT(chunks_.at(lease.second) == lease.first);
  }
  DFS_ASSERT(running == running_);
}

} // namespace dfs::core
