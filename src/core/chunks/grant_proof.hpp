#pragma once

#include "core/chunks/directory_state.hpp"

#include <string>
#include <vector>

namespace dfs::core {

/// Are replicas enough to settle a chunk with (docs/protocols/chunks.md, "A
/// replica that its server refuses")? Part of the master's view; pure.
///
///  V1  Replicas that their servers refuse, for a reason that no longer is
///      known, settle a chunk without another one only if they are so many that
///      one of them has what was committed, or if nobody is away who may have
///      more.

/// Nobody is away who may have more than those who are there.
[[nodiscard]] bool all_are_here(const directory_state& s, instant now);

/// Each of these that has the chunk may lack what was committed, and somebody
/// else may have it. @param chosen Who would be of the new set.
/// @param others_left Some holder is there, and would not be of the set.
[[nodiscard]] bool lacks_proof(const directory_state& s, chunk_id chunk,
                               const std::vector<server_index>& chosen,
                               bool others_left, instant now);

/// Why no primary can be made for now, and what helps; for people. Empty: it
/// does not wait for servers that are away.
[[nodiscard]] std::string
why_it_waits(const directory_state& s, chunk_id chunk, instant now);

} // namespace dfs::core
