#pragma once

#include "core/versions/quorum_classes.hpp"
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

/// The next set of `copies` on the way from the present one to the best one.
/// One server is exchanged at a time, so that those that stay have everything;
/// more come only where the set grows, and none where it shrinks.
/// @pre `best` has `copies` servers.
[[nodiscard]] std::vector<store_id>
step_towards(const std::vector<placement_candidate>& best,
             const std::vector<placement_candidate>& present,
             std::size_t copies);

/// Groups of one class at most; each class has as many.
inline constexpr std::uint64_t groups_max = 1u << 16;

/// The group of a file. @pre 0 < `groups` <= `groups_max`.
[[nodiscard]] group_id
group_of_file(inode_id file, quorum_class of, std::uint64_t groups);

/// What `group_of_file` gave it. @pre Below 256 * `groups_max`.
[[nodiscard]] quorum_class class_of_group(group_id group);

} // namespace dfs::core
