#include "base/assert.hpp"
#include "core/chunks/grant_proof.hpp"
#include "core/chunks/repair_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

// What a person is told of repairs, and what must hold.

namespace dfs::core {

namespace {

constexpr std::size_t waiting_asked_max = 100; ///< For one `status`.

} // namespace

repair_plan::progress
repair_plan::how_far(const directory_state& s, instant) const {
  progress x;
  x.waiting = s.table.count(chunk_class::under);
  x.rate = rate_;
  std::uint64_t bytes = 0;
  for (const auto& [chunk, wish] : wishes_) {
    const auto* entry = s.table.find(chunk);
    // There may be enough, and one more that its server refuses.
    const auto lacking = std::max(entry->replication - wish.live, 0);
    bytes += std::uint64_t{entry->length} * static_cast<std::uint64_t>(lacking);
    x.homeless += wish.homeless ? 1 : 0;
  }
  for (const auto& [chunk, all] : copies_)
    for (const auto& c : all)
      x.copying += c.token != 0 ? 1 : 0;
  // Of more than are remembered these stand for the rest.
  x.bytes
    = wishes_.empty()
        ? 0
        : bytes / wishes_.size()
            * std::max<std::uint64_t>(wishes_.size(), missed_ ? x.waiting : 0);
  return x;
}

std::string repair_plan::trouble_of(chunk_id chunk) const {
  const auto known = wishes_.find(chunk);
  return known == wishes_.end() ? std::string{} : known->second.why;
}

std::string repair_plan::trouble(const directory_state& s, instant now) const {
  for (const auto& [live, chunk] : queue_)
    if (const auto& x = wishes_.at(chunk); x.failures > 0)
      return fmt::format("chunk {}: {}", chunk.value(), x.why);
  std::size_t asked = 0;
  for (const auto& [live, chunk] : queue_) {
    if (live > 0 || ++asked > waiting_asked_max)
      break;
    if (const auto why = why_it_waits(s, chunk, now); !why.empty())
      return fmt::format("chunk {}: {}", chunk.value(), why);
  }
  return {};
}

void repair_plan::check(const directory_state& s) const {
  DFS_ASSERT(queue_.size() == wishes_.size());
  for (const auto& [chunk, wish] : wishes_) {
    DFS_ASSERT(queue_.contains({wish.live, chunk}));
    DFS_ASSERT(s.table.find(chunk) != nullptr);
  }
  std::map<server_index, std::uint32_t> in;
  for (const auto& [chunk, all] : copies_) {
    DFS_ASSERT(s.copies.at(chunk).size() == all.size()); // P2
    for (const auto& c : all)
      in[c.to] += c.token != 0 ? 1 : 0;
  }
  DFS_ASSERT(s.copies.size() == copies_.size());
  for (const auto& [server, sum] : incoming_)
    DFS_ASSERT(sum.copies == in[server]);
}

} // namespace dfs::core
