#include "core/chunks/copy_plan.hpp"

namespace dfs::core {

namespace {

// C3, but for what is here.
result<nothing>
still_wanted(const msg::copy_chunk& order, const copy_place& place) {
  if (order.term < place.obeyed)
    return fail(ec::stale, "a newer master was obeyed since the copy was "
                           "ordered");
  if (order.wanted.extent.version < place.revoked)
    return fail(ec::stale, "the master has revoked the version of the copy");
  return done;
}

} // namespace

result<msg::chunk_extent> copy_source(const replica_order& here,
                                      chunk_version version,
                                      mutation_serial known) {
  if (here.version() != version)
    return fail(ec::stale, "the source has another version");
  if (known >= here.applied_extent().serial)
    return here.applied_extent();
  if (const auto committed = here.known_extent())
    return *committed;
  return fail(ec::not_primary,
              "the source does not know how far it is committed");
}

result<copy_step>
begin_copy(const msg::copy_chunk& order, const copy_place& place) {
  if (auto wanted = still_wanted(order, place); !wanted)
    return wanted.error();
  const auto& wanted = order.wanted.extent;
  if (!place.here || place.here->version < wanted.version)
    return copy_step::make;
  if (place.here->version > wanted.version)
    return fail(ec::stale, "a newer version of the chunk is here");
  if (place.leads)
    return fail(ec::stale, "this server leads the chunk");
  return place.here->serial >= wanted.serial ? copy_step::here_already
                                             : copy_step::make;
}

result<nothing>
accept_source(const msg::copy_chunk& order, const msg::chunk_extent& found) {
  if (found.version != order.wanted.extent.version)
    return fail(ec::stale, "the source has another version");
  if (found.serial < order.wanted.extent.serial)
    return fail(ec::stale, "the source lacks changes");
  return done;
}

result<std::size_t> next_source(const msg::copy_chunk& order, std::size_t place,
                                const error& why_not) {
  if (place + 1 < order.from.size())
    return place + 1;
  const auto code = why_not.code;
  const auto told = code == ec::full || code == ec::integrity
                        || code == ec::stale || code == ec::io_error
                      ? code
                      : ec::unavailable;
  return fail(told, why_not.context);
}

result<nothing>
may_replace(const msg::copy_chunk& order, const copy_place& place) {
  if (!place.here)
    return done;
  const auto step = begin_copy(order, place);
  if (!step)
    return step.error();
  if (place.leads)
    return fail(ec::stale, "this server leads the chunk");
  if (*step == copy_step::here_already || place.here->version != place.replaced)
    return fail(ec::stale, "a replica has come here meanwhile");
  return done;
}

result<nothing> finish_copy(const msg::copy_chunk& order,
                            const msg::chunk_extent& copy,
                            const copy_place& place) {
  if (auto wanted = still_wanted(order, place); !wanted)
    return wanted;
  if (auto free = may_replace(order, place); !free)
    return free;
  return accept_source(order, copy);
}

} // namespace dfs::core
