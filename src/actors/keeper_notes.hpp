#pragma once

#include "actors/chunk_keeper.hpp"

namespace dfs::actors {

/// Writes what the keeper machine says to the log, and counts ended leases.
/// @param was_there The server was registered with a master once.
void log_keeper_note(const core::keeper_note& x, bool was_there,
                     keeper_counters& counters);

} // namespace dfs::actors
