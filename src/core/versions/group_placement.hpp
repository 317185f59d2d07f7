#pragma once

#include "messages/version.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace dfs::core {

struct placement_candidate {
  store_id store;
  std::string zone; ///< Empty: of no zone, which no other one shares.
};

/// The right of a store to a group: the highest ones get it. The same on every
/// platform and in every version, because sets follow from it.
[[nodiscard]] std::uint64_t placement_right(group_id group, store_id store);

/// Chooses the servers of a group by rendezvous hashing: up to `count` distinct
/// stores in the order of their right, distinct zones first. The order of
/// `open` does not matter; a store more or less changes only the sets that it
/// enters or leaves.
/// @returns fewer if there are no more.
[[nodiscard]] std::vector<store_id>
choose_group_servers(group_id group, std::vector<placement_candidate> open,
                     std::size_t count);

/// The group of a new file. @pre `groups` > 0.
[[nodiscard]] group_id group_of_file(inode_id file, std::uint64_t groups);

} // namespace dfs::core
