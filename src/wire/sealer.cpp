#include "wire/sealer.hpp"

#include "base/assert.hpp"

namespace dfs::wire {

sealer::sealer(const key_ring& ring, sender_id self, boot_id boot,
               std::uint64_t first)
  : next_{0, self, boot, first} {
  DFS_ASSERT(first > 0);
  use(ring);
}

std::optional<std::uint64_t>
sealer::seal(std::string_view body, std::string& datagram) {
  if (next_.counter > datagram_counter_max)
    return std::nullopt; // I1
  cipher_.seal(key_, next_, body, datagram);
  return next_.counter++;
}

void sealer::use(const key_ring& ring) {
  key_deriver deriver{ring};
  next_.generation = deriver.active_generation();
  DFS_ASSERT(deriver.derive(next_.generation, next_.sender, next_.boot, key_));
}

} // namespace dfs::wire
