#include "core/chunks/keeper_news.hpp"

#include "base/assert.hpp"

namespace dfs::core {

void keeper_news::arrived(const msg::chunk_state& chunk) {
  put(chunk.chunk, kind::arrived, chunk);
}

void keeper_news::lost(chunk_id chunk) {
  put(chunk, kind::lost, {});
}

void keeper_news::deleted(chunk_id chunk) {
  if (news_.contains(chunk))
    lost(chunk);
}

void keeper_news::corrupt(chunk_id chunk) {
  put(chunk, kind::corrupt, {});
}

std::uint64_t keeper_news::tell(msg::chunk_heartbeat& to) const {
  std::uint64_t mark = 0;
  for (const auto& [order, chunk] : by_order_) {
    const auto& x = news_.at(chunk);
    const auto gone = to.lost.size() + to.corrupt.size();
    if (x.what == kind::arrived ? to.arrived.size() >= arrived_max
                                : gone >= gone_max)
      break; // W2
    switch (x.what) {
      case kind::arrived:
        to.arrived.push_back(x.state);
        break;
      case kind::lost:
        to.lost.push_back(chunk);
        break;
      case kind::corrupt:
        to.corrupt.push_back(chunk);
        break;
    }
    mark = order;
  }
  return mark;
}

void keeper_news::confirmed(std::uint64_t mark) {
  while (!by_order_.empty() && by_order_.begin()->first <= mark) {
    news_.erase(by_order_.begin()->second);
    by_order_.erase(by_order_.begin());
  }
}

void keeper_news::clear() {
  news_.clear();
  by_order_.clear();
  overflowed_ = false;
}

void keeper_news::check() const {
  DFS_ASSERT(news_.size() == by_order_.size());
  DFS_ASSERT(news_.size() <= most_);
  for (const auto& [order, chunk] : by_order_)
    DFS_ASSERT(news_.at(chunk).order == order && order <= order_);
}

void keeper_news::put(chunk_id chunk, kind what,
                      const msg::chunk_state& state) {
  const auto [it, fresh] = news_.try_emplace(chunk);
  // That it was bad says more than that it is gone.
  if (!fresh && what == kind::lost && it->second.what == kind::corrupt)
    return;
  if (!fresh)
    by_order_.erase(it->second.order);
  it->second = {what, state, ++order_}; // W1
  by_order_.emplace(order_, chunk);
  if (news_.size() <= most_)
    return;
  clear();
  overflowed_ = true;
}

} // namespace dfs::core
