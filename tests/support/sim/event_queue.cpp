#include "support/sim/event_queue.hpp"

#include "base/assert.hpp"

#include <algorithm>

namespace dfs::sim {

void event_queue::push(virtual_time due, event_kind kind, std::uint32_t slot) {
  const event added{due, orders_++, slot, kind};
  auto hole = heap_.size();
  heap_.push_back(added);
  while (hole > 0) {
    const auto parent = (hole - 1) / 4;
    if (!before(added, heap_[parent]))
      break;
    heap_[hole] = heap_[parent];
    hole = parent;
  }
  heap_[hole] = added;
}

event event_queue::pop() {
  DFS_ASSERT(!heap_.empty());
  const auto first = heap_.front();
  const auto moved = heap_.back();
  heap_.pop_back();
  if (heap_.empty())
    return first;
  std::size_t hole = 0;
  for (;;) {
    const auto begin = hole * 4 + 1;
    if (begin >= heap_.size())
      break;
    const auto end = std::min(begin + 4, heap_.size());
    auto least = begin;
    for (auto child = begin + 1; child < end; ++child) {
      if (before(heap_[child], heap_[least]))
        least = child;
    }
    if (!before(heap_[least], moved))
      break;
    heap_[hole] = heap_[least];
    hole = least;
  }
  heap_[hole] = moved;
  return first;
}

} // namespace dfs::sim
