#include "support/sim/chunks_server.hpp"

#include "core/chunks/fresh_lease.hpp"

#include <algorithm>

// The data plane of a simulated chunkserver: the order of changes is the real
// core's, its bytes are numbers.

namespace dfs::sim {

using namespace std::chrono_literals;

namespace {

constexpr auto chain_timeout = 1s;
/// More for each server behind: while that waits, this one hears its pongs.
constexpr auto chain_hop = 300ms;
constexpr std::size_t open_max = 4;

/// Planted: whatever is under way.
core::change_plan
plan_at_once(const core::replica_order& order, const sim_write& x) {
  const auto serial = order.applied_extent().serial.next();
  const auto once = identity_of(x.value);
  return {.apply = core::chunk_change{.serial = serial,
                                      .kind = core::change_kind::write,
                                      .offset = x.offset,
                                      .length = x.length,
                                      .writer = once.writer,
                                      .sequence = once.sequence},
          .decided_by = serial,
          .offset = x.offset};
}

} // namespace

void chunk_server::serve_data() {
  rpc_.serve<sim_write>(
    [this](const auto& x, auto to) { write(x, std::move(to)); });
  rpc_.serve<sim_replicate>(
    [this](const auto& x, auto to) { replicate(x, std::move(to)); });
  rpc_.serve<sim_read>(
    [this](const auto& x, auto to) { read(x, std::move(to)); });
  rpc_.serve<sim_fetch>([this](const auto& x, auto to) { to(fetch(x)); });
}

// As `reads::send_changes`.
result<sim_content> chunk_server::fetch(const sim_fetch& x) {
  auto* r = find(x.chunk);
  if (!leased() || r == nullptr)
    return fail(r == nullptr ? ec::not_found : ec::lease_expired);
  const auto version = mutant("overtaken") ? r->order.version() : x.version;
  if (auto has = r->order.has(version, {}); !has)
    return has.error();
  if (is_revoked(x.chunk, r->order.version()))
    return fail(ec::stale);
  auto extent = core::copy_source(r->order, version, x.known);
  if (!extent && mutant("hollow"))
    extent = r->order.committed_extent(); // Unknown, answered as nothing.
  if (!extent)
    return extent.error();
  return read_whole(x.chunk, *extent);
}

core::known_writers chunk_server::writers(chunk_id chunk) {
  auto known = stored(chunk).writers();
  if (mutant("amnesia"))
    known.writes = {};
  if (mutant("lost-record"))
    known.appends.clear();
  return known;
}

// -- who may change it --------------------------------------------------------

/// As `leases::admit`.
result<chunk_server::replica*>
chunk_server::admit(const msg::chunk_grant& grant) {
  auto* r = find(grant.chunk);
  if (is_revoked(grant.chunk, grant.version))
    return fail(ec::stale);
  if (r != nullptr && r->order.leads())
    return r;
  const auto until
    = core::end_of_fresh(grant, chunk_cluster::store_of(host_.index()), boot_,
                         keeper_->end_of(grant), boot_now());
  if (!until)
    return until.error();
  if (r == nullptr && ended_.contains(grant.epoch))
    return fail(ec::not_primary); // And the chunk was deleted since.
  if (r == nullptr) {
    const auto made = make(grant.chunk, grant.version);
    if (!made)
      return made.error();
    r = *made;
    keeper_->arrived(state_of(grant.chunk));
  }
  const auto over = ended_.contains(grant.epoch) || r->levelling;
  if (auto may = core::may_lead_fresh(grant, r->order.applied_extent(), over);
      !may)
    return may.error();
  r->broken = false;
  r->order.lead(grant.epoch, {}, grant.chunk_size);
  r->led = lease{grant, *until, true};
  led_.begin(grant.chunk, grant.epoch);
  note("leads", grant.chunk, grant.version);
  return r;
}

/// As `chain::admit`.
result<chunk_server::replica*>
chunk_server::admit_change(const sim_replicate& x) {
  const auto& grant = x.grant;
  if (is_revoked(grant.chunk, grant.version))
    return fail(ec::stale);
  auto* r = find(grant.chunk);
  if (r == nullptr) {
    auto former = former_grants_;
    if (mutant("old-grants"))
      former = lease_epoch{};
    if (auto may = core::may_make_fresh(grant, x.change.what.serial, former);
        !may)
      return may.error();
    const auto made = make(grant.chunk, grant.version);
    if (!made)
      return made.error();
    r = *made;
    keeper_->arrived(state_of(grant.chunk));
  }
  if (r->order.version() != grant.version || r->order.leads() || r->levelling)
    return fail(ec::stale);
  if (r->broken)
    return fail(ec::no_redundancy);
  if (full() && !mutant("full-acks"))
    return fail(ec::full);
  return r;
}

// -- the primary --------------------------------------------------------------

void chunk_server::write(const sim_write& x, done_write to) {
  auto admitted = admit(x.grant);
  if (!admitted) {
    to(admitted.error());
    return;
  }
  auto& r = **admitted;
  if (auto may = r.order.may_change(x.grant.version, x.grant.epoch); !may) {
    to(may.error());
    return;
  }
  if (!leased() || boot_now() >= r.led->until) {
    to(fail(ec::lease_expired));
    return;
  }
  if (r.led->grant.chain.size() < r.led->grant.replicas_min) {
    to(fail(ec::no_redundancy));
    return;
  }
  if (r.order.owed() >= open_max || full()) {
    to(fail(full() ? ec::full : ec::busy));
    return;
  }
  order(x, r, std::move(to));
}

result<core::change_plan>
chunk_server::plan(const replica& r, const sim_write& x) const {
  if (x.kind == core::change_kind::append)
    return r.order.plan_append(x.writer, x.sequence, x.length);
  if (x.kind == core::change_kind::bar)
    return r.order.plan_settle(x.writer, x.sequence);
  std::optional<msg::write_identity> once;
  if ((x.value & put_value) == 0 && !mutant("forgetful"))
    once = identity_of(x.value, x.since);
  return r.order.plan_write(x.offset, x.length, once);
}

void chunk_server::order(const sim_write& x, replica& r, done_write to) {
  auto found = plan(r, x);
  if (found && found->again && mutant("present-bytes"))
    found = plan_at_once(r.order, x);
  if (!found) {
    to(found.error());
    return;
  }
  if (found->again) {
    r.readers.emplace_back(found->decided_by, [this, x, to] { write(x, to); });
    return;
  }
  const auto chunk = x.grant.chunk;
  r.waiting.push_back({found->decided_by, [this, chunk, x, plan = *found,
                                           to](const result<nothing>& decided) {
                         if (!decided) {
                           to(decided.error());
                           return;
                         }
                         cluster_.witness().acted(host_.index(), chunk,
                                                  find(chunk)->order.version());
                         if (plan.full)
                           to(fail(ec::chunk_full));
                         else
                           to(written(chunk, x, plan));
                       }});
  if (found->apply) {
    use_lease(r);
    const auto grant = r.led->grant;
    apply(grant, 0, r,
          change_with_bytes(*found->apply,
                            core::writes_bytes(*found->apply) ? x.value : 0));
    return;
  }
  answer_what_is_due(chunk);
}

/// The serial is where it stands: whoever repeated it long after is not told.
sim_written chunk_server::written(chunk_id chunk, const sim_write& x,
                                  const core::change_plan& plan) {
  sim_written y{find(chunk)->order.committed_extent(), plan.offset, plan.done};
  for (const auto& change : stored(chunk).log)
    if (change.value == x.value)
      y.extent.serial = change.what.serial;
  return y;
}

// -- all replicas -------------------------------------------------------------

namespace {

/// Planted: as a disk without room keeps it.
stored_change without_bytes(stored_change x) {
  x.bytes.clear();
  return x;
}

} // namespace

void chunk_server::apply(const msg::chunk_grant& grant, std::uint32_t place,
                         replica& r, stored_change change) {
  // As `chain::broken_by`: whoever waits hears that it cannot be done here.
  if (!stored(grant.chunk).takes(change.what) && !mutant("rotten-base")) {
    quarantine(grant.chunk);
    return;
  }
  r.order.applied(change.what, true, place + 1 < grant.chain.size());
  stored(grant.chunk)
    .apply(full() && mutant("full-acks") ? without_bytes(change) : change);
  if (mutant("rotten-base") && core::writes_bytes(change.what))
    stored(grant.chunk).believe(change.what.offset, change.what.length);
  cluster_.witness().changed(host_.index(), grant.chunk);
  sync_and_pass_on(grant, place, r, change);
}

/// It is here already; those behind may lack it.
void chunk_server::repeat(const msg::chunk_grant& grant, std::uint32_t place,
                          replica& r, stored_change change) {
  if (auto owed = r.order.owe_again(change.what.serial, true,
                                    place + 1 < grant.chain.size());
      !owed) {
    r.waiting.back().tell(owed.error());
    r.waiting.pop_back();
    return;
  }
  sync_and_pass_on(grant, place, r, change);
}

void chunk_server::sync_and_pass_on(const msg::chunk_grant& grant,
                                    std::uint32_t place, replica& r,
                                    const stored_change& change) {
  const auto chunk = grant.chunk;
  if (mutant("unsynced"))
    host_.later(1ms, [this, chunk, serial = change.what.serial] {
      if (auto* again = find(chunk); again != nullptr) {
        again->order.synced(serial);
        answer_what_is_due(chunk);
      }
    });
  sync(chunk,
       [this, chunk, serial = change.what.serial, version = r.order.version()] {
         auto* again = find(chunk);
         if (again == nullptr || again->order.version() != version)
           return;
         again->order.synced(serial);
         answer_what_is_due(chunk);
       });
  if (place + 1 >= grant.chain.size())
    return;
  // Changes are short: a third of them is taken for large ones.
  const auto bytes = change.value / 2 % 3 == 0 ? core::spread_bytes_max + 1 : 1;
  if (r.led)
    r.way = core::next_way(
      r.way, bytes, r.order.owed() == 1,
      grant.chain.size() > 2
        && torn_.contains({grant.chain[1].store, grant.chain[2].store}));
  const auto left = std::make_shared<std::size_t>(1);
  if (!r.led || r.way == core::change_way::chain) {
    send_behind(grant, place, change, left);
    return;
  }
  *left = grant.chain.size() - 1;
  for (std::size_t i = 1; i < grant.chain.size(); ++i) {
    auto pair = grant;
    pair.chain = {grant.chain.front(), grant.chain[i]};
    send_behind(pair, 0, change, left);
  }
}

/// @param left So many have to answer.
void chunk_server::send_behind(const msg::chunk_grant& grant,
                               std::uint32_t place, const stored_change& change,
                               const std::shared_ptr<std::size_t>& left) {
  const auto* r = find(grant.chunk);
  rpc_.call<sim_replicate>(
    grant.chain[place + 1].data,
    {grant, place + 1, change, r->order.committed()},
    chain_timeout + chain_hop * (grant.chain.size() - place - 2),
    [this, chunk = grant.chunk, serial = change.what.serial,
     chain = grant.chain, version = grant.version,
     left](const result<sim_replicated>& z) {
      auto* again = find(chunk);
      if (again == nullptr || again->order.version() != version)
        return;
      if (!z) {
        again->broken = true;
        if (again->led && chain.size() > 2
            && z.error().code == ec::no_redundancy)
          torn_.emplace(chain[1].store, chain[2].store);
        end_lease(chunk, *again, ec::no_redundancy);
        return;
      }
      if (--*left > 0)
        return;
      again->order.confirmed(serial);
      answer_what_is_due(chunk);
    });
}

void chunk_server::replicate(const sim_replicate& x,
                             rpc_end::answer<sim_replicated> to) {
  const auto& grant = x.grant;
  auto admitted = admit_change(x);
  if (!admitted) {
    to(admitted.error());
    return;
  }
  auto& r = **admitted;
  const auto serial = x.change.what.serial;
  const auto step = r.order.follow(grant.version, serial);
  if (!step) {
    to(step.error());
    return;
  }
  r.waiting.push_back({serial, [to, serial](const result<nothing>& decided) {
                         if (decided)
                           to(sim_replicated{serial});
                         else
                           to(decided.error());
                       }});
  if (*step == core::replica_order::step::apply)
    apply(grant, x.place, r, x.change);
  else
    repeat(grant, x.place, r, x.change);
  if (auto* here = find(grant.chunk))
    here->order.learn_committed(grant.version, x.committed);
}

void chunk_server::answer_what_is_due(chunk_id chunk) {
  auto* r = find(chunk);
  while (const auto serial = r->order.next_answer())
    r->decided = *serial;
  const auto leads = r->order.leads();
  const auto decided = leads ? r->order.committed() : r->decided;
  const auto ready = [&] {
    return !r->waiting.empty() && r->waiting.front().decided_by <= decided;
  };
  // After the disk, before the answer: it may have been stopped in between.
  if (leads && ready() && (!leased() || boot_now() >= r->led->until)) {
    end_lease(chunk, *r, ec::lease_expired);
    return;
  }
  if (leads && ready())
    use_lease(*r);
  while (ready()) {
    const auto next = std::move(r->waiting.front());
    r->waiting.pop_front();
    next.tell(done);
  }
  if (!leads)
    return;
  std::vector<std::function<void()>> readers;
  std::erase_if(r->readers, [&](auto& reader) {
    if (reader.first > r->order.committed())
      return false;
    readers.push_back(std::move(reader.second));
    return true;
  });
  for (const auto& f : readers)
    f();
}

void chunk_server::end_lease(chunk_id chunk, replica& r, ec why) {
  if (r.led) {
    note(to_string(why), chunk, r.led->grant.version);
    const auto epoch = r.led->grant.epoch;
    led_.end(chunk, epoch, r.order.committed_extent(), r.order.all_committed());
    ended_.insert(epoch);
    r.led.reset();
  }
  r.order.end_lead();
  r.order.forget_owed();
  r.decided = {};
  r.levelling.reset();
  for (const auto& each : std::exchange(r.waiting, {}))
    each.tell(fail(why));
  r.readers.clear();
}

void chunk_server::use_lease(replica& r) {
  if (r.led && !std::exchange(r.led->active, true))
    led_.used(r.led->grant.epoch);
}

void chunk_server::check_leases() {
  for (auto& [chunk, r] : replicas_)
    if (r.led && boot_now() >= r.led->until)
      end_lease(chunk, r, ec::lease_expired);
}

} // namespace dfs::sim
