#pragma once

#include <cstddef>
#include <cstdint>

namespace dfs::core {

/// How the changes of a chunk get from its primary to the other replicas
/// (docs/protocols/chunk_data.md, "The way of a write").
enum class change_way : std::uint8_t {
  chain,  ///< From one to the next: every server sends the bytes once.
  spread, ///< From the primary to each of the others: two hops, however many.
};

/// Larger ones cost the primary's line more than a hop takes.
inline constexpr std::size_t spread_bytes_max = 64 * 1024;

/// The way of the next change. It stays the same while anything is under way:
/// so every replica gets the changes in their order, whoever sends them.
/// @param alone All changes before this one are on every replica.
/// @param torn Behind the second replica the chain was broken a while ago.
[[nodiscard]] inline change_way
next_way(change_way last, std::size_t bytes, bool alone, bool torn = false) {
  if (!alone)
    return last;
  return torn || bytes <= spread_bytes_max ? change_way::spread
                                           : change_way::chain;
}

} // namespace dfs::core
