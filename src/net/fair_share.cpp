#include "net/fair_share.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <iterator>
#include <map>

namespace dfs::net {

bool may_take(const share_limits& limits, std::size_t mine, std::size_t all) {
  return all < limits.all_max && mine < limits.mine_max
         && (mine < share_floor || mine < limits.all_max - all);
}

std::optional<std::size_t>
choose_to_evict(const std::vector<seat>& seats, std::size_t mine) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < seats.size(); ++i) {
    const auto& x = seats[i];
    if (x.kept || !x.idle_since || x.connections <= mine)
      continue;
    const auto better = !best || x.connections > seats[*best].connections
                        || (x.connections == seats[*best].connections
                            && *x.idle_since < *seats[*best].idle_since);
    if (better)
      best = i;
  }
  return best;
}

std::vector<std::size_t>
choose_to_close(std::vector<unsent_load> loads, std::size_t bytes_max) {
  std::map<std::uint64_t, std::size_t> held;
  std::size_t total = 0;
  for (const auto& x : loads) {
    held[x.principal] += x.bytes;
    total += x.bytes;
  }
  std::vector<std::size_t> chosen;
  while (total > bytes_max) {
    const auto greediest = std::max_element(
      held.begin(), held.end(),
      [](const auto& x, const auto& y) { return x.second < y.second; });
    const auto weight = [&](const unsent_load& x) {
      return x.principal == greediest->first ? x.bytes : 0;
    };
    const auto most = std::max_element(
      loads.begin(), loads.end(),
      [&](const auto& x, const auto& y) { return weight(x) < weight(y); });
    chosen.push_back(static_cast<std::size_t>(most - loads.begin()));
    total -= most->bytes;
    greediest->second -= most->bytes;
    most->bytes = 0;
  }
  return chosen;
}

void drain_watch::begin(instant at, std::uint64_t taken,
                        std::uint64_t waiting) {
  if (since_)
    return;
  since_ = at;
  taken_ = taken;
  waiting_ = waiting;
}

bool drain_watch::too_slow(instant at, const pace& least, std::uint64_t taken,
                           std::uint64_t waiting) {
  DFS_ASSERT(since_);
  if (taken - taken_ < std::min<std::uint64_t>(least.bytes_min, waiting_))
    return true;
  since_.reset();
  begin(at, taken, waiting);
  return false;
}

} // namespace dfs::net
