#include "chunkserver/led_table.hpp"

namespace dfs::chunkserver {

namespace {

/// Over and not yet known to the master: some 150 bytes each. Without their
/// word it asks the replicas.
constexpr std::size_t leases_max = 200'000;

} // namespace

void led_table::begin(chunk_id chunk, lease_epoch epoch) {
  if (leases_.size() >= leases_max) {
    for (auto next = leases_.begin(); next != leases_.end(); ++next) {
      if (!next->second.over)
        continue;
      chunks_.erase(next->first.second);
      leases_.erase(next);
      break;
    }
  }
  const auto [place, fresh] = leases_.try_emplace({chunk, epoch});
  if (fresh || place->second.over)
    ++running_;
  place->second = {.chunk = chunk, .epoch = epoch, .committed = {}};
  chunks_.insert_or_assign(epoch, chunk);
}

void led_table::end(chunk_id chunk, lease_epoch epoch,
                    const msg::chunk_extent& committed, bool settled) {
  const auto found = leases_.find({chunk, epoch});
  if (found == leases_.end() || found->second.over)
    return;
  --running_;
  found->second.committed = committed;
  found->second.over = true;
  found->second.settled = settled;
}

chunk_id led_table::forget(lease_epoch epoch) {
  const auto chunk = running(epoch);
  if (const auto found = chunks_.find(epoch); found != chunks_.end()) {
    if (chunk != chunk_id{})
      --running_;
    leases_.erase({found->second, epoch});
    chunks_.erase(found);
  }
  return chunk;
}

chunk_id led_table::running(lease_epoch epoch) const {
  const auto found = chunks_.find(epoch);
  if (found == chunks_.end())
    return {};
  const auto lease = leases_.find({found->second, epoch});
  return lease != leases_.end() && !lease->second.over ? found->second
                                                       : chunk_id{};
}

} // namespace dfs::chunkserver
