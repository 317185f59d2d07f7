#pragma once

#include "base/result.hpp"
#include "messages/chunk_status.hpp"
#include "messages/health.hpp"
#include "messages/version_file.hpp"

#include <cstddef>
#include <set>
#include <string>
#include <vector>

// Whether the nodes of a `dfsnode dev` cluster serve what a user asks for next,
// judged from their own answers. Each refusal is `ec::unavailable` and names
// the first thing that is missing, for people.

namespace dfs::admin {

/// Every check of the node's health has passed.
/// @param queues Whether the check of the queues counts.
[[nodiscard]] result<nothing>
node_serves(const msg::health_report& x, bool queues);

/// Each chunkserver has its lease, and the master knows its chunks.
[[nodiscard]] result<nothing>
chunkservers_serve(const msg::cluster_status& x,
                   const std::set<std::string>& names);

/// The master hears each file server.
[[nodiscard]] result<nothing>
fileservers_serve(const msg::fileserver_list& x,
                  const std::set<std::string>& names);

struct groups_served {
  std::size_t served = 0;
  /// Groups that have too few file servers here, or wait for an operator: time
  /// alone does not mend them.
  std::size_t hopeless = 0;
};

/// Each group of versioned files has its primary, or is hopeless.
/// @pre `fileservers_serve(servers)`
[[nodiscard]] result<groups_served>
groups_serve(const std::vector<msg::group_status>& groups,
             const msg::fileserver_list& servers);

} // namespace dfs::admin
