#include "support/sim/chunks_server.hpp"

#include "core/chunks/level_plan.hpp"

#include <algorithm>

// The master's orders.

namespace dfs::sim {

using namespace std::chrono_literals;

namespace {

/// Planted: as if no two changes ever overlapped.
result<core::level_plan>
plan_carelessly(const msg::take_lease& order, const stored_replica& mine) {
  auto least = mutation_serial{mine.log.size()};
  for (const auto& x : order.others)
    least = std::min(least, x.extent.serial);
  core::level_plan plan;
  for (const auto& x : mine.log)
    if (x.what.serial > least)
      plan.changes.push_back(x.what);
  return plan;
}

constexpr auto peer_timeout = 1s;
constexpr auto probe_patience = 600ms; ///< As of `catch_up`.

/// Of a copy whose source is changed meanwhile.
constexpr int copy_rounds = 6;

} // namespace

void chunk_server::serve_orders() {
  rpc_.serve<msg::fence_chunk>(
    [this](const auto& x, auto to) { fence(x, std::move(to)); });
  rpc_.serve<msg::take_lease>(
    [this](const auto& x, auto to) { take(x, std::move(to)); });
  rpc_.serve<msg::copy_chunk>(
    [this](const auto& x, auto to) { copy(x, std::move(to)); });
  rpc_.serve<msg::delete_chunks>(
    [this](const auto& x, auto to) { remove(x, to); });
  rpc_.serve<msg::release_lease>([this](const auto& x, auto to) {
    auto* r = find(x.chunk);
    if (auto may = keeper_->obey(x.term); !may || r == nullptr) {
      to(fail(may ? ec::not_found : may.error().code));
      return;
    }
    ended_.insert(x.epoch);
    const bool settled = r->order.all_committed();
    if (r->led && r->led->grant.epoch == x.epoch)
      end_lease(x.chunk, *r, ec::not_primary);
    to(msg::lease_released{state_of(x.chunk), settled});
  });
}

void chunk_server::fence(const msg::fence_chunk& x,
                         rpc_end::answer<msg::chunk_fenced> to) {
  if (auto may = keeper_->obey(x.term); !may && !mutant("old-term")) {
    to(may.error());
    return;
  }
  auto* r = find(x.chunk);
  if (r == nullptr && !x.fresh) {
    to(fail(ec::not_found));
    return;
  }
  if (r == nullptr) {
    const auto made = make(x.chunk, x.version);
    if (!made) {
      revoked_.add(x.chunk, x.version, boot_now());
      to(made.error());
      return;
    }
    r = *made;
  }
  if (x.version < r->order.version() || is_revoked(x.chunk, x.version)) {
    to(fail(ec::stale));
    return;
  }
  if (mutant("no-fence")) {
    auto state = state_of(x.chunk);
    state.extent.version = x.version;
    to(msg::chunk_fenced{state});
    return;
  }
  if (x.version > r->order.version()) {
    end_lease(x.chunk, *r, ec::stale);
    r->order.raise_version(x.version);
    r->broken = false;
    stored(x.chunk).version = x.version;
    cluster_.witness().changed(host_.index(), x.chunk);
  }
  sync(x.chunk, [this, chunk = x.chunk, version = x.version, to] {
    const auto* now = find(chunk);
    if (now == nullptr || now->order.version() != version) {
      to(fail(ec::stale));
      return;
    }
    note("fenced", chunk, version);
    cluster_.witness().fenced(host_.index(), chunk, version);
    keeper_->arrived(state_of(chunk));
    to(msg::chunk_fenced{state_of(chunk)});
  });
}

void chunk_server::take(const msg::take_lease& x,
                        rpc_end::answer<msg::lease_taken> to) {
  auto* r = find(x.grant.chunk);
  auto may = keeper_->obey(x.grant.term);
  if ((!may && !mutant("old-term")) || r == nullptr || x.grant.boot != boot_
      || ended_.contains(x.grant.epoch) || x.grant.version != r->order.version()
      || is_revoked(x.grant.chunk, x.grant.version)) {
    to(fail(may ? ec::stale : may.error().code));
    return;
  }
  if (r->led && r->led->grant.epoch == x.grant.epoch) {
    to(msg::lease_taken{state_of(x.grant.chunk), {}});
    return;
  }
  if (r->levelling == x.grant.epoch)
    return; // The first one is answered.
  end_lease(x.grant.chunk, *r, ec::stale);
  r->levelling = x.grant.epoch;
  probe(x, to);
}

/// As `catch_up`: from here to each that lacks something, with the bytes that
/// are here now.
struct chunk_server::levelling {
  msg::take_lease order;
  std::deque<core::chunk_change> changes;
  lease_answer to;
};

/// Over TCP a packet that is lost is sent again: what counts is whether there
/// is a way, there and back.
void chunk_server::probe(const msg::take_lease& x, const lease_answer& to) {
  if (mutant("no-probe") || silent(x.grant).empty()) {
    bring_level(x, {}, to);
    return;
  }
  host_.later(probe_patience, [this, x, to] {
    const auto* r = find(x.grant.chunk);
    if (r != nullptr && r->levelling == x.grant.epoch)
      bring_level(x, silent(x.grant), to);
    else
      to(fail(ec::stale));
  });
}

std::vector<store_id>
chunk_server::silent(const msg::chunk_grant& grant) const {
  const auto& world = cluster_.world();
  std::vector<store_id> found;
  for (const auto& x : grant.chain) {
    const auto peer = chunk_cluster::node_of(x.store);
    if (peer != host_.index()
        && (world.at(peer).state() != node_state::running
            || !world.net().reachable(host_.index(), peer)
            || !world.net().reachable(peer, host_.index())))
      found.push_back(x.store);
  }
  return found;
}

void chunk_server::bring_level(const msg::take_lease& x,
                               const std::vector<store_id>& silent,
                               lease_answer to) {
  const auto chunk = x.grant.chunk;
  auto& r = *find(chunk);
  const auto known = [&](mutation_serial after) {
    return result<std::optional<std::vector<core::chunk_change>>>{
      stored(chunk).changes_after(after)};
  };
  auto plan = mutant("present-bytes")
                ? plan_carelessly(x, stored(chunk))
                : core::plan_levelling(x, r.order.applied_extent().serial,
                                       known, silent);
  if (!plan || !plan->behind.empty()) {
    r.levelling.reset();
    if (plan)
      to(msg::lease_taken{state_of(chunk), plan->behind});
    else
      to(plan.error());
    return;
  }
  auto work = std::make_shared<levelling>();
  work->order = x;
  work->changes = {plan->changes.begin(), plan->changes.end()};
  work->to = std::move(to);
  send_next(work);
}

void chunk_server::send_next(const std::shared_ptr<levelling>& work) {
  const auto& grant = work->order.grant;
  auto* r = find(grant.chunk);
  if (r == nullptr || r->levelling != grant.epoch) {
    work->to(fail(ec::stale));
    return;
  }
  if (work->changes.empty()) {
    take_over(work->order, work->to);
    return;
  }
  const auto& here = stored(grant.chunk);
  const auto& next = work->changes.front();
  if (core::writes_bytes(next) && !here.sound(next.offset, next.length)
      && !mutant("rotten-level")) {
    quarantine(grant.chunk);
    work->to(fail(ec::integrity));
    return;
  }
  const auto change = here.change_now(next.serial);
  work->changes.pop_front();
  const auto left = std::make_shared<std::size_t>(0);
  for (std::size_t i = 0; i < work->order.others.size(); ++i) {
    if (work->order.others[i].extent.serial >= change.what.serial)
      continue;
    ++*left;
    auto pair = grant;
    pair.chain = {grant.chain.front(), grant.chain[i + 1]};
    rpc_.call<sim_replicate>(
      pair.chain[1].data, {pair, 1, change, r->order.committed()}, peer_timeout,
      [this, work, left,
       store = pair.chain[1].store](const result<sim_replicated>& done) {
        if (!done)
          lose(*work, store);
        else if (--*left == 0)
          send_next(work);
      });
  }
}

/// The first one that fails; the others are not heard after that.
void chunk_server::lose(levelling& work, store_id which) {
  auto* r = find(work.order.grant.chunk);
  if (r == nullptr || r->levelling != work.order.grant.epoch)
    return work.to(fail(ec::stale));
  r->levelling.reset();
  const auto plan = core::plan_without(work.order, {which});
  if (plan)
    work.to(msg::lease_taken{state_of(work.order.grant.chunk), plan->behind});
  else
    work.to(plan.error());
}

void chunk_server::take_over(const msg::take_lease& x,
                             const rpc_end::answer<msg::lease_taken>& to) {
  sync(x.grant.chunk, [this, x, to] {
    auto* r = find(x.grant.chunk);
    const auto until = keeper_->end_of(x.grant);
    if (r == nullptr || !until || r->levelling != x.grant.epoch) {
      to(fail(ec::stale));
      return;
    }
    r->levelling.reset();
    if (boot_now() >= *until) {
      to(fail(ec::lease_expired));
      return;
    }
    r->broken = false;
    r->order.lead(x.grant.epoch, writers(x.grant.chunk), x.grant.chunk_size);
    r->led = lease{x.grant, *until, true};
    led_.begin(x.grant.chunk, x.grant.epoch);
    note("leads", x.grant.chunk, x.grant.version);
    to(msg::lease_taken{{x.grant.chunk, r->order.committed_extent()}, {}});
  });
}

core::copy_place chunk_server::place(chunk_id chunk) const {
  core::copy_place now{.here = {},
                       .leads = false,
                       .revoked = revoked_.below(chunk),
                       .obeyed = disk_.newest.term,
                       .replaced = {}};
  if (const auto r = replicas_.find(chunk); r != replicas_.end()) {
    now.here = r->second.order.applied_extent();
    now.leads = r->second.order.leads() || r->second.levelling;
  }
  return now;
}

/// A copy on its way, from one source after another.
struct chunk_server::copying {
  msg::copy_chunk order;
  std::size_t source = 0;
  std::optional<sim_content> last; ///< What that had at the round before.
  int rounds = copy_rounds;
  copy_made to;
};

// As `copies` and `copy_job`: asks before and after, and the bytes take time.
void chunk_server::copy(const msg::copy_chunk& x,
                        rpc_end::answer<msg::chunk_copied> to) {
  const auto chunk = x.wanted.chunk;
  if (auto may = keeper_->obey(x.term); !may) {
    to(may.error());
    return;
  }
  if (full()) {
    to(fail(ec::full));
    return;
  }
  const auto step = core::begin_copy(x, place(chunk));
  if (!step || x.from.empty()) {
    to(fail(ec::stale));
    return;
  }
  if (*step == core::copy_step::here_already) {
    to(msg::chunk_copied{state_of(chunk)});
    return;
  }
  if (copying_.contains(chunk) || leaving_.contains(chunk)) {
    to(fail(ec::busy));
    return;
  }
  const auto* old = find(chunk);
  copying_.emplace(chunk,
                   old != nullptr ? old->order.version() : chunk_version{});
  const auto job = std::make_shared<copying>();
  job->order = x;
  job->to = [this, chunk, to](const auto& outcome) {
    copying_.erase(chunk);
    if (outcome)
      to(msg::chunk_copied{*outcome});
    else
      to(outcome.error());
  };
  fetch_copy(job);
}

void chunk_server::fetch_copy(const std::shared_ptr<copying>& job) {
  if (job->rounds-- == 0) {
    try_next_source(job, fail(ec::busy));
    return;
  }
  const auto& wanted = job->order.wanted;
  const auto& sources = job->order.from;
  // Where no bytes rot, in turns: seeds have names that count on it.
  if (!cluster_.rots())
    job->source = static_cast<std::size_t>(job->rounds + 1) % sources.size();
  rpc_.call<sim_fetch>(
    sources[job->source].data,
    {wanted.chunk, wanted.extent.version, wanted.extent.serial}, peer_timeout,
    [this, job](const result<sim_content>& got) { fetched(job, got); });
}

void chunk_server::fetched(const std::shared_ptr<copying>& job,
                           const result<sim_content>& got) {
  if (!got) {
    try_next_source(job, got.error());
    return;
  }
  if (auto fits = core::accept_source(job->order, got->extent);
      !fits && !mutant("overtaken") && !mutant("hollow")) {
    try_next_source(job, fits.error());
    return;
  }
  if (job->last && job->last->extent == got->extent
      && job->last->log == got->log) {
    store_copy(job->order, *got, job->to);
    return;
  }
  stored_replica sums;
  sums.log = got->log;
  sums.go_back(sums.log.size());
  if (sum_of(got->cells) != sum_of(sums.cells) && !mutant("rotten-source")) {
    // As `copy_job::have_source_look`.
    rpc_.call<sim_read>(job->order.from[job->source].data,
                        {job->order.wanted.chunk, got->extent.version,
                         got->extent.serial, 0,
                         cluster_.options().config.chunk_size, false},
                        peer_timeout, [](const auto&) {});
    try_next_source(job, fail(ec::integrity));
    return;
  }
  job->last = *got;
  // Large ones take a while.
  const auto wait
    = host_.random().one_in(4) ? up_to(host_.random(), 2s) : disk_time();
  host_.later(wait, [this, job] { fetch_copy(job); });
}

void chunk_server::try_next_source(const std::shared_ptr<copying>& job,
                                   const error& why) {
  if (!cluster_.rots()) {
    job->to(why);
    return;
  }
  const auto next = core::next_source(job->order, job->source, why);
  if (!next) {
    job->to(next.error());
    return;
  }
  job->source = *next;
  job->last.reset();
  job->rounds = copy_rounds;
  fetch_copy(job);
}

void chunk_server::store_copy(const msg::copy_chunk& x, const sim_content& got,
                              const copy_made& to) {
  const auto chunk = x.wanted.chunk;
  auto now = place(chunk);
  now.replaced = copying_.at(chunk);
  if (auto counts = core::finish_copy(x, got.extent, now);
      !counts && !mutant("overtaken") && !mutant("hollow")) {
    to(counts.error());
    return;
  }
  const auto version = got.extent.version;
  if (auto* r = find(chunk))
    end_lease(chunk, *r, ec::stale);
  auto& made = disk_.replicas[chunk];
  made = {.version = version,
          .log = got.log,
          .cells = {},
          .rotten = {},
          .rotted = false,
          .durable_version = version,
          .durable = got.log.size(),
          .remembered_from = got.log.size()};
  made.go_back(got.log.size());
  if (mutant("rotten-source"))
    made.cells = got.cells;
  disk_.quarantine.erase(chunk); // The master will not speak of it again.
  load(chunk, got.extent.serial);
  cluster_.witness().changed(host_.index(), chunk);
  note("copied", chunk, version);
  keeper_->arrived(state_of(chunk));
  to(state_of(chunk));
}

void chunk_server::remove(const msg::delete_chunks& x,
                          const rpc_end::answer<msg::chunks_deleted>& to) {
  if (auto may = keeper_->obey(x.term); !may) {
    to(may.error());
    return;
  }
  for (const auto& order : x.chunks)
    leaving_.insert(order.chunk);
  // Now and then the disk has much to do before.
  const auto wait = host_.random().one_in(4) ? up_to(host_.random(), 3s) : 0ns;
  host_.later(
    wait, [this, x, to, late = rpc_.is_late()] { to(remove_now(x, late)); });
}

msg::chunks_deleted
chunk_server::remove_now(const msg::delete_chunks& x, bool late) {
  msg::chunks_deleted done;
  for (const auto& order : x.chunks) {
    leaving_.erase(leaving_.find(order.chunk));
    auto* r = find(order.chunk);
    if (r != nullptr) {
      const bool newer = r->order.version() > order.extent.version;
      if (newer || late) {
        keeper_->arrived(state_of(order.chunk)); // No list names what is going.
        continue;
      }
      note("deletes", order.chunk, r->order.version());
      end_lease(order.chunk, *r, ec::not_found);
      cluster_.witness().deleted(host_.index(), order.chunk,
                                 cluster_.counted_on(order.chunk), x.term);
      replicas_.erase(order.chunk);
      disk_.replicas.erase(order.chunk);
    }
    disk_.quarantine.erase(order.chunk);
    done.gone.push_back(order.chunk);
  }
  if (!mutant("mute-delete"))
    keeper_->deleted(x.term, done.gone);
  return done;
}

} // namespace dfs::sim
