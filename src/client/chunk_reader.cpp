#include "client/chunk_reader.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace dfs::client {

namespace {

using namespace std::chrono_literals;

/// Of one request.
constexpr auto request_patience = 10'000ms;

/// When all were asked and nobody answers any more, a new round begins; later
/// each time, up to the patience of a request: the network may just be slow.
constexpr auto round_patience = 500ms;

/// Of a question for a new primary: longer than the master waits for an old
/// one's lease to end.
constexpr auto lease_patience = 5'000ms;

/// Hedges are rationed, so that a slow moment does not double the load; but a
/// server that is silent for so long is not slow.
constexpr auto hedge_forced = 200ms;

/// Pieces so far apart go to different replicas.
constexpr std::uint32_t spread_bytes = 4 * 1024 * 1024;

bool is_gone(ec code) {
  return code == ec::unavailable || code == ec::timed_out
         || code == ec::shutting_down;
}

} // namespace

void chunk_reader::start(file_session& session, std::shared_ptr<file_view> view,
                         const stretch& what, memory_budget::room room,
                         answer then) {
  std::make_shared<chunk_reader>(session, std::move(view), what,
                                 std::move(room), std::move(then))
    ->begin_round();
}

chunk_reader::chunk_reader(file_session& session,
                           std::shared_ptr<file_view> view, const stretch& what,
                           memory_budget::room room, answer then)
  : session_{session},
    view_{std::move(view)},
    what_{what},
    room_{std::move(room)},
    then_{std::move(then)},
    patience_{view_->timeout()},
    hedge_timer_{session.io} {
  // nop
}

const msg::chunk_location& chunk_reader::location() const {
  return view_->chunk(what_.index);
}

std::string chunk_reader::name() const {
  return "chunk " + std::to_string(what_.index) + " ("
         + std::to_string(location().chunk.value()) + ") of " + view_->path();
}

void chunk_reader::begin_round() {
  ++round_;
  open_.clear();
  silent_.clear();
  unanswered_ = 0;
  all_damaged_ = true;
  const auto& where = location();
  const auto spread = where.chunk.value() + what_.offset / spread_bytes;
  left_ = session_.health.order(where.replicas, what_.length, spread,
                                instant::clock::now());
  // Who orders the changes knows the end, and asks nobody.
  const auto primary
    = std::find_if(left_.begin(), left_.end(),
                   [&](const auto& x) { return x.store == where.primary; });
  if (primary != left_.end() && (what_.to_end || primary_wanted_))
    std::rotate(left_.begin(), primary, primary + 1);
  if (primary != left_.end())
    primary_wanted_ = false;
  ask_next();
}

void chunk_reader::ask_next() {
  if (left_.empty()) {
    if (unanswered_ == 0)
      end_round();
    else
      end_round_later();
    return;
  }
  const auto to = left_.front();
  left_.erase(left_.begin());
  ask(to, nullptr);
  hedge_later(session_.health.hedge_after(to.store, what_.length));
}

void chunk_reader::ask(const msg::chunk_replica& to, memory_budget::room room) {
  const auto number = open_.size();
  open_.push_back({to, instant::clock::now(), std::move(room)});
  ++unanswered_;
  const auto& where = location();
  auto then = [self = shared_from_this(), round = round_,
               number](result<bytes_read> x) {
    if (self->round_ == round)
      self->answered(number, std::move(x));
  };
  if (what_.length > 0)
    return session_.servers.read(to,
                                 {.chunk = where.chunk,
                                  .version = where.committed.version,
                                  .serial = where.committed.serial,
                                  .offset = what_.offset,
                                  .length = what_.length},
                                 request_patience, std::move(then));
  session_.servers.extent(to,
                          {.chunk = where.chunk,
                           .version = where.committed.version,
                           .serial = where.committed.serial},
                          request_patience,
                          [then = std::move(then)](auto extent) {
                            if (extent)
                              then(bytes_read{{*extent, {}}, {}});
                            else
                              then(extent.error());
                          });
}

void chunk_reader::hedge_later(std::chrono::nanoseconds time) {
  if (left_.empty())
    return end_round_later();
  hedge_timer_.expires_after(
    std::chrono::duration_cast<instant::duration>(time));
  hedge_timer_.async_wait(
    [weak = weak_from_this(), round = round_](auto cancelled) {
      const auto self = weak.lock();
      if (!cancelled && self && self->then_ && self->round_ == round)
        self->hedge();
    });
}

void chunk_reader::hedge() {
  if (left_.empty())
    return;
  auto room = what_.length > 0 ? session_.memory->try_take(what_.length)
                               : memory_budget::room{};
  const auto allowed
    = (what_.length == 0 || room) && session_.health.may_hedge();
  const auto waited = instant::clock::now() - open_.back().since;
  if (!allowed && waited < hedge_forced)
    return hedge_later(10ms);
  const auto to = left_.front();
  left_.erase(left_.begin());
  ask(to, std::move(room));
  hedge_later(session_.health.hedge_after(to.store, what_.length));
}

result<nothing> chunk_reader::check(const bytes_read& x) const {
  const auto end = what_.offset + static_cast<std::uint32_t>(x.bytes.size());
  if (x.bytes.size() > what_.length)
    return fail(ec::malformed, "more bytes than were asked for");
  if (x.bytes.size() < what_.length
      && (!what_.to_end || end < data_end(x.head.extent)))
    return fail(ec::stale, "fewer bytes than are committed");
  if (x.head.crcs != block_crcs(x.bytes.view(), what_.offset)) // I1
    return fail(ec::integrity, "wrong checksum");
  return done;
}

void chunk_reader::answered(std::size_t number, result<bytes_read> x) {
  --unanswered_;
  const auto now = instant::clock::now();
  auto& from = open_[number];
  if (x)
    session_.health.answered(from.to.store, what_.length, now - from.since);
  if (!then_)
    return;
  if (!x)
    return refused(from.to, x.error());
  if (const auto fine = check(*x); !fine)
    return refused(from.to, fine.error());
  for (std::size_t i = 0; i < number; ++i) // They were asked before.
    if (open_[i].since != instant{})
      session_.health.failed(open_[i].to.store, now);
  view_->learned(what_.index, x->head.extent);
  finish(piece{std::move(x->bytes), std::move(x->head.crcs),
               from.room ? std::move(from.room) : room_});
}

void chunk_reader::refused(const msg::chunk_replica& by, const error& why) {
  for (auto& x : open_)
    if (x.to.store == by.store)
      x.since = {}; // Answered.
  last_
    = fail(why.code, name() + ": chunkserver " + to_string(by.data) + ": "
                       + (why.context.empty() ? std::string{to_string(why.code)}
                                              : why.context));
  all_damaged_ = all_damaged_ && why.code == ec::integrity;
  if (is_gone(why.code)) {
    session_.health.failed(by.store, instant::clock::now());
    silent_.push_back(by.store);
  }
  if (why.code == ec::integrity || why.code == ec::not_found)
    report(by.store, why.code);
  if (why.code == ec::not_primary) {
    primary_wanted_ = true;
    const auto primary
      = std::find_if(left_.begin(), left_.end(), [&](const auto& x) {
          return x.store == location().primary;
        });
    if (primary != left_.end())
      std::rotate(left_.begin(), primary, primary + 1);
  }
  ask_next();
}

void chunk_reader::report(store_id store, ec reason) {
  session_.master.ask<msg::report_replica>(
    {.chunk = location().chunk,
     .store = store,
     .reason = static_cast<std::uint8_t>(reason)},
    lease_patience, [](const auto&) {
      // A hint: the scrubber would find it, too.
    });
}

void chunk_reader::end_round_later() {
  const auto doubled = round_patience * (1 << std::min(rounds_failed_, 5));
  hedge_timer_.expires_after(
    std::min<instant::duration>(doubled, request_patience));
  hedge_timer_.async_wait(
    [weak = weak_from_this(), round = round_](auto cancelled) {
      const auto self = weak.lock();
      if (cancelled || !self || !self->then_ || self->round_ != round)
        return;
      for (const auto& x : self->open_)
        if (x.since != instant{}) {
          self->session_.health.failed(x.to.store, instant::clock::now());
          self->silent_.push_back(x.to.store);
          self->all_damaged_ = false;
        }
      ++self->round_; // Who answers now is too late.
      self->end_round();
    });
}

/// Nobody had it. A first time the view may just be old.
void chunk_reader::end_round() {
  hedge_timer_.cancel();
  ++round_; // Who answers now is too late.
  const auto pause = back_off_.next();
  if (patience_.left() <= pause)
    return finish(all_damaged_ ? last_ : out_of_time(last_));
  after(session_.io, pause, [self = shared_from_this()] {
    const auto need_primary
      = self->primary_wanted_ || self->location().replicas.empty();
    if (need_primary || ++self->rounds_failed_ % 2 == 0)
      self->lease();
    else
      self->refresh();
  });
}

void chunk_reader::refresh() {
  view_->refresh(what_.index,
                 [self = shared_from_this()](const auto& refreshed) {
                   if (!refreshed && refreshed.error().code == ec::not_found)
                     return self->finish(refreshed.error());
                   self->begin_round(); // Without the master: as it was.
                 });
}

void chunk_reader::lease() {
  session_.master.ask<msg::lease_chunk>(
    {.chunk = location().chunk,
     .failed = silent_,
     .version = location().committed.version},
    std::min<std::chrono::milliseconds>(lease_patience, patience_.left()),
    [self = shared_from_this()](const auto& reply) {
      if (reply)
        self->view_->leased(self->what_.index, *reply);
      else if (reply.error().code == ec::integrity)
        return self->finish(
          fail(ec::integrity, self->name() + " is lost: no good copy is left"));
      self->begin_round();
    });
}

void chunk_reader::finish(result<piece> outcome) {
  const auto then = std::exchange(then_, nullptr);
  hedge_timer_.cancel();
  left_.clear();
  // Who has not answered yet may take long, and is not listened to any more.
  room_.reset();
  for (auto& x : open_)
    x.room.reset();
  then(std::move(outcome));
}

} // namespace dfs::client
