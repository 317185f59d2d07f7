#include "core/chunks/chunk_leases.hpp"

#include "base/assert.hpp"

#include <algorithm>

namespace dfs::core {

primary_lease& chunk_leases::put(chunk_id chunk, primary_lease x) {
  DFS_ASSERT(!x.chain.empty());
  ends_.emplace(x.until, chunk);
  const auto [it, fresh] = leases_.try_emplace(chunk, std::move(x));
  DFS_ASSERT(fresh); // L1
  return it->second;
}

primary_lease& chunk_leases::grant(chunk_id chunk, chunk_version version,
                                   std::vector<server_index> chain,
                                   boot_id boot, instant until) {
  const auto epoch = std::exchange(next_, next_.next()); // L2
  return put(chunk,
             {epoch, version, until, std::move(chain), boot, true, false});
}

primary_lease& chunk_leases::take_over(chunk_id chunk, lease_epoch epoch,
                                       chunk_version version,
                                       std::vector<server_index> chain,
                                       boot_id boot, instant until) {
  DFS_ASSERT(epoch < next_);
  return put(chunk,
             {epoch, version, until, std::move(chain), boot, true, false});
}

primary_lease* chunk_leases::find(chunk_id chunk) {
  const auto it = leases_.find(chunk);
  return it == leases_.end() ? nullptr : &it->second;
}

const primary_lease* chunk_leases::find(chunk_id chunk) const {
  return const_cast<chunk_leases*>(this)->find(chunk);
}

void chunk_leases::renew(chunk_id chunk, instant until) {
  auto* x = find(chunk);
  DFS_ASSERT(x != nullptr && x->until <= until);
  ends_.erase({x->until, chunk});
  x->until = until;
  ends_.emplace(until, chunk);
}

void chunk_leases::end(chunk_id chunk) {
  const auto it = leases_.find(chunk);
  if (it == leases_.end())
    return;
  ends_.erase({it->second.until, chunk});
  leases_.erase(it);
}

std::vector<chunk_id> chunk_leases::expire(instant now) {
  std::vector<chunk_id> over;
  while (!ends_.empty() && ends_.begin()->first <= now) {
    over.push_back(ends_.begin()->second);
    end(over.back());
  }
  return over;
}

std::vector<chunk_id> chunk_leases::of(server_index primary) const {
  std::vector<chunk_id> xs;
  for (const auto& [chunk, x] : leases_)
    if (x.primary() == primary)
      xs.push_back(chunk);
  std::sort(xs.begin(), xs.end());
  return xs;
}

void chunk_leases::check() const {
  DFS_ASSERT(ends_.size() == leases_.size());
  for (const auto& [until, chunk] : ends_) {
    const auto* x = find(chunk);
    DFS_ASSERT(x != nullptr && x->until == until && !x->chain.empty());
    DFS_ASSERT(x->epoch < next_);
  }
}

} // namespace dfs::core
