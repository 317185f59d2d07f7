#include "chunkserver/catch_up.hpp"

#include "base/crash_point.hpp"
#include "wire/data_frame.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace dfs::chunkserver {

namespace {

/// Sent and not answered.
constexpr std::size_t in_flight_max = 4 * 1024 * 1024;

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
  const auto mine = replica_->order.applied_extent().serial;
  std::vector<mutation_serial> lacks;
  for (const auto& other : order_.others) {
    if (other.extent.serial > mine)
      return finish(fail(ec::stale, "another replica has more"));
    if (other.extent.serial < mine)
      lacks.push_back(other.extent.serial);
  }
  if (order_.others.size() + 1 != order_.grant.chain.size())
    return finish(fail(ec::invalid_argument, "an order with other replicas"));
  if (lacks.empty())
    return begin({.from = mine});
  std::sort(lacks.begin(), lacks.end());
  const auto started = state_.on_disk<plan>(
    [store = replica_->store, chunk = replica_->chunk, lacks] {
      return make_plan(*store, chunk, lacks);
    },
    [self = shared_from_this()](plan found) { self->begin(std::move(found)); });
  if (!started)
    finish(fail(ec::busy, "too much work for the disks"));
}

/// Goes back as far as the store remembers.
catch_up::plan catch_up::make_plan(storage::chunk_store& store, chunk_id chunk,
                                   std::vector<mutation_serial> lacks) {
  for (const auto from : lacks) {
    auto known = store.mutations_after(chunk, from);
    if (!known)
      return {.outcome = known.error()};
    if (known->has_value())
      return {.from = from, .changes = std::move(**known)};
  }
  const auto state = store.state(chunk);
  if (!state)
    return {.outcome = state.error()};
  return {.from = state->serial};
}

void catch_up::begin(plan found) {
  if (over_)
    return;
  if (!found.outcome)
    return finish(found.outcome.error());
  if (!leave_out(found.from))
    return finish(fail(ec::no_redundancy, "too few replicas can be mended"));
  // Those have this version: the master goes on with another one, without
  // them, and nothing of this one may be promised to anybody.
  if (!behind_.empty())
    return finish(
      msg::lease_taken{.state = {.chunk = replica_->chunk,
                                 .extent = replica_->order.applied_extent()},
                       .behind = behind_});
  changes_ = std::move(found.changes);
  if (replica_->place.successor() == nullptr)
    changes_.clear();
  go_on();
}

/// @returns False: too few remain.
bool catch_up::leave_out(mutation_serial from) {
  auto grant = order_.grant;
  const auto whole = grant.chain.size();
  for (std::size_t i = order_.others.size(); i > 0; --i) {
    if (order_.others[i - 1].extent.serial >= from)
      continue;
    const auto place = grant.chain.begin() + static_cast<std::ptrdiff_t>(i);
    behind_.push_back(place->store);
    grant.chain.erase(place);
  }
  if (grant.chain.size() < std::min<std::size_t>(grant.replicas_min, whole))
    return false;
  replica_->place
    = {std::make_shared<const msg::chunk_grant>(std::move(grant)), 0};
  replica_->told.clear();
  return true;
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
  if (change.kind == storage::mutation_kind::write
      || change.kind == storage::mutation_kind::append) {
    if (change.length > msg::record_max)
      return finish(fail(ec::no_redundancy, "a change that is too long"));
    memory = state_.loop->buffers().take(change.length);
  }
  reading_ = state_.on_disk<piece>(
    [store = replica_->store, memory, change] {
      return read(*store, memory, change);
    },
    [self = shared_from_this()](piece next) { self->send(std::move(next)); });
  if (!reading_)
    finish(fail(ec::busy, "too much work for the disks"));
}

catch_up::piece catch_up::read(storage::chunk_store& store,
                               net::data_buffer memory,
                               const storage::mutation& x) {
  if (!memory.empty()) {
    const auto got = store.read_verified(
      x.chunk, x.offset, std::span{memory.data(), memory.size()});
    if (!got)
      return {.outcome = got.error(), .change = {}};
    if (*got != x.length)
      return {.outcome = fail(ec::io_error, "a chunk is shorter than its log"),
              .change = {}};
  }
  piece next;
  next.change.crcs = wire::piece_crcs(x.offset, memory.view());
  next.change.change = {.serial = x.serial,
                        .kind = static_cast<core::change_kind>(x.kind),
                        .offset = x.offset,
                        .length = x.length,
                        .writer = x.writer,
                        .sequence = x.sequence};
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
  chain_.pass_on(
    replica_, next.change,
    [self = shared_from_this(), bytes](const result<msg::replicated>& answer) {
      if (!answer)
        return self->finish(fail(ec::no_redundancy, answer.error().context));
      self->in_flight_ -= bytes;
      ++self->answered_;
      self->go_on();
    });
  go_on();
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
                     .behind = behind_});
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
