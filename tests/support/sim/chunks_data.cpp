#include "support/sim/chunks_server.hpp"

#include <algorithm>

// The data plane of a simulated chunkserver: the order of changes is the real
// core's, its bytes are numbers.

namespace dfs::sim {

using namespace std::chrono_literals;

namespace {

constexpr auto chain_timeout = 1s;
constexpr auto reader_patience = 1s;
constexpr std::size_t open_max = 3;

core::chunk_change change_of(mutation_serial serial, std::uint64_t value) {
  core::chunk_change x;
  x.serial = serial;
  x.length = 1;
  if ((value & put_value) == 0) {
    x.writer = identity_of(value).writer;
    x.sequence = identity_of(value).sequence;
  }
  return x;
}

} // namespace

void chunk_server::serve_data() {
  rpc_.serve<sim_write>(
    [this](const auto& x, auto to) { write(x, std::move(to)); });
  rpc_.serve<sim_replicate>(
    [this](const auto& x, auto to) { replicate(x, std::move(to)); });
  rpc_.serve<sim_read>(
    [this](const auto& x, auto to) { read(x, std::move(to)); });
  rpc_.serve<sim_fetch>([this](const sim_fetch& x, auto to) {
    auto* r = find(x.chunk);
    if (r == nullptr || r->order.version() != x.version
        || is_revoked(x.chunk, x.version))
      to(fail(r == nullptr ? ec::not_found : ec::stale));
    else
      to(sim_content{stored(x.chunk).log, r->order.committed()});
  });
}

core::known_writers chunk_server::writers(chunk_id chunk) {
  core::known_writers known;
  const auto& log = stored(chunk).log;
  for (std::size_t i = 0; i < log.size() && !mutant("amnesia"); ++i)
    if (const auto x = change_of(mutation_serial{i + 1}, log[i]);
        x.writer != writer_id{})
      known.writes.note({x.writer, x.sequence, x.serial});
  return known;
}

result<nothing> chunk_server::may_create(const msg::chunk_grant& grant) const {
  if (!grant.fresh)
    return fail(ec::not_found);
  if (grant.term < disk_.newest && !mutant("old-term"))
    return fail(ec::stale);
  if (is_revoked(grant.chunk, grant.version))
    return fail(ec::stale);
  if (ended_.contains(grant.epoch)) // And the chunk was deleted since.
    return fail(ec::not_primary);
  return done;
}

result<nothing>
chunk_server::lead_fresh(replica& r, const msg::chunk_grant& grant) {
  const auto until = keeper_->end_of(grant);
  if (!grant.fresh || ended_.contains(grant.epoch)
      || grant.version != r.order.version() || r.led
      || (grant.term < disk_.newest && !mutant("old-term"))
      || is_revoked(grant.chunk, grant.version))
    return fail(ec::not_primary);
  if (!until)
    return until.error();
  if (boot_now() >= *until)
    return fail(ec::lease_expired);
  // Who leads a fresh chunk has ordered all that is in it, or nothing is.
  if (r.order.applied_extent().serial != mutation_serial{})
    return fail(ec::not_primary);
  r.order.lead(grant.epoch, {}, grant.chunk_size);
  r.led = lease{grant, *until, true};
  led_.begin(grant.chunk, grant.epoch);
  return done;
}

void chunk_server::write(const sim_write& x, done_write to) {
  const auto& grant = x.grant;
  auto* r = find(grant.chunk);
  if (r == nullptr) {
    if (auto may = may_create(grant); !may) {
      to(may.error());
      return;
    }
    // As `leases::check`: what another life was granted makes nothing here.
    const auto until = keeper_->end_of(grant);
    if (!until || boot_now() >= *until) {
      to(fail(until ? ec::lease_expired : until.error().code));
      return;
    }
    r = &make(grant.chunk, grant.version);
    keeper_->arrived(state_of(grant.chunk));
  }
  if (!r->order.leads())
    if (auto leads = lead_fresh(*r, grant); !leads) {
      to(leads.error());
      return;
    }
  if (auto may = r->order.may_change(grant.version, grant.epoch); !may) {
    to(may.error());
    return;
  }
  if (!leased() || boot_now() >= r->led->until) {
    to(fail(ec::lease_expired));
    return;
  }
  if (r->led->grant.chain.size() < grant.replicas_min) {
    to(fail(ec::no_redundancy));
    return;
  }
  if (r->open.size() >= open_max) {
    to(fail(ec::busy));
    return;
  }
  order(x, *r, std::move(to));
}

void chunk_server::order(const sim_write& x, replica& r, done_write to) {
  std::optional<msg::write_identity> once;
  if ((x.value & put_value) == 0 && !mutant("forgetful"))
    once = identity_of(x.value, x.since);
  const auto plan = r.order.plan_write(0, 1, once);
  if (!plan) {
    to(plan.error());
    return;
  }
  if (plan->again) { // Every value is about the same byte.
    r.readers.emplace_back(
      plan->decided_by, [this, x, to = std::move(to)] { write(x, to); });
    return;
  }
  if (plan->apply) {
    use_lease(r);
    r.open[plan->decided_by] = {x.value, std::move(to), {}};
    apply(x.grant.chunk, r, change_of(plan->decided_by, x.value), x.value,
          r.led->grant, 0);
    return;
  }
  auto answer = [this, chunk = x.grant.chunk, serial = plan->decided_by, to] {
    auto* again = find(chunk);
    cluster_.witness().acted(host_.index(), chunk, again->order.version());
    auto extent = again->order.applied_extent();
    extent.serial = serial;
    to(sim_written{extent});
  };
  if (plan->decided_by <= r.order.committed())
    answer();
  else
    r.readers.emplace_back(plan->decided_by, std::move(answer));
}

void chunk_server::apply(chunk_id chunk, replica& r,
                         const core::chunk_change& change, std::uint64_t value,
                         const msg::chunk_grant& grant, std::uint32_t place) {
  const bool behind = place + 1 < grant.chain.size();
  r.order.applied(change, true, behind);
  stored(chunk).log.push_back(value);
  sync(chunk, [this, chunk, serial = change.serial] {
    if (auto* again = find(chunk)) {
      again->order.synced(serial);
      answer_what_is_due(chunk);
    }
  });
  if (!behind)
    return;
  // Values have no length: a third of them is taken for large ones.
  const auto bytes = value / 2 % 3 == 0 ? core::spread_bytes_max + 1 : 1;
  if (place == 0)
    r.way = core::next_way(r.way, bytes, r.order.owed() == 1);
  const auto left = std::make_shared<std::size_t>(1);
  if (place != 0 || r.way == core::change_way::chain) {
    send_behind(chunk, grant, place, change.serial, value, left);
    return;
  }
  *left = grant.chain.size() - 1;
  for (std::size_t i = 1; i < grant.chain.size(); ++i) {
    auto pair = grant;
    pair.chain = {grant.chain.front(), grant.chain[i]};
    send_behind(chunk, pair, 0, change.serial, value, left);
  }
}

/// @param left So many have to answer.
void chunk_server::send_behind(chunk_id chunk, const msg::chunk_grant& grant,
                               std::uint32_t place, mutation_serial serial,
                               std::uint64_t value,
                               const std::shared_ptr<std::size_t>& left) {
  const auto* r = find(chunk);
  const sim_replicate y{grant, place + 1, serial, value, r->order.committed()};
  rpc_.call<sim_replicate>(
    grant.chain[place + 1].data, y, chain_timeout,
    [this, chunk, serial, version = grant.version, place,
     left](const result<sim_replicated>& z) {
      auto* again = find(chunk);
      if (again == nullptr || again->order.version() != version)
        return;
      if (z && --*left > 0)
        return;
      if (z) {
        again->order.confirmed(serial);
        answer_what_is_due(chunk);
      } else if (place == 0) {
        end_lease(chunk, *again, ec::no_redundancy);
      } else if (auto open = again->open.find(serial);
                 open != again->open.end()) {
        const auto answer = std::move(open->second.answer_behind);
        again->open.erase(open);
        answer(z.error());
      }
    });
}

void chunk_server::replicate(const sim_replicate& x,
                             rpc_end::answer<sim_replicated> to) {
  const auto& grant = x.grant;
  auto* r = find(grant.chunk);
  if (r == nullptr) {
    if (auto may = may_create(grant); !may) {
      to(may.error());
      return;
    }
    r = &make(grant.chunk, grant.version);
    keeper_->arrived(state_of(grant.chunk));
  }
  const auto step = r->order.follow(grant.version, x.serial);
  if (!step || is_revoked(grant.chunk, grant.version) || r->order.leads()) {
    to(fail(ec::stale));
    return;
  }
  r->order.learn_committed(grant.version, x.committed);
  if (*step == core::replica_order::step::apply) {
    r->open[x.serial] = {x.value, {}, std::move(to)};
    apply(grant.chunk, *r, change_of(x.serial, x.value), x.value, grant,
          x.place);
    return;
  }
  // Here already: it is to be durable, here and behind.
  sync(grant.chunk, [this, x, to] {
    if (x.place + 1 >= x.grant.chain.size()) {
      to(sim_replicated{x.serial});
      return;
    }
    auto y = x;
    ++y.place;
    rpc_.call<sim_replicate>(x.grant.chain[y.place].data, y, chain_timeout,
                             [to](const result<sim_replicated>& z) { to(z); });
  });
}

void chunk_server::answer_what_is_due(chunk_id chunk) {
  auto* r = find(chunk);
  while (const auto serial = r->order.next_answer()) {
    auto node = r->open.extract(*serial);
    if (!r->order.leads()) {
      if (!node.empty() && node.mapped().answer_behind)
        node.mapped().answer_behind(sim_replicated{*serial});
      continue;
    }
    // After the disk, before the answer: it may have been stopped in between.
    if (!leased() || boot_now() >= r->led->until) {
      if (!node.empty())
        node.mapped().answer(fail(ec::lease_expired));
      end_lease(chunk, *r, ec::lease_expired);
      return;
    }
    cluster_.witness().acted(host_.index(), chunk, r->order.version());
    use_lease(*r);
    auto extent = r->order.applied_extent();
    extent.serial = *serial;
    if (!node.empty())
      node.mapped().answer(sim_written{extent});
  }
  std::vector<std::function<void()>> ready;
  std::erase_if(r->readers, [&](auto& reader) {
    if (reader.first > r->order.committed())
      return false;
    ready.push_back(std::move(reader.second));
    return true;
  });
  for (const auto& f : ready)
    f();
}

void chunk_server::read(const sim_read& x, rpc_end::answer<sim_bytes> to) {
  auto* r = find(x.chunk);
  if (r == nullptr) {
    to(fail(ec::not_found));
    return;
  }
  if (!leased() || is_revoked(x.chunk, r->order.version())) {
    to(fail(ec::lease_expired));
    return;
  }
  if (auto has = r->order.has(x.version, x.serial); !has) {
    to(has.error());
    return;
  }
  const auto wait = r->order.unsettled(x.serial, 0, 1);
  const auto& log = stored(x.chunk).log;
  if (!wait) {
    to(log.empty() ? sim_bytes{}
                   : sim_bytes{mutation_serial{log.size()}, log.back()});
    return;
  }
  if (!r->order.leads()) {
    to(fail(ec::not_primary));
    return;
  }
  const auto limit = boot_now() + reader_patience;
  r->readers.emplace_back(*wait, [this, x, to, limit] {
    if (boot_now() < limit)
      read(x, to);
    else
      to(fail(ec::timed_out));
  });
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
  for (auto& [serial, open] : std::exchange(r.open, {})) {
    if (open.answer)
      open.answer(fail(why));
    if (open.answer_behind)
      open.answer_behind(fail(why));
  }
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
