#include "core/chunks/fresh_lease.hpp"

#include <cstddef>

namespace dfs::core {

namespace {

constexpr std::size_t chain_max = 8;

} // namespace

result<boot_instant>
end_of_fresh(const msg::chunk_grant& x, store_id self, boot_id boot,
             const result<boot_instant>& until, boot_instant now) {
  if (x.chain.empty() || x.chain.size() > chain_max)
    return fail(ec::invalid_argument, "a grant with an impossible chain");
  // Of a chunk that is not new: it was led here, maybe alone to settle it, and
  // is not any more.
  if (x.chain.front().store != self || !x.fresh)
    return fail(ec::not_primary, "this server does not lead the chunk");
  if (x.chain.size() < x.replicas_min)
    return fail(ec::invalid_argument, "a grant with an impossible chain");
  if (x.boot != boot)
    return fail(ec::stale, "a grant for an earlier life of this server");
  if (until && now >= *until)
    return fail(ec::lease_expired, "the lease of the grant is over");
  return until;
}

result<nothing> may_lead_fresh(const msg::chunk_grant& x,
                               const msg::chunk_extent& here, bool over) {
  if (here.version != x.version)
    return fail(ec::stale, "another version of the chunk is here");
  // Only the master knows whether the others have what is here already.
  if (here.serial != mutation_serial{} || over)
    return fail(ec::not_primary, "the lease is over");
  return done;
}

result<nothing> may_make_fresh(const msg::chunk_grant& x,
                               mutation_serial serial,
                               const std::optional<lease_epoch>& former) {
  if (!x.fresh || serial != mutation_serial{1}) // It had more, and lost it.
    return fail(ec::not_found, "the chunk is not here");
  if (!former || x.epoch <= *former)
    return fail(ec::stale, "the grant is to an earlier life of this server");
  return done;
}

} // namespace dfs::core
