#include "chunkserver/chain.hpp"

#include "base/crash_point.hpp"
#include "core/chunks/fresh_lease.hpp"
#include "wire/codec.hpp"
#include "wire/data_frame.hpp"

#include <array>
#include <chrono>
#include <span>
#include <utility>

namespace dfs::chunkserver {

namespace {

/// A commit mark waits so long for a change that takes it along.
constexpr std::chrono::milliseconds announce_after{1};

/// A store that was busy is asked again after its sync, and this pause.
constexpr std::chrono::milliseconds retry_pause{1};

storage::mutation mutation_of(const replica& x, const core::chunk_change& y) {
  return {.chunk = x.chunk,
          .version = x.order.version(),
          .serial = y.serial,
          .kind = static_cast<storage::mutation_kind>(y.kind),
          .offset = y.offset,
          .length = y.length,
          .writer = y.writer,
          .sequence = y.sequence};
}

} // namespace

chain::chain(server_state& state)
  : state_{state},
    announcer_{state.loop->io()} {
  // nop
}

void chain::stop() {
  announcer_.cancel();
}

bool chain::leading(const replica& x) const {
  const auto now = state_.leases.now();
  return x.order.leads() && now < x.lease_until && state_.leases.serving(now)
         && x.lease_from >= state_.leases.unbroken_since();
}

void chain::note_use(replica& x) {
  if (x.order.leads() && !std::exchange(x.active, true))
    lease_used(x);
}

// -- down the chain -----------------------------------------------------------

result<nothing> chain::apply(const replica_ptr& x, const bulk_change& change) {
  DFS_CRASH_POINT("data.received");
  const std::array<std::string_view, 1> pieces{change.data.view()};
  const auto applied = x->store->apply(
    mutation_of(*x, change.change),
    {.pieces = std::span{pieces}.first(change.data.empty() ? 0 : 1),
     .crcs = change.crcs});
  if (!applied) {
    if (applied.error().code == ec::busy || applied.error().code == ec::full)
      return applied.error();
    return broken_by(*x, applied.error());
  }
  DFS_CRASH_POINT("data.applied");
  note_use(*x);
  applying_ = true;
  ++state_.counts->changes_open;
  const auto durable = change.ack == msg::change_ack::durable;
  x->order.applied(change.change, durable, x->place.successor() != nullptr);
  wait_for_chain(x, change);
  if (durable)
    wait_for_disk(x, change.change.serial);
  applying_ = false;
  if (const auto failed = std::exchange(disk_failed_, std::nullopt))
    return broken_by(*x, *failed);
  return done;
}

/// The store and the order have parted, or the disk has failed: this replica
/// can take no change any more.
error chain::broken_by(replica& x, const error& reason) {
  const auto chunk = x.chunk;
  give_up(x, fail(ec::no_redundancy,
                  "the primary's replica failed: " + reason.context));
  x.broken = true;
  if (reason.code == ec::integrity)
    state_.quarantine(chunk);
  return fail(reason.code == ec::io_error ? ec::io_error : ec::no_redundancy,
              reason.context);
}

void chain::wait_for_disk(const replica_ptr& x, mutation_serial serial) {
  state_.when_durable(
    *x, [this, weak = std::weak_ptr{x}, serial,
         version = x->order.version()](const result<nothing>& outcome) {
      const auto mine = weak.lock();
      if (!mine || mine->order.version() != version)
        return;
      DFS_CRASH_POINT("data.synced");
      // Called at once, from inside `apply`: it does the rest.
      if (!outcome && applying_)
        disk_failed_ = outcome.error();
      else if (!outcome)
        (void) broken_by(*mine, outcome.error());
      if (!outcome)
        return;
      mine->order.synced(serial);
      if (!applying_)
        settle(mine);
    });
}

void chain::wait_for_chain(const replica_ptr& x, const bulk_change& change) {
  if (x->place.successor() == nullptr)
    return;
  const auto before = x->way;
  if (x->order.leads())
    x->way = core::next_way(before, change.data.size(), x->order.owed() == 1,
                            is_torn(*x));
  if (x->way != before)
    x->told.clear();
  const auto spreads = x->order.leads() && x->way == core::change_way::spread;
  const auto left
    = std::make_shared<std::size_t>(spreads ? x->place.behind() : 1);
  const auto answered
    = [this, left, spreads, weak = std::weak_ptr{x},
       serial = change.change.serial,
       version = x->order.version()](result<msg::replicated> answer) {
        const auto mine = weak.lock();
        if (!mine || mine->order.version() != version || mine->broken)
          return;
        if (answer && answer->serial == serial) {
          if (--*left > 0)
            return;
          mine->order.confirmed(serial);
          return settle(mine);
        }
        mine->broken = true;
        // The second answers: the link behind it is at fault.
        if (!answer && !spreads && answer.error().code == ec::no_redundancy)
          note_torn(*mine);
        give_up(*mine, fail(ec::no_redundancy,
                            answer ? "an answer about another change"
                                   : answer.error().context));
      };
  if (spreads)
    spread(x, change, answered);
  else
    pass_on(x, change, answered);
}

// -- answers ------------------------------------------------------------------

void chain::settle(const replica_ptr& x) {
  const auto leads = x->order.leads();
  while (const auto serial = x->order.next_answer()) {
    x->decided = *serial;
    --state_.counts->changes_open;
    note_use(*x);
  }
  const auto decided = leads ? x->order.committed() : x->decided;
  const auto due
    = [&] { return !x->due.empty() && x->due.front().decided_by <= decided; };
  if (leads && due() && !leading(*x)) // I3
    return give_up(*x, fail(ec::lease_expired, "the lease is over"));
  while (due()) {
    const auto next = std::move(x->due.front());
    x->due.pop_front();
    answer(*x, next);
  }
  if (!leads)
    return;
  answer_reads(*x);
  announce_later(x);
  if (!x->releasing.empty() && x->order.owed() == 0)
    give_up(*x, fail(ec::not_primary, "the lease was given back"));
}

void chain::answer(replica& x, const answer_due& due) {
  if (due.what == answer_due::form::replicate) {
    DFS_CRASH_POINT("data.confirmed");
    return due.to->answer(
      due.id, wire::encode(msg::replicated{
                .serial = due.decided_by,
                .replicas = static_cast<std::uint8_t>(x.place.behind() + 1)}));
  }
  DFS_CRASH_POINT("data.acknowledged");
  const auto extent = x.order.committed_extent();
  if (due.full)
    return due.to->refuse(due.id, fail(ec::chunk_full, "the chunk is full"));
  if (due.what == answer_due::form::settle)
    return due.to->answer(
      due.id, wire::encode(msg::append_settled{
                .done = due.done, .offset = due.offset, .extent = extent}));
  due.to->answer(due.id, wire::encode(msg::chunk_changed{.offset = due.offset,
                                                         .extent = extent}));
}

void chain::answer_reads(replica& x) {
  if (x.reads.empty())
    return;
  std::vector<read_due> ready;
  std::erase_if(x.reads, [&](read_due& each) {
    if (each.decided_by > x.order.committed())
      return false;
    ready.push_back(std::move(each));
    return true;
  });
  for (auto& each : ready)
    each.go_on(done);
}

void chain::give_up(replica& x, const error& reason) {
  state_.counts->changes_open -= x.order.owed();
  x.order.forget_owed();
  x.decided = {};
  if (x.order.leads())
    lease_over(x, reason);
  for (auto& each : x.due)
    each.to->refuse(each.id, reason);
  x.due.clear();
  for (auto& each : std::exchange(x.reads, {}))
    each.go_on(fail(ec::not_primary, "changes are not decided here"));
  for (auto& each : std::exchange(x.releasing, {}))
    each();
}

// -- changes that have to wait ------------------------------------------------

void chain::stall(const replica_ptr& x, std::function<bool()> again) {
  x->stalled.push_back(std::move(again));
  if (x->stalled.size() > 1)
    return;
  if (x->order.leads() && x->stalled_until > x->order.committed())
    return x->reads.push_back( // Also when the lease ends: to be refused.
      {x->stalled_until, [this, weak = std::weak_ptr{x}](const auto&) {
         boost::asio::post(state_.loop->io(),
                           [this, mine = weak.lock()] { run_stalled(mine); });
       }});
  auto timer = std::make_shared<boost::asio::steady_timer>(state_.loop->io());
  const auto retry = [this, timer, x](const result<nothing>&) {
    timer->expires_after(retry_pause);
    timer->async_wait([this, timer, x](auto failed) {
      if (!failed)
        run_stalled(x);
    });
  };
  state_.when_durable(*x, retry);
}

void chain::run_stalled(const replica_ptr& x) {
  const net::data_loop::turn turn{*state_.loop};
  while (!x->stalled.empty()) {
    if (!x->stalled.front()()) {
      // Wait anew, with the others behind it.
      auto again = std::move(x->stalled.front());
      auto rest = std::exchange(x->stalled, {});
      rest.pop_front();
      stall(x, std::move(again));
      for (auto& each : rest)
        x->stalled.push_back(std::move(each));
      return;
    }
    x->stalled.pop_front();
  }
}

// -- from the predecessor -----------------------------------------------------

void chain::on_replicate(net::data_request& request) {
  auto message = wire::decode<msg::replicate>(request.message);
  const auto refuse = [&](ec code, std::string text) {
    request.from->refuse(request.id, fail(code, std::move(text)));
  };
  if (!request.from->peer().server)
    return refuse(ec::denied, "only servers replicate");
  if (!message)
    return refuse(ec::malformed, message.error().context);
  const auto carries_data
    = message->kind <= static_cast<std::uint8_t>(core::change_kind::append);
  if (message->kind == 0
      || message->kind > static_cast<std::uint8_t>(core::change_kind::bar)
      || (carries_data ? message->length : 0) != request.data.size())
    return refuse(ec::malformed, "a change that does not fit its bytes");
  if (!wire::pieces_match(message->offset, request.data.view(), message->crcs))
    return refuse(ec::integrity, "bytes with a wrong checksum");
  state_.counts->bytes_replicated += request.data.size();
  const auto arrived = std::make_shared<arrival>(arrival{
    request.from, request.id, *std::move(message), std::move(request.data)});
  const auto x = state_.find(arrived->change.chunk);
  if (x && !x->stalled.empty())
    return stall(x, [this, arrived] { return follow(arrived); });
  if (!follow(arrived))
    stall(state_.find(arrived->change.chunk),
          [this, arrived] { return follow(arrived); });
}

/// @returns False: busy.
bool chain::follow(const std::shared_ptr<arrival>& arrived) {
  const auto outcome = try_follow(*arrived);
  if (outcome)
    return *outcome;
  arrived->from->refuse(arrived->id, outcome.error());
  return true;
}

result<bool> chain::try_follow(arrival& arrived) {
  const auto& message = arrived.change;
  auto here = admit(arrived);
  if (!here)
    return here.error();
  const auto& x = *here;
  const auto step = x->order.follow(message.version, message.serial);
  if (!step)
    return step.error();
  const bulk_change change{
    .change = {.serial = message.serial,
               .kind = static_cast<core::change_kind>(message.kind),
               .offset = message.offset,
               .length = message.length,
               .writer = message.writer,
               .sequence = message.sequence},
    .ack = message.ack,
    .data = arrived.data,
    .crcs = message.crcs};
  const auto taken = *step == core::replica_order::step::apply
                       ? apply(x, change)
                       : repeat(x, change);
  if (!taken && taken.error().code == ec::busy)
    return false;
  if (!taken)
    return taken.error();
  x->order.learn_committed(message.version, message.committed);
  x->due.push_back({.decided_by = message.serial,
                    .to = arrived.from,
                    .id = arrived.id,
                    .what = answer_due::form::replicate});
  settle(x);
  return true;
}

result<replica_ptr> chain::admit(const arrival& arrived) {
  const auto& message = arrived.change;
  auto x = state_.find(message.chunk);
  const auto* grant = message.grant.empty() ? nullptr : &message.grant.front();
  if (auto current = state_.check_current(message.chunk, message.version);
      !current)
    return current.error();
  if (!x) {
    if (grant == nullptr || grant->version != message.version)
      return fail(ec::not_found, "the chunk is not here");
    if (auto may
        = core::may_make_fresh(*grant, message.serial, state_.former_grants);
        !may)
      return may.error();
    auto made = state_.replicas.create(message.chunk, message.version,
                                       state_.leases.now());
    if (!made)
      return made.error();
    x = *std::move(made);
    if (state_.options.events.arrived)
      state_.options.events.arrived(
        {.chunk = x->chunk, .extent = x->order.applied_extent()});
  }
  if (x->order.version() != message.version)
    return fail(ec::stale, "another version of the chunk is here");
  if (x->order.leads() || x->catching_up)
    return fail(ec::stale, "this server leads the chunk");
  if (grant != nullptr && grant->version == message.version) {
    for (std::size_t i = 1; i < grant->chain.size(); ++i)
      if (grant->chain[i].store == state_.options.store) {
        x->place = {std::make_shared<const msg::chunk_grant>(*grant), i};
        x->told.clear(); // Who is behind here may have another place, too.
      }
  }
  if (!x->place.grant || x->place.grant->version != message.version)
    return fail(ec::stale, "this server does not know its place");
  if (x->broken)
    return fail(ec::no_redundancy, "the chain is broken behind this server");
  return x;
}

/// It is here already; those behind may lack it.
result<nothing> chain::repeat(const replica_ptr& x, const bulk_change& change) {
  const auto serial = change.change.serial;
  if (auto owed
      = x->order.owe_again(serial, true, x->place.successor() != nullptr);
      !owed)
    return owed.error();
  ++state_.counts->changes_open;
  wait_for_chain(x, change);
  applying_ = true;
  wait_for_disk(x, serial);
  applying_ = false;
  if (const auto failed = std::exchange(disk_failed_, std::nullopt))
    return broken_by(*x, *failed);
  return done;
}

void chain::on_note(const net::data_request& request) {
  const auto note = wire::decode<msg::note_committed>(request.message);
  if (!note || !request.from->peer().server)
    return;
  if (const auto x = state_.find(note->chunk))
    x->order.learn_committed(note->version, note->committed);
}

// -- commit marks -------------------------------------------------------------

void chain::announce_later(const replica_ptr& x) {
  if (x->place.successor() == nullptr || x->announcing || !x->order.proven()
      || x->announced >= x->order.committed())
    return;
  x->announcing = true;
  to_announce_.push_back(x);
  if (std::exchange(announcing_, true))
    return;
  announcer_.expires_after(announce_after);
  announcer_.async_wait([this](auto failed) {
    if (!failed)
      announce();
  });
}

void chain::announce() {
  announcing_ = false;
  const net::data_loop::turn turn{*state_.loop};
  for (const auto& weak : std::exchange(to_announce_, {})) {
    const auto x = weak.lock();
    if (!x)
      continue;
    x->announcing = false;
    if (!x->order.proven() || x->announced >= x->order.committed())
      continue;
    x->announced = x->order.committed();
    const msg::note_committed note{.chunk = x->chunk,
                                   .version = x->order.version(),
                                   .committed = x->announced};
    for (std::size_t i = 1; i < x->place.grant->chain.size(); ++i)
      state_.links.note_committed(x->place.grant->chain[i], note);
  }
}

} // namespace dfs::chunkserver
