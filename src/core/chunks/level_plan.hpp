#pragma once

#include "base/result.hpp"
#include "core/chunks/chunk_change.hpp"
#include "messages/chunk_control.hpp"

#include <functional>
#include <optional>
#include <vector>

namespace dfs::core {

/// How a new primary brings the replicas behind it level before it leads
/// (docs/protocols/chunk_data.md, "Levelling"). Pure.
///
/// The primary sends every change that somebody lacks once more, with the bytes
/// that it has *now*, for it keeps no others. These are the bytes of the change
/// only if no later change wrote over them; then a replica that gets only some
/// of the changes, because the primary dies, has at each serial the bytes that
/// every other replica has at that serial. So:
///
///  I1  No two changes that one replica is sent write the same bytes.
struct level_plan {
  /// Those that cannot be brought level or do not answer the primary. The
  /// primary then sends nothing and does not lead: they have its version, so
  /// the master goes on with another one, without them, and they are copied
  /// anew.
  std::vector<store_id> behind;
  /// What somebody lacks, in order.
  std::vector<chunk_change> changes;
};

/// What a store remembers: all changes after a serial, in order, or nothing if
/// it has forgotten some of them. May read the disk.
using known_changes
  = std::function<result<std::optional<std::vector<chunk_change>>>(
    mutation_serial after)>;

/// @param mine What the primary has applied.
/// @param silent Stores of the chain that do not answer the primary: they are
///   `behind`, whatever they have.
/// @returns `ec::stale` (another one has more), `ec::invalid_argument` (the
///   order contradicts itself), `ec::no_redundancy` (too few would remain), or
///   why the store cannot tell.
[[nodiscard]] result<level_plan>
plan_levelling(const msg::take_lease& order, mutation_serial mine,
               const known_changes& known,
               const std::vector<store_id>& silent = {});

/// What follows when these cannot be brought level.
/// @returns `ec::no_redundancy`: too few would remain.
[[nodiscard]] result<level_plan>
plan_without(const msg::take_lease& order, std::vector<store_id> behind);

} // namespace dfs::core
