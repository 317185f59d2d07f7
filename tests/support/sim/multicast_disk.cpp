#include "support/sim/multicast_disk.hpp"

#include "base/assert.hpp"

#include <algorithm>

namespace dfs::sim {

namespace {

void keep_until(core::stored_group& x, std::uint64_t k) {
  const auto held = k > x.position.k ? k - x.position.k : 0;
  if (x.items.size() > held)
    x.items.resize(held);
}

} // namespace

void multicast_disk::append(std::uint64_t first,
                            const std::vector<msg::message_body>& items,
                            std::uint64_t final) {
  used = true;
  keep_until(group, first - 1);
  DFS_ASSERT(first == group.position.k + group.items.size() + 1);
  group.items.insert(group.items.end(), items.begin(), items.end());
  group.final = std::max(group.final, final);
}

void multicast_disk::record(const core::group_record& x, std::uint64_t keep,
                            std::uint64_t final) {
  used = true;
  keep_until(group, keep);
  group.record = x;
  group.final = std::max(group.final, final);
}

void multicast_disk::replace(const core::order_position& position,
                             const std::string& bytes,
                             const core::group_record& x) {
  used = true;
  group = {x, position, {}, position.k};
  state = bytes;
}

void multicast_disk::compact(const core::order_position& position,
                             const std::string& bytes) {
  used = true;
  DFS_ASSERT(position.k >= group.position.k);
  const auto gone = position.k - group.position.k;
  DFS_ASSERT(gone <= group.items.size());
  group.items.erase(group.items.begin(),
                    group.items.begin() + static_cast<std::ptrdiff_t>(gone));
  group.position = position;
  state = bytes;
}

} // namespace dfs::sim
