#pragma once

#include "messages/chunk_status.hpp"

#include <cstdint>
#include <vector>

namespace dfs::core {

/// What `status` says of versioned files that only lost metadata had names for.
[[nodiscard]] std::vector<msg::health_finding>
find_unnamed(std::uint64_t files);

} // namespace dfs::core
