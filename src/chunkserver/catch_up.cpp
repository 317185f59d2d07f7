#include "chunkserver/catch_up.hpp"

#include "base/crash_point.hpp"
#include "wire/data_frame.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

namespace dfs::chunkserver {

namespace {

/// Sent and not answered.
constexpr std::size_t in_flight_max = 4 * 1024 * 1024;

/// A server that gives no sign of life for so long is silent: a new connection
/// takes some ms, and a ping goes out after 250 ms. With the second in which a
/// broken link shows, and the one in which the master's word is heard, a cut
/// stops writes for less than 4 s.
constexpr std::chrono::milliseconds probe_patience{600};

using some_changes = std::optional<std::vector<core::chunk_change>>;

result<some_changes> changes_after(const storage::chunk_store& store,
                                   chunk_id chunk, mutation_serial serial) {
  const auto known = store.mutations_after(chunk, serial);
  if (!known)
    return known.error();
  if (!known->has_value())
    return some_changes{};
  some_changes changes{std::in_place};
  changes->reserve((*known)->size());
  for (const auto& x : **known)
    changes->push_back({.serial = x.serial,
                        .kind = static_cast<core::change_kind>(x.kind),
                        .offset = x.offset,
                        .length = x.length,
                        .writer = x.writer,
                        .sequence = x.sequence});
  return changes;
}

} // namespace

catch_up::catch_up(server_state& state, chain& order, leases& books,
                   replica_ptr x, msg::take_lease what, boot_instant until)
  : state_{state},
    chain_{order},
    leases_{books},
    replica_{std::move(x)},
    order_{std::move(what)},
    until_{until} {
  // nop
}

void catch_up::start(callback done) {
  join(std::move(done));
  probe();
}

/// No version is named, because the answer must prove nothing: the master may
/// make another server primary. On the connection that changes will take.
void catch_up::probe() {
  const auto& chain = order_.grant.chain;
  const auto since = instant::clock::now();
  unprobed_ = chain.size() - 1;
  for (std::size_t i = 1; i < chain.size(); ++i)
    state_.links.call(
      chain[i], chain_links::lane_of(replica_->chunk),
      msg::get_extent{.chunk = replica_->chunk, .version = {}, .serial = {}},
      {}, probe_patience,
      [self = shared_from_this(), peer = chain[i],
       since](const result<msg::chunk_extent>&, const net::data_buffer&) {
        // Whatever it says, or if it is only busy: it is there.
        if (!self->state_.links.heard(peer, self->replica_->chunk, since))
          self->silent_.push_back(peer.store);
        if (--self->unprobed_ == 0)
          self->plan();
      });
  if (unprobed_ == 0)
    plan();
}

void catch_up::plan() {
  if (over_)
    return;
  using plan = result<core::level_plan>;
  const auto mine = replica_->order.applied_extent().serial;
  if (std::none_of(order_.others.begin(), order_.others.end(),
                   [mine](const auto& x) { return x.extent.serial < mine; }))
    return begin(core::plan_levelling(order_, mine, {}, silent_));
  const auto started = state_.on_disk<plan>(
    [store = replica_->store, chunk = replica_->chunk, order = order_, mine,
     silent = silent_]() -> plan {
      return core::plan_levelling(
        order, mine,
        [store, chunk](mutation_serial after) {
          return changes_after(*store, chunk, after);
        },
        silent);
    },
    [self = shared_from_this()](plan found) { self->begin(std::move(found)); });
  if (!started)
    finish(fail(ec::busy, "too much work for the disks"));
}

void catch_up::begin(result<core::level_plan> found) {
  if (over_)
    return;
  if (!found)
    return finish(found.error());
  if (!found->behind.empty())
    return report(std::move(found->behind));
  replica_->place = {std::make_shared<const msg::chunk_grant>(order_.grant), 0};
  replica_->told.clear();
  changes_ = std::move(found->changes);
  go_on();
}

void catch_up::go_on() {
  if (over_)
    return;
  if (answered_ == changes_.size())
    return lead();
  if (reading_ || next_ == changes_.size() || in_flight_ > in_flight_max)
    return;
  const auto& change = changes_[next_];
  net::data_buffer memory;
  if (core::writes_bytes(change)) {
    if (change.length > msg::record_max)
      return finish(fail(ec::no_redundancy, "a change that is too long"));
    memory = state_.loop->buffers().take(change.length);
  }
  reading_ = state_.on_disk<piece>(
    [store = replica_->store, chunk = replica_->chunk, memory, change] {
      return read(*store, chunk, memory, change);
    },
    [self = shared_from_this()](piece next) { self->send(std::move(next)); });
  if (!reading_)
    finish(fail(ec::busy, "too much work for the disks"));
}

catch_up::piece catch_up::read(storage::chunk_store& store, chunk_id chunk,
                               net::data_buffer memory,
                               const core::chunk_change& x) {
  if (!memory.empty()) {
    const auto got = store.read_verified(
      chunk, x.offset, std::span{memory.data(), memory.size()});
    if (!got)
      return {.outcome = got.error(), .change = {}};
    if (*got != x.length)
      return {.outcome = fail(ec::io_error, "a chunk is shorter than its log"),
              .change = {}};
  }
  piece next;
  next.change.crcs = wire::piece_crcs(x.offset, memory.view());
  next.change.change = x;
  next.change.data = std::move(memory);
  return next;
}

void catch_up::send(piece next) {
  reading_ = false;
  if (over_)
    return;
  if (!next.outcome) {
    const auto reason = next.outcome.error();
    finish(reason);
    if (reason.code == ec::integrity)
      state_.quarantine(replica_->chunk);
    return;
  }
  ++next_;
  const auto bytes = next.change.data.size();
  in_flight_ += bytes;
  DFS_CRASH_POINT("data.catch_up");
  const auto serial = next.change.change.serial;
  const auto left = std::make_shared<std::size_t>(0);
  for (std::size_t i = 0; i < order_.others.size(); ++i) {
    if (order_.others[i].extent.serial >= serial)
      continue;
    ++*left;
    chain_.send_alone(replica_, next.change, i + 1,
                      [self = shared_from_this(), bytes, left,
                       place = i + 1](const result<msg::replicated>& answer) {
                        if (!answer)
                          return self->lose(place, answer.error());
                        if (--*left > 0)
                          return;
                        self->in_flight_ -= bytes;
                        ++self->answered_;
                        self->go_on();
                      });
  }
  go_on();
}

/// The others go on without it, unless this server is at fault.
void catch_up::lose(std::size_t place, const error& reason) {
  if (over_)
    return;
  if (reason.code == ec::shutting_down)
    return finish(reason);
  auto found = core::plan_without(order_, {order_.grant.chain[place].store});
  if (!found)
    return finish(fail(ec::no_redundancy, reason.context));
  report(std::move(found->behind));
}

void catch_up::report(std::vector<store_id> behind) {
  finish(msg::lease_taken{.state = {.chunk = replica_->chunk,
                                    .extent = replica_->order.applied_extent()},
                          .behind = std::move(behind)});
}

void catch_up::lead() {
  if (state_.leases.now() >= until_)
    return finish(fail(ec::lease_expired, "it took longer than the lease"));
  const auto appends = replica_->store->appends(replica_->chunk);
  if (!appends)
    return finish(appends.error());
  auto writes = replica_->store->writes(replica_->chunk);
  if (!writes)
    return finish(writes.error());
  core::known_writers known{.appends = {}, .writes = *std::move(writes)};
  known.appends.reserve(appends->size());
  for (const auto& x : *appends)
    known.appends.push_back({x.writer, x.sequence, x.offset, x.length});
  const auto self = shared_from_this();
  replica_->catching_up.reset();
  leases_.begin(*replica_, replica_->place.grant, until_, known);
  finish(
    msg::lease_taken{.state = {.chunk = replica_->chunk,
                               .extent = replica_->order.committed_extent()},
                     .behind = {}});
  chain_.settle(replica_);
}

void catch_up::abort(const error& reason) {
  finish(reason);
}

void catch_up::finish(const result<msg::lease_taken>& outcome) {
  if (std::exchange(over_, true))
    return;
  const auto self = shared_from_this();
  if (replica_->catching_up.get() == this)
    replica_->catching_up.reset();
  for (auto& each : std::exchange(waiting_, {}))
    each(outcome);
}

} // namespace dfs::chunkserver
