#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "core/chunks/restored_branch.hpp"
#include "messages/upload.hpp"

#include <algorithm>
#include <cstdint>

namespace dfs::core {

// What clients and chunkservers say of a chunk is checked before the master
// goes by it.

/// A million changes a second for nine years. Numbers up to here can be counted
/// on, and added to.
inline constexpr mutation_serial serial_max{std::uint64_t{1} << 48};

[[nodiscard]] inline bool is_possible(const msg::chunk_extent& x) {
  return x.version <= restored_branch::version_max && x.serial <= serial_max
         && x.padded_from <= x.length;
}

/// A client wrote the chunk under its grant, so its extent is of the grant's
/// version. @returns `ec::invalid_argument`.
[[nodiscard]] inline result<nothing> check_extent(const msg::written_chunk& x) {
  if (x.extent.version != x.grant.version)
    return fail(ec::invalid_argument,
                "a chunk has another version than its grant");
  const bool changed = x.extent.serial != mutation_serial{};
  if (!is_possible(x.extent) || (x.extent.length != 0 && !changed))
    return fail(ec::invalid_argument, "a chunk cannot have such an extent");
  return done;
}

/// Of a chunk that is in no row, and of which version `given` is known: a
/// server that tells of a version above this one is mistaken.
[[nodiscard]] inline chunk_version highest_after(const restored_branch& branch,
                                                 chunk_id chunk,
                                                 chunk_version given) {
  // Such a chunk is of no file for an hour or two: ten grants a second.
  constexpr std::uint64_t grants = 1u << 16;
  const auto from
    = branch.before(chunk) ? std::max(given, branch.floor()) : given;
  return std::min(chunk_version{from.value() + grants},
                  restored_branch::version_max);
}

} // namespace dfs::core
