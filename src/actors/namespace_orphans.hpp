#pragma once

#include "actors/namespace_requests.hpp"

// INTERNAL to the namespace keeper: files made of chunks that no name has, and
// names for versioned files that have none.

namespace dfs::actors {

/// A page of them: `msg::adopt_orphans`.
promise_of<msg::orphans_adopted>
adopt_orphans(namespace_self self, const msg::adopt_orphans& x);

} // namespace dfs::actors
