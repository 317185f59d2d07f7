#pragma once

#include <string>

// A broken invariant aborts the process (DFS_ASSERT), in a simulation too, and
// then nobody is left to say how to repeat the run. So the line is kept where a
// signal handler may read it.

namespace dfs::sim::last_words {

/// Printed on standard error if the process aborts. Of several worlds at a
/// time the one made last has the word.
void set(const std::string& replay);
void clear();

} // namespace dfs::sim::last_words
