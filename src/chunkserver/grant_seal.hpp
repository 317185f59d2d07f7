#pragma once

#include "base/result.hpp"
#include "messages/chunk.hpp"
#include "wire/key_ring.hpp"

namespace dfs::chunkserver {

/// Sets `x.seal`, so that a client can carry the grant.
void seal_grant(msg::chunk_grant& x, const wire::key_ring& keys);

/// @returns `ec::unauthenticated` unless a server of this cluster sealed it.
[[nodiscard]] result<nothing>
check_grant(const msg::chunk_grant& x, const wire::key_ring& keys);

} // namespace dfs::chunkserver
