#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "core/chunks/replica_order.hpp"
#include "messages/chunk_orders.hpp"

#include <cstddef>
#include <optional>

namespace dfs::core {

/// The decisions of a copy (docs/protocols/chunks.md, "Repair"): what a source
/// answers, and whether a target may begin, go on, and count. The servers'
/// view; pure.
///
///  C1  A source answers for the version that was ordered and for no other. A
///      source that does not know how far its replica is committed refuses; it
///      never answers "nothing".
///  C2  A copy has the version that was ordered, and every change that the
///      master knew to be committed.
///  C3  A copy counts only if at that moment its version is not revoked here,
///      no newer master is obeyed, and no replica of the chunk is here but the
///      one that it replaces.
///  C4  A replica stays until a copy replaces it. Only the one that was here
///      when the copy began is replaced: not once it was fenced, which a grant
///      counts on, or leads.

/// A replica of the target, and what the target has been told meanwhile.
struct copy_place {
  std::optional<msg::chunk_extent> here; ///< A replica in service.
  bool leads = false;                    ///< It orders changes, or soon will.
  chunk_version revoked;                 ///< Versions below are; 0: none.
  master_term obeyed;                    ///< The newest master.
  /// Version of the replica that was here when the copy began; 0: none.
  chunk_version replaced;
};

enum class copy_step { make, here_already };

/// How far a source's replica can be copied.
/// @param known To be committed, by the copier's word.
/// @returns `ec::stale` (another version), `ec::not_primary` (not known).
[[nodiscard]] result<msg::chunk_extent> copy_source(const replica_order& here,
                                                    chunk_version version,
                                                    mutation_serial known);

/// An order has come. @returns `ec::stale`.
[[nodiscard]] result<copy_step>
begin_copy(const msg::copy_chunk& order, const copy_place& place);

/// A source has said how far it is. @returns `ec::stale`.
[[nodiscard]] result<nothing>
accept_source(const msg::copy_chunk& order, const msg::chunk_extent& found);

/// The source at that place of the order could not be used: the copy begins
/// again with the next one.
/// @returns Its place, or what the master is told: `ec::integrity`, `ec::full`,
///   `ec::stale`, `ec::io_error` as they are, else `ec::unavailable`.
[[nodiscard]] result<std::size_t> next_source(const msg::copy_chunk& order,
                                              std::size_t place,
                                              const error& why_not);

/// @pre A replica is here, or none. @returns `ec::stale` (C4).
[[nodiscard]] result<nothing>
may_replace(const msg::copy_chunk& order, const copy_place& place);

/// All bytes are here. To be asked on the thread that makes the copy count.
/// @returns `ec::stale`.
[[nodiscard]] result<nothing> finish_copy(const msg::copy_chunk& order,
                                          const msg::chunk_extent& copy,
                                          const copy_place& place);

} // namespace dfs::core
