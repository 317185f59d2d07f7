#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "messages/chunk.hpp"

#include <optional>

namespace dfs::core {

// The lease of a new chunk. A client brings its grant to the first of the
// chain, which has not heard of it from the master (docs/protocols/chunks.md,
// "Leases of new chunks"). Pure.
//
// The term is not looked at: a put goes on over a restart of the master. It
// need not be. Nobody else is granted that chunk before the next master has
// heard of everybody whose node lease had no gap, or has waited for its end;
// the row of a file names the first set of a chunk that is still fresh, so this
// server is fenced, or told that lower versions are revoked, before another one
// leads. And whoever had a gap counts from none of the heartbeats before it.

/// Until when the lease runs here. @param until As counted from the heartbeat
/// that the grant names.
/// @returns `ec::invalid_argument` (no grant can be like that),
///   `ec::not_primary` (to somebody else, or not of a new chunk), `ec::stale`
///   (to another life), `ec::lease_expired`, or the error of `until`.
[[nodiscard]] result<boot_instant>
end_of_fresh(const msg::chunk_grant& x, store_id self, boot_id boot,
             const result<boot_instant>& until, boot_instant now);

/// @param here What this replica has. @param over That lease has ended here
///   before, or another one begins.
/// @returns `ec::stale` (another version is here), `ec::not_primary`.
[[nodiscard]] result<nothing> may_lead_fresh(const msg::chunk_grant& x,
                                             const msg::chunk_extent& here,
                                             bool over);

/// A change under that grant has come from the predecessor, and the chunk is
/// not here: may it be made? Not by a change that was on its way to a former
/// life of this server: other servers may have been granted the chunk while
/// this one was away, and nobody has told it that older versions are revoked.
/// @param serial Of the change. @param former Grants up to this one were to a
///   former life; nothing: no master knows this one yet.
/// @returns `ec::not_found` (the chunk is not new, or was here and is lost),
///   `ec::stale` (to a former life).
[[nodiscard]] result<nothing>
may_make_fresh(const msg::chunk_grant& x, mutation_serial serial,
               const std::optional<lease_epoch>& former);

} // namespace dfs::core
