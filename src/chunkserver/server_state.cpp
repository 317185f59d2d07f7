#include "chunkserver/server_state.hpp"

#include "chunkserver/server_token.hpp"
#include "core/chunks/bad_replica.hpp"

#include <algorithm>
#include <thread>
#include <utility>

namespace dfs::chunkserver {

server_state::server_state(data_service_options of,
                           std::shared_ptr<net::data_loop> on,
                           std::vector<storage::chunk_store*> stores)
  : options{std::move(of)},
    loop{std::move(on)},
    leases{{options.boottime, options.walltime}},
    places{std::move(stores)},
    work{std::make_shared<inbox>(loop)},
    counts{std::make_shared<server_counters>()},
    replicas{places, options.chunk_size},
    links{loop,
          {.cluster = options.cluster,
           .tls = options.tls,
           .hello = [this] { return server_hello(identity_of(options)); },
           .silent_after = options.silent_after,
           .stalled_after = options.stalled_after}},
    disks{options.disk_threads} {
  // nop
}

void server_state::revoke(chunk_id chunk, chunk_version version) {
  const auto now = leases.now();
  revoked.add(chunk, version, now);
  // The start of a lease is set before its end: so it is read after that.
  if (leases.serving(now))
    revoked.tidy(now, leases.unbroken_since(),
                 [this](chunk_id x, chunk_version below) {
                   return holds_below(x, below);
                 });
}

bool server_state::holds_below(chunk_id chunk, chunk_version version) const {
  if (arriving.contains(chunk) || replicas.leaving(chunk))
    return true;
  if (const auto x = replicas.peek(chunk); x && x->order.version() < version)
    return true;
  // A failed volume counts: what is there alone is still found.
  return std::any_of(places.all().begin(), places.all().end(),
                     [&](const auto* store) {
                       const auto here = store->state(chunk);
                       return here ? here->version < version
                                   : here.error().code != ec::not_found;
                     });
}

result<nothing>
server_state::check_current(chunk_id chunk, chunk_version version) const {
  if (version < revoked.below(chunk))
    return fail(ec::stale, "the master has revoked this version of the chunk");
  return done;
}

void server_state::when_durable(const replica& x,
                                std::function<void(result<nothing>)> go) {
  // Where it is durable already, the store calls back before this returns: then
  // nothing has to be woken.
  struct meeting {
    std::thread::id here = std::this_thread::get_id();
    std::atomic<bool> inside{true};
  };
  const auto place = std::make_shared<meeting>();
  x.store->when_durable(x.chunk, [place, home = work, go = std::move(go)](
                                   const result<nothing>& outcome) {
    if (place->here == std::this_thread::get_id() && place->inside)
      return go(outcome);
    home->put([go, outcome] { go(outcome); });
  });
  place->inside = false;
}

void server_state::quarantine(chunk_id chunk) {
  ++counts->integrity_faults;
  if (auto* store = places.find(chunk); store != nullptr)
    (void) store->quarantine(chunk);
  replicas.forget(chunk);
  if (options.events.corrupt)
    options.events.corrupt(chunk);
}

void server_state::tell_missing(chunk_id chunk) const {
  if (core::is_lost(places.has_quarantined(chunk)) && options.events.lost)
    options.events.lost(chunk);
}

} // namespace dfs::chunkserver
