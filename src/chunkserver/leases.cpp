#include "chunkserver/leases.hpp"

#include "base/crash_point.hpp"
#include "chunkserver/catch_up.hpp"
#include "chunkserver/grant_seal.hpp"
#include "core/chunks/fresh_lease.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

namespace dfs::chunkserver {

namespace {

/// Chunks in use beyond this are set aside sooner.
constexpr std::size_t in_use_max = 4096;
constexpr std::chrono::seconds rest{60};
constexpr std::chrono::seconds short_rest{10};

} // namespace

leases::leases(server_state& state, chain& order)
  : state_{state},
    chain_{order} {
  chain_.lease_over
    = [this](replica& x, const error& reason) { over(x, reason); };
  chain_.lease_used = [this](replica& x) { led_.used(x.order.epoch()); };
}

// -- grants -------------------------------------------------------------------

result<replica_ptr> leases::admit(chunk_id chunk, chunk_version version,
                                  lease_epoch epoch,
                                  const std::vector<msg::chunk_grant>& grants) {
  const auto now = state_.leases.now();
  if (auto current = state_.check_current(chunk, version); !current)
    return current.error();
  auto x = state_.replicas.find(chunk, now);
  if (x && (x->order.leads() || grants.empty()))
    return x;
  if (grants.empty())
    return fail(ec::not_found, "the chunk is not here");
  const auto& grant = grants.front();
  if (grant.chunk != chunk || grant.version != version || grant.epoch != epoch)
    return fail(ec::invalid_argument, "a grant for something else");
  const auto until = check(grant, now);
  if (!until)
    return until.error();
  if (!x && barred_.contains(chunk))
    return fail(ec::not_primary, "the chunk was deleted here");
  if (!x) {
    auto made = make(chunk, version, now);
    if (!made)
      return made.error();
    x = *std::move(made);
  }
  if (auto may = core::may_lead_fresh(grant, x->order.applied_extent(),
                                      x->ended_epoch >= epoch
                                        || x->catching_up != nullptr);
      !may)
    return may.error();
  begin(*x, std::make_shared<const msg::chunk_grant>(grant), *until, {});
  return x;
}

result<boot_instant>
leases::check(const msg::chunk_grant& x, boot_instant now) const {
  if (auto genuine = check_grant(x, *state_.options.keys); !genuine)
    return genuine.error();
  return core::end_of_fresh(x, state_.options.store, state_.options.boot,
                            state_.leases.end_of(x), now);
}

result<replica_ptr>
leases::make(chunk_id chunk, chunk_version version, boot_instant now) {
  auto made = state_.replicas.create(chunk, version, now);
  if (made && state_.options.events.arrived)
    state_.options.events.arrived(
      {.chunk = chunk, .extent = (*made)->order.applied_extent()});
  return made;
}

void leases::begin(replica& x, std::shared_ptr<const msg::chunk_grant> grant,
                   boot_instant until, const core::known_writers& known) {
  x.place = {std::move(grant), 0};
  x.broken = false;
  x.way = core::change_way::chain;
  x.told.clear();
  longest_lease_ = std::max(longest_lease_,
                            std::chrono::milliseconds{x.place.grant->lease_ms});
  x.lease_until = until;
  x.lease_from = state_.leases.now();
  x.active = true;
  x.announced = {};
  x.order.lead(x.place.grant->epoch, known, x.place.grant->chunk_size);
  led_.begin(x.chunk, x.place.grant->epoch);
  state_.counts->chunks_led = led_.running();
}

/// Called by `chain::give_up` only.
void leases::over(replica& x, const error& reason) {
  const auto epoch = x.order.epoch();
  led_.end(x.chunk, epoch, x.order.committed_extent(), x.order.all_committed());
  x.ended_epoch = epoch;
  x.order.end_lead();
  state_.counts->chunks_led = led_.running();
  if (reason.code == ec::no_redundancy)
    ++state_.counts->leases_failed;
  if (state_.options.events.lease_ended)
    state_.options.events.lease_ended(x.chunk, epoch, reason);
}

// -- the master's orders ------------------------------------------------------

void leases::renew(const std::vector<lease_epoch>& epochs, boot_instant until) {
  const auto now = state_.leases.now();
  for (const auto epoch : epochs) {
    const auto x = state_.replicas.peek(led_.running(epoch));
    // One that is over is not brought back to life.
    if (!x || x->order.epoch() != epoch || now >= x->lease_until)
      continue;
    x->lease_until = std::max(x->lease_until, until);
    x->order.prove(x->order.version());
    chain_.settle(x);
  }
}

void leases::end(const std::vector<lease_epoch>& epochs) {
  for (const auto epoch : epochs) {
    const auto x = state_.replicas.peek(led_.running(epoch));
    if (x && x->order.epoch() == epoch)
      chain_.give_up(*x, fail(ec::stale, "the master ended the lease"));
    led_.forget(epoch);
  }
  state_.counts->chunks_led = led_.running();
}

void leases::take(msg::take_lease order, boot_instant until,
                  callback<msg::lease_taken> done) {
  const auto& grant = order.grant;
  const auto x = state_.find(grant.chunk);
  if (!x)
    return done(fail(ec::not_found, "the chunk is not here"));
  if (x->order.version() != grant.version)
    return done(fail(ec::stale, "another version of the chunk is here"));
  if (auto current = state_.check_current(grant.chunk, grant.version); !current)
    return done(current.error());
  if (grant.chain.empty() || grant.chain.front().store != state_.options.store)
    return done(fail(ec::invalid_argument, "another server was meant"));
  if (x->order.leads() && x->order.epoch() == grant.epoch) {
    x->lease_until = std::max(x->lease_until, until);
    return done(msg::lease_taken{
      .state = {.chunk = x->chunk, .extent = x->order.committed_extent()},
      .behind = {}});
  }
  if (x->catching_up && x->catching_up->epoch() == grant.epoch)
    return x->catching_up->join(std::move(done));
  if (grant.epoch <= x->ended_epoch)
    return done(fail(ec::stale, "that lease is over"));
  stop_leading(*x, fail(ec::stale, "a new lease of the chunk begins"));
  x->catching_up = std::make_shared<catch_up>(state_, chain_, *this, x,
                                              std::move(order), until);
  const auto work = x->catching_up; // It may be over before this returns.
  work->start(std::move(done));
}

void leases::fence(chunk_id chunk, chunk_version version, bool fresh,
                   callback<msg::chunk_state> done) {
  // Whoever fails to fence serves the chunk no longer: the others go on.
  const auto fails = [this, chunk, version, done](const error& reason) {
    revoke({{.chunk = chunk, .extent = {.version = version}}});
    done(reason);
  };
  if (auto current = state_.check_current(chunk, version); !current)
    return done(current.error());
  auto x = state_.find(chunk);
  // A replica that was lost must not come back as one that is empty.
  if (!x && (!fresh || state_.options.incomplete))
    return fails(fail(ec::not_found, "the chunk is not here"));
  if (!x) {
    auto made = make(chunk, version, state_.leases.now());
    if (!made)
      return fails(made.error());
    x = *std::move(made);
  }
  if (version < x->order.version())
    return done(fail(ec::stale, "a newer version of the chunk is here"));
  if (version > x->order.version()) {
    if (auto set = x->store->set_version(chunk, version); !set)
      return fails(set.error());
    // From here on nothing of the older version is answered.
    stop_leading(*x, fail(ec::stale, "the chunk has a newer version"));
    x->order.raise_version(version);
    x->place = {};
    x->broken = false;
    x->told.clear();
    DFS_CRASH_POINT("data.fenced");
  }
  state_.when_durable(
    *x, [x, fails, done = std::move(done)](const result<nothing>& outcome) {
      DFS_CRASH_POINT("data.fence_synced");
      if (!outcome)
        return fails(outcome.error());
      done(msg::chunk_state{.chunk = x->chunk,
                            .extent = x->order.applied_extent()});
    });
}

void leases::revoke(const std::vector<msg::chunk_state>& chunks) {
  for (const auto& each : chunks) {
    state_.revoke(each.chunk, each.extent.version);
    const auto x = state_.replicas.peek(each.chunk);
    if (x && x->order.version() < each.extent.version)
      stop_leading(*x, fail(ec::stale, "the master has revoked the replica"));
  }
}

void leases::end_all() {
  std::vector<replica_ptr> leading;
  for (auto& [chunk, x] : state_.replicas)
    if (x->order.leads() || x->catching_up)
      leading.push_back(x);
  for (const auto& x : leading)
    stop_leading(
      *x, fail(ec::lease_expired, "the clocks of this server have jumped"));
}

void leases::stop_leading(replica& x, const error& reason) {
  chain_.give_up(x, reason);
  if (const auto work = x.catching_up) // It takes itself off the replica.
    work->abort(reason);
}

void leases::release(chunk_id chunk, lease_epoch epoch,
                     callback<msg::lease_released> done) {
  const auto x = state_.find(chunk);
  if (!x)
    return done(fail(ec::not_found, "the chunk is not here"));
  const auto tell = [x, done = std::move(done)] {
    done(msg::lease_released{
      .state = {.chunk = x->chunk, .extent = x->order.applied_extent()},
      .settled = x->order.all_committed()});
  };
  if (!x->order.leads() || x->order.epoch() != epoch)
    return tell();
  x->releasing.emplace_back(tell);
  chain_.settle(x);
}

replica_ptr leases::describe(msg::led_chunk& lease) const {
  auto x = state_.replicas.peek(lease.chunk);
  if (!x || x->order.epoch() != lease.epoch)
    return {};
  lease.committed = x->order.committed_extent();
  lease.settled = x->order.all_committed();
  return x;
}

core::led_page leases::led_since(std::uint64_t after, std::size_t most) {
  return led_.news(after, most, [this](msg::led_chunk& lease) {
    if (const auto x = describe(lease))
      x->active = false;
  });
}

std::vector<msg::led_chunk> leases::led(chunk_id from, std::size_t most) const {
  return led_.list(from, most,
                   [this](msg::led_chunk& lease) { describe(lease); });
}

void leases::remove(const std::vector<msg::chunk_state>& chunks,
                    const callback<std::vector<chunk_id>>& done) {
  std::vector<chunk_id> wanted;
  for (const auto& each : chunks) {
    const auto x = state_.find(each.chunk);
    // A copy that is under way becomes a newer one.
    if ((x && x->order.version() > each.extent.version)
        || state_.arriving.contains(each.chunk))
      continue;
    if (x)
      stop_leading(*x, fail(ec::stale, "the chunk was deleted"));
    state_.replicas.begin_removal(each.chunk);
    if (barred_.insert(each.chunk).second)
      removed_.emplace_back(state_.leases.now(), each.chunk);
    wanted.push_back(each.chunk);
  }
  // The file system takes milliseconds for a large file.
  using list = std::vector<chunk_id>;
  const auto started = state_.on_disk<list>(
    [wanted, stores = state_.places.all()] {
      list gone;
      for (const auto chunk : wanted) {
        auto fine = true;
        // What was bad and kept for lack of anything better goes, too. What is
        // on a failed volume is lost already: nobody will ever say it is gone.
        for (auto* store : stores)
          if (!store->failed())
            fine
              = store->remove(chunk) && store->purge_quarantined(chunk) && fine;
        if (fine)
          gone.push_back(chunk);
        DFS_CRASH_POINT("data.removed");
      }
      return gone;
    },
    [this, wanted, done](list gone) {
      for (const auto chunk : wanted)
        state_.replicas.end_removal(chunk);
      done(std::move(gone));
    });
  if (started)
    return;
  for (const auto chunk : wanted)
    state_.replicas.end_removal(chunk);
  done(fail(ec::busy, "too much work for the disks"));
}

void leases::sweep() {
  const auto now = state_.leases.now();
  while (!removed_.empty() && removed_.front().first + longest_lease_ < now) {
    barred_.erase(removed_.front().second);
    removed_.pop_front();
  }
  std::vector<replica_ptr> expired;
  for (auto& [chunk, x] : state_.replicas)
    if (x->order.leads()
        && (now >= x->lease_until
            || x->lease_from < state_.leases.unbroken_since()))
      expired.push_back(x);
  for (const auto& x : expired)
    chain_.give_up(*x, fail(ec::lease_expired, "the lease has run out"));
  const auto patience = state_.replicas.size() > in_use_max ? short_rest : rest;
  state_.replicas.set_aside(now - patience, [this](replica& x) {
    chain_.give_up(x, fail(ec::not_primary, "nothing happens in the chunk"));
  });
}

} // namespace dfs::chunkserver
