#include "chunkserver/copy_job.hpp"

#include "base/crash_point.hpp"
#include "wire/data_frame.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace dfs::chunkserver {

namespace {

/// Pieces asked for and not yet written.
constexpr std::size_t pieces_max = 4;

/// A chunk that is overwritten while it is copied.
constexpr int rounds_max = 5;

constexpr std::chrono::seconds patience{5};

instant now() {
  return instant::clock::now();
}

/// Where the first block begins that does not have its checksum.
std::uint32_t first_bad(std::uint32_t offset, std::string_view bytes,
                        const std::vector<std::uint32_t>& crcs) {
  auto at = offset;
  std::size_t n = 0;
  for (const auto crc : wire::piece_crcs(offset, bytes)) {
    if (n == crcs.size() || crcs[n++] != crc)
      break;
    at += wire::piece_room(at);
  }
  return std::min(at, offset + static_cast<std::uint32_t>(bytes.size()) - 1);
}

} // namespace

copy_job::copy_job(copies& home, const msg::copy_chunk& order)
  : home_{home},
    order_{order},
    timer_{home.state().loop->io()} {
  // nop
}

void copy_job::begin() {
  if (order_.from.empty())
    return finish(fail(ec::unavailable, "nobody to copy from"));
  if (const auto x = home_.in_service(chunk()))
    replaced_ = x->order.version();
  ask();
}

/// The present source cannot be used.
void copy_job::try_source(const error& why_not) {
  begin_again();
  const auto next = core::next_source(order_, source_, why_not);
  if (!next)
    return finish(next.error());
  source_ = *next;
  // What is being written of the former attempt must not come to the new one.
  if (!writing_)
    ask();
}

void copy_job::ask() {
  const auto first = goal_.extent.version == chunk_version{};
  home_.state().links.ask(
    order_.from[source_],
    msg::get_changes{.chunk = chunk(),
                     .version = order_.wanted.extent.version,
                     .after = first ? mutation_serial{~std::uint64_t{0}}
                                    : goal_.extent.serial,
                     .known = order_.wanted.extent.serial},
    patience,
    [self = shared_from_this(), mine = attempt_](
      const result<msg::chunk_changes>& found, const net::data_buffer&) {
      if (mine == self->attempt_ && !self->over_)
        self->asked(found);
    });
}

void copy_job::asked(const result<msg::chunk_changes>& found) {
  if (!found)
    return try_source(found.error());
  const auto first = goal_.extent.version == chunk_version{};
  if (auto fits = core::accept_source(order_, found->extent); !fits)
    return try_source(fits.error());
  if (!first && found->extent == goal_.extent)
    return complete();
  if (first || !only_added(*found)) {
    if (++rounds_ > rounds_max)
      return try_source(fail(ec::busy, "the chunk is changed all the time"));
    if (auto made = make_room(); !made)
      return made.error().code == ec::full ? no_room(made.error())
                                           : finish(made.error());
    asked_to_ = written_to_ = 0;
  }
  goal_ = *found;
  goal_.changes.clear();
  read_on();
}

/// Whether the copy so far is still right.
bool copy_job::only_added(const msg::chunk_changes& found) const {
  return found.known && found.extent.version == goal_.extent.version
         && std::all_of(found.changes.begin(), found.changes.end(),
                        [this](const auto& x) {
                          return x.length == 0 || x.offset >= written_to_;
                        });
}

result<nothing> copy_job::make_room() {
  auto& state = home_.state();
  if (const auto x = home_.in_service(chunk())) {
    auto now = place();
    // One that leads an older version gives that up.
    if (!x->catching_up && now.here->version < order_.wanted.extent.version)
      now.leads = false;
    if (auto may = core::may_replace(order_, now); !may)
      return may;
    home_.order().give_up(*x, fail(ec::stale, "the chunk is copied anew"));
    // On the same volume one record makes one of the other.
    if (!elsewhere_ && store_ != x->store) {
      if (store_ != nullptr)
        (void) store_->drop_copy(chunk());
      store_ = x->store;
    }
  }
  if (store_ == nullptr) {
    auto room = state.places.with_room();
    if (!room)
      return room.error();
    store_ = *room;
  }
  return store_->begin_copy(chunk(), storage::copy_cache::past);
}

void copy_job::read_on() {
  if (over_ || goal_.extent.version == chunk_version{})
    return; // The source has not said yet how much there is.
  const auto end = goal_.extent.padded_from;
  if (written_to_ == end && reading_ == 0 && here_.empty() && !writing_)
    return ask();
  while (!paused_ && asked_to_ < end && reading_ + here_.size() < pieces_max) {
    const auto length = std::min(msg::data_max, end - asked_to_);
    const auto at = now();
    if (const auto when = home_.admit(length, at); when > at) {
      // The bytes are charged when they are asked for, so ask for them then.
      const auto offset = std::exchange(asked_to_, asked_to_ + length);
      ++reading_;
      paused_ = true;
      timer_.expires_at(when);
      timer_.async_wait([self = shared_from_this(), offset, length,
                         mine = attempt_](auto failed) {
        if (failed || self->over_)
          return;
        self->paused_ = false;
        if (mine != self->attempt_)
          return self->read_on();
        --self->reading_;
        self->read(offset, length);
        self->read_on();
      });
      return;
    }
    read(std::exchange(asked_to_, asked_to_ + length), length);
  }
}

/// Of the replica that is copied.
msg::read_chunk
copy_job::part(std::uint32_t offset, std::uint32_t length) const {
  return {.chunk = chunk(),
          .version = order_.wanted.extent.version,
          .serial = goal_.extent.serial,
          .offset = offset,
          .length = length};
}

void copy_job::read(std::uint32_t offset, std::uint32_t length) {
  ++reading_;
  home_.state().links.ask(
    order_.from[source_], part(offset, length), patience,
    [self = shared_from_this(), offset, length, mine = attempt_](
      const result<msg::chunk_bytes>& answer, net::data_buffer data) {
      if (self->over_ || mine != self->attempt_)
        return;
      --self->reading_;
      self->arrived(offset, length, answer, std::move(data));
    });
}

void copy_job::arrived(std::uint32_t offset, std::uint32_t length,
                       const result<msg::chunk_bytes>& answer,
                       net::data_buffer data) {
  if (!answer)
    return try_source(answer.error());
  if (data.size() != length)
    return try_source(fail(ec::stale, "the source is shorter than it said"));
  here_.emplace(offset, piece{std::move(data), answer->crcs});
  write_next();
  read_on();
}

void copy_job::write_next() {
  const auto next = here_.find(written_to_);
  if (writing_ || next == here_.end())
    return;
  auto bytes = std::move(next->second);
  here_.erase(next);
  const auto length = static_cast<std::uint32_t>(bytes.data.size());
  const auto bad = std::make_shared<std::uint32_t>();
  writing_ = home_.state().on_disk<written>(
    [store = store_, chunk = chunk(), offset = written_to_, bad,
     bytes = std::move(bytes)]() -> written {
      if (!wire::pieces_match(offset, bytes.data.view(), bytes.crcs)) {
        *bad = first_bad(offset, bytes.data.view(), bytes.crcs);
        return fail(ec::integrity, "a source sent bad bytes");
      }
      const std::array<std::string_view, 1> pieces{bytes.data.view()};
      return store->copy_data(chunk, offset,
                              {.pieces = pieces, .crcs = bytes.crcs});
    },
    [self = shared_from_this(), length, bad,
     mine = attempt_](const written& outcome) {
      self->writing_ = false;
      if (self->over_)
        return;
      if (mine != self->attempt_)
        return self->ask();
      if (!outcome && outcome.error().code == ec::integrity) {
        self->have_source_look(*bad);
        return self->try_source(outcome.error());
      }
      if (!outcome && outcome.error().code == ec::full)
        return self->no_room(outcome.error());
      if (!outcome)
        return self->finish(outcome.error());
      self->written_to_ += length;
      self->home_.state().counts->bytes_copied += length;
      self->write_next();
      self->read_on();
    });
  if (!writing_)
    finish(fail(ec::busy, "too much work for the disks"));
}

/// Large pieces are sent as they are. Of a single block the source looks at the
/// checksum itself; it sets its replica aside if that is wrong on the disk.
void copy_job::have_source_look(std::uint32_t offset) {
  home_.state().links.ask(
    order_.from[source_], part(offset, 1), patience,
    [](const result<msg::chunk_bytes>&, const net::data_buffer&) {
      // Nobody waits for it.
    });
}

bool copy_job::move_on() {
  const auto room = home_.state().places.with_room();
  if (elsewhere_ || !room || *room == store_)
    return false;
  (void) store_->drop_copy(chunk());
  store_ = *room;
  elsewhere_ = true;
  return true;
}

/// The volume has no room for both replicas. As long as the source lives the
/// old one is of no use, and a full disk would never get the new one.
void copy_job::no_room(const error& why) {
  const auto x = home_.in_service(chunk());
  if (!x || !may_replace())
    return finish(why);
  if (!move_on()) {
    (void) store_->drop_copy(chunk());
    store_ = x->store;
    (void) store_->remove(chunk());
    home_.state().replicas.forget(chunk());
    replaced_ = {};
  }
  begin_again();
  ask();
}

void copy_job::begin_again() {
  ++attempt_;
  goal_ = {};
  here_.clear();
  reading_ = 0;
}

core::copy_place copy_job::place() const {
  auto now = home_.place(chunk());
  now.replaced = replaced_;
  return now;
}

result<nothing> copy_job::may_replace() const {
  return core::may_replace(order_, place());
}

result<nothing> copy_job::still_counts() const {
  return core::finish_copy(order_, goal_.extent, place());
}

void copy_job::complete() {
  DFS_CRASH_POINT("data.copied");
  if (auto counts = still_counts(); !counts)
    return finish(counts.error());
  if (!home_.in_service(chunk()))
    return make();
  // Before the old one goes the disk has the new one.
  writing_ = home_.state().on_disk<written>(
    [store = store_, chunk = chunk()] { return store->sync_copy(chunk); },
    [self = shared_from_this(), mine = attempt_](const written& outcome) {
      self->writing_ = false;
      if (self->over_)
        return;
      if (mine != self->attempt_)
        return self->ask();
      if (!outcome)
        return self->finish(outcome.error());
      if (auto counts = self->still_counts(); !counts)
        return self->finish(counts.error());
      self->make();
    });
  if (!writing_)
    finish(fail(ec::busy, "too much work for the disks"));
}

void copy_job::make() {
  std::vector<storage::append_entry> appends;
  appends.reserve(goal_.appends.size());
  for (const auto& x : goal_.appends)
    appends.push_back({x.writer, x.sequence, x.offset, x.length});
  const msg::chunk_state state{.chunk = chunk(), .extent = goal_.extent};
  if (const auto old = home_.state().find(chunk()))
    home_.order().give_up(*old, fail(ec::stale, "the chunk was copied anew"));
  if (auto done = store_->finish_copy(state_of(state), appends, goal_.writes);
      !done)
    return done.error().code == ec::full ? no_room(done.error())
                                         : finish(done.error());
  auto& home = home_.state();
  made_ = true;
  home.replicas.forget(chunk());
  const auto x = home.find(chunk());
  if (!x)
    return finish(fail(ec::io_error, "a copy that was made is not there"));
  made(x);
}

void copy_job::made(const replica_ptr& x) {
  const msg::chunk_state state{.chunk = chunk(), .extent = goal_.extent};
  home_.state().when_durable(
    *x, [self = shared_from_this(), x, state](const result<nothing>& outcome) {
      DFS_CRASH_POINT("data.copy_synced");
      if (!outcome)
        return self->finish(outcome.error());
      // What was ordered may have been taken back while the disk was busy. A
      // replica that was fenced meanwhile has a version of its own.
      auto place = self->home_.place(self->chunk());
      place.here.reset();
      if (auto counts = core::finish_copy(self->order_, state.extent, place);
          !counts && x->order.version() == state.extent.version)
        return self->finish(counts.error());
      x->order.learn_committed(state.extent.version, state.extent.serial);
      self->drop_replaced();
      auto& here = self->home_.state();
      // What was bad here has been replaced: the master will not speak of it
      // again, now that it hears of this one.
      for (auto* store : here.places.all())
        (void) store->purge_quarantined(self->chunk());
      if (here.options.events.arrived)
        here.options.events.arrived(state);
      self->finish(state);
    });
}

/// What was made so far; not what it was to replace.
void copy_job::clear_away() {
  if (store_ == nullptr)
    return;
  if (!made_) {
    (void) store_->drop_copy(chunk());
    return;
  }
  auto& here = home_.state();
  here.replicas.forget(chunk());
  (void) store_->remove(chunk());
  // A master that listed what is here meanwhile counts it; also where an older
  // one is left, on another volume.
  if (here.options.events.lost)
    here.options.events.lost(chunk());
}

/// From another volume, where no record of the copy's could replace it. Should
/// the server die before, its next start does (`drop_doubles`).
void copy_job::drop_replaced() {
  for (auto* store : home_.state().places.all())
    if (store != store_ && !store->failed() && store->state(chunk()))
      (void) store->remove(chunk());
}

void copy_job::finish(const result<msg::chunk_state>& outcome) {
  if (std::exchange(over_, true))
    return;
  const auto self = shared_from_this();
  timer_.cancel();
  if (!outcome)
    clear_away();
  for (auto& each : std::exchange(waiting_, {}))
    each(outcome);
  home_.over(*this);
}

} // namespace dfs::chunkserver
