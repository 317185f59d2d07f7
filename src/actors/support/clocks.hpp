#pragma once

#include "core/chunks/holder_lease.hpp"

namespace dfs::actors {

/// Both clocks as of one moment: read again when this thread was interrupted
/// in between, which would look like a jump.
[[nodiscard]] core::clock_pair read_clocks();

} // namespace dfs::actors
