#pragma once

#include "messages/type_ids.hpp"

#include <caf/all.hpp>

// The map of the system: who answers what. One entry per actor, in words; the
// messages themselves are explained in messages/.

namespace dfs::actors {} // namespace dfs::actors
