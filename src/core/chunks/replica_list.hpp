#pragma once

#include "base/ids.hpp"
#include "messages/chunk.hpp"

#include <vector>

namespace dfs::core {

/// What is in service at a chunkserver.
struct replica_list {
  std::vector<msg::chunk_state> chunks; ///< By id.
  /// Of those, what is shown to nobody, because a master has revoked it; by id.
  std::vector<chunk_id> refused;
};

} // namespace dfs::core
