#pragma once

#include "base/error.hpp"

#include <caf/fwd.hpp>

namespace dfs::actors {

/// What a failed CAF request means to a client. Errors of ours keep code and
/// context; CAF's own become `ec::timed_out` or `ec::unavailable`.
[[nodiscard]] error from_caf(const caf::error& reason);

} // namespace dfs::actors
