#include "client/chunk_writer.hpp"

#include "base/assert.hpp"
#include "base/crash_point.hpp"
#include "client/change_name.hpp"
#include "client/grant_pool.hpp"
#include "net/frame_client.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace dfs::client {

namespace {

using namespace std::chrono_literals;

/// After so long without any answer the master is asked whether the primary is
/// still there; it is asked less often when it said so.
constexpr auto silence_first = 1'000ms;
constexpr auto silence_most = 8'000ms;
constexpr auto watch_interval = 100ms;

/// The watchdog ends what takes too long; this only bounds what is forgotten.
constexpr auto request_patience = 120s;

/// Another try, with the same primary or another one, may succeed.
bool may_pass(ec code) {
  switch (code) {
    case ec::stale:
    case ec::not_primary:
    case ec::lease_expired:
    case ec::no_redundancy:
    case ec::not_found:
    case ec::io_error:
    case ec::full:
    case ec::integrity:
    case ec::malformed:
    case ec::unauthenticated: // The token key was rotated away.
      return true;
    default:
      return is_passing(code);
  }
}

/// The server itself is suspect, not what it knows.
bool is_gone(ec code) {
  return code == ec::unavailable || code == ec::timed_out
         || code == ec::io_error || code == ec::full
         || code == ec::shutting_down;
}

/// The primary was reached, and refused before it did anything.
bool is_certain(ec code) {
  return code == ec::busy || code == ec::full || code == ec::token_expired
         || code == ec::invalid_argument || code == ec::chunk_full
         || code == ec::denied || code == ec::outcome_unknown;
}

} // namespace

chunk_writer::chunk_writer(file_session& session, chunk_write what)
  : session_{session},
    what_{std::move(what)},
    patience_{what_.timeout},
    next_{what_.begin},
    acknowledged_{what_.begin},
    reported_{what_.begin},
    fresh_{what_.grant.fresh && !what_.part_of_file},
    writer_{what_.writer},
    silence_max_{silence_first},
    watchdog_{session.io} {
  // nop
}

void chunk_writer::start(std::function<void(result<msg::written_chunk>)> then) {
  DFS_ASSERT(!then_ && !what_.grant.chain.empty());
  DFS_ASSERT(!what_.once || what_.part_of_file);
  then_ = std::move(then);
  heard_ = instant::clock::now();
  identify();
  if (what_.earlier) {
    identity_.sequence = what_.earlier->sequence;
    identity_.since = what_.earlier->since;
  }
  pump();
}

void chunk_writer::pump() {
  if (!then_ || waiting_for_feed_ || fed_all_ || recovering_
      || in_flight_ >= window_bytes)
    return;
  waiting_for_feed_ = true;
  what_.feed(next_, [self = shared_from_this(), feeding = feeding_](auto x) {
    if (self->then_ && self->feeding_ == feeding) {
      self->waiting_for_feed_ = false;
      self->fed(std::move(x));
    }
  });
}

void chunk_writer::fed(result<fed_piece> x) {
  if (!x)
    return finish(x.error());
  fed_all_ = x->last;
  if (x->data.bytes.empty()) {
    DFS_ASSERT(x->last && window_.empty()); // I2
    return finish(msg::written_chunk{what_.grant, what_.extent});
  }
  if (window_.empty()) { // The source's time is not the cluster's.
    heard_ = instant::clock::now();
    patience_.progress();
  }
  if (what_.once)
    ++identity_.sequence;
  window_.push_back({.offset = next_,
                     .data = std::move(x->data),
                     .last = x->last,
                     .sequence = identity_.sequence,
                     .unknown = what_.earlier.has_value()});
  next_ += window_.back().data.length();
  in_flight_ += window_.back().data.length();
  if (!recovering_)
    send(window_.back(), !std::exchange(granted_, true));
  watch();
  pump();
}

void chunk_writer::send(const sent_piece& x, bool with_grant) {
  msg::write_chunk request;
  request.chunk = what_.grant.chunk;
  request.version = what_.grant.version;
  request.epoch = what_.grant.epoch;
  request.offset = x.offset;
  request.ack = x.last || what_.once ? msg::change_ack::durable
                                     : msg::change_ack::applied;
  if (what_.once)
    request.once.push_back({.writer = identity_.writer,
                            .sequence = x.sequence,
                            .since = identity_.since});
  if (with_grant)
    request.grant.push_back(what_.grant);
  session_.servers.write(
    what_.grant.chain.front(), std::move(request), x.data, request_patience,
    [self = shared_from_this(), round = round_, offset = x.offset](auto reply) {
      if (!self->then_ || self->round_ != round) // I3
        return;
      if (reply)
        self->answered(offset, *reply);
      else
        self->refused(offset, reply.error());
    });
  DFS_CRASH_POINT("client.piece_sent");
}

void chunk_writer::resend() {
  granted_ = false;
  heard_ = instant::clock::now();
  for (const auto& x : window_)
    send(x, !std::exchange(granted_, true));
  watch();
  pump();
}

void chunk_writer::answered(std::uint32_t offset, const msg::chunk_changed& x) {
  DFS_CRASH_POINT("client.piece_written");
  heard_ = instant::clock::now();
  patience_.progress();
  back_off_.reset();
  silence_max_ = silence_first;
  if (x.extent.serial > what_.extent.serial)
    what_.extent = x.extent;
  const auto found
    = std::find_if(window_.begin(), window_.end(),
                   [&](const auto& each) { return each.offset == offset; });
  if (found == window_.end())
    return;
  found->acknowledged = true;
  const auto last = found->last;
  while (!window_.empty() && (last || window_.front().acknowledged)) {
    const auto length = window_.front().data.length();
    acknowledged_ = std::max(acknowledged_, window_.front().offset + length);
    in_flight_ -= length;
    window_.pop_front();
  }
  if (acknowledged_ > reported_ && what_.progress)
    what_.progress(acknowledged_ - reported_);
  reported_ = std::max(reported_, acknowledged_);
  if (last) // I2: and with it all before.
    return finish(msg::written_chunk{what_.grant, what_.extent});
  pump();
}

/// On other servers. What was acknowledged would have to be fed again.
bool chunk_writer::may_begin_anew(ec code) const {
  return fresh_
         && (acknowledged_ == 0 || (what_.can_go_back && code == ec::full));
}

void chunk_writer::refused(std::uint32_t offset, const error& why) {
  for (auto& x : window_)
    x.unknown = x.unknown || x.offset != offset || !is_certain(why.code);
  const auto& first = window_.front();
  // The primary may have forgotten this writer, who never wrote it.
  if (why.code == ec::outcome_unknown && first.offset == offset
      && !first.unknown)
    return renew_identity(why);
  failed(why);
}

void chunk_writer::failed(const error& why) {
  ++round_;
  recovering_ = true;
  if (!may_pass(why.code))
    return give_up(why);
  if (is_gone(why.code))
    session_.health.failed(what_.grant.chain.front().store,
                           instant::clock::now());
  const auto pause = back_off_.next();
  if (patience_.left() <= pause)
    return give_up(out_of_time(why));
  after(session_.io, pause, [self = shared_from_this(), why] {
    if (!self->then_)
      return;
    if (why.code == ec::busy || why.code == ec::integrity
        || why.code == ec::malformed) {
      // The bytes suffered on their way, or there were too many: once more.
      self->recovering_ = false;
      return self->resend();
    }
    if (self->may_begin_anew(why.code))
      self->ask_fresh_chunk(why);
    else if (why.code == ec::full) // The same servers would say so again.
      self->give_up(why);
    else
      self->ask_lease(why);
  });
}

/// Nobody has heard of this one.
void chunk_writer::identify() {
  if (!what_.once)
    return;
  if (writer_ == writer_id{})
    writer_ = writer_id{net::random_request_id().value()};
  identity_ = {.writer = writer_in(writer_, what_.grant.chunk),
               .sequence = 0,
               .since = what_.extent.serial};
  for (auto& x : window_) {
    x.sequence = ++identity_.sequence;
    x.unknown = false;
  }
}

/// Nothing of the window is there (I4).
void chunk_writer::renew_identity(const error& why) {
  ++round_;
  recovering_ = true;
  const auto pause = back_off_.next();
  if (patience_.left() <= pause)
    return give_up(out_of_time(why));
  after(session_.io, pause, [self = shared_from_this()] {
    if (!self->then_)
      return;
    const auto& grant = self->what_.grant;
    self->session_.servers.extent(
      grant.chain.front(),
      {.chunk = grant.chunk, .version = grant.version, .serial = {}},
      silence_first, [self, round = self->round_](const auto& x) {
        if (!self->then_ || self->round_ != round)
          return;
        if (!x)
          return self->failed(x.error());
        self->what_.extent = *x;
        self->writer_ = {};
        self->identify();
        self->recovering_ = false;
        self->resend();
      });
  });
}

void chunk_writer::ask_lease(const error& why) {
  msg::lease_chunk request;
  request.chunk = what_.grant.chunk;
  request.version = what_.grant.version;
  if (is_gone(why.code))
    request.failed.push_back(what_.grant.chain.front().store);
  session_.master.ask<msg::lease_chunk>(
    request, patience_.left(),
    [self = shared_from_this(), why, round = round_](auto reply) {
      if (!self->then_ || self->round_ != round)
        return;
      if (reply)
        return self->leased(*reply);
      const auto code = reply.error().code;
      // Known to nobody any more; or all who had it are gone.
      const auto lost = code == ec::not_found || code == ec::integrity;
      if (lost && self->what_.can_go_back && self->fresh_)
        return self->ask_fresh_chunk(reply.error());
      if (lost || !may_pass(code))
        return self->give_up(reply.error());
      self->failed(fail(ec::no_redundancy, reply.error().context + " (after: "
                                             + why.context + ")"));
    });
}

void chunk_writer::leased(const msg::chunk_leased& x) {
  const auto same = x.grant.version == what_.grant.version
                    && x.grant.epoch == what_.grant.epoch;
  silence_max_
    = same ? std::min<std::chrono::milliseconds>(silence_max_ * 2, silence_most)
           : silence_first;
  what_.grant = x.grant;
  what_.extent = x.extent;
  recovering_ = false;
  const auto from = window_.empty() ? next_ : window_.front().offset;
  if (from > x.extent.length && !what_.once) { // I4
    if (!what_.can_go_back)
      return finish(fail(ec::no_redundancy,
                         "the servers lost what they had not yet made durable, "
                         "and the source cannot be read again"));
    // Whole blocks: their checksums are computed once.
    const auto whole = x.extent.length - x.extent.length % msg::block_size;
    go_back(std::max(whole, what_.begin));
  }
  resend();
}

void chunk_writer::ask_fresh_chunk(const error& why) {
  session_.grants->forget();
  session_.grants->take(
    what_.replication, patience_,
    [self = shared_from_this(), why, round = round_](auto made) {
      if (!self->then_ || self->round_ != round)
        return;
      if (made)
        self->fresh_chunk(std::move(made->grant));
      else
        self->finish(is_passing(made.error().code) ? why : made.error());
    });
}

void chunk_writer::fresh_chunk(msg::chunk_grant grant) {
  what_.grant = std::move(grant);
  what_.extent = {};
  recovering_ = false;
  if (acknowledged_ > 0)
    go_back(0);
  resend();
}

/// What is in the window is fed again, too.
void chunk_writer::go_back(std::uint32_t to) {
  window_.clear();
  in_flight_ = 0;
  next_ = to;
  acknowledged_ = std::min(acknowledged_, to);
  fed_all_ = false;
  waiting_for_feed_ = false;
  ++feeding_;
}

void chunk_writer::watch() {
  if (std::exchange(watching_, true))
    return;
  watchdog_.expires_after(watch_interval);
  watchdog_.async_wait([weak = weak_from_this()](auto cancelled) {
    const auto self = weak.lock();
    if (cancelled || !self || !self->then_)
      return;
    self->watching_ = false;
    if (self->window_.empty())
      return;
    if (!self->recovering_
        && instant::clock::now() - self->heard_ > self->silence_max_) {
      for (auto& x : self->window_)
        x.unknown = true;
      self->failed(
        fail(ec::timed_out, "chunkserver "
                              + to_string(self->what_.grant.chain.front().data)
                              + " does not answer"));
    }
    if (self->then_)
      self->watch();
  });
}

write_place chunk_writer::place() const {
  if (left_)
    return *left_;
  const auto& first = window_.empty() ? sent_piece{} : window_.front();
  return {.writer = writer_,
          .offset = acknowledged_,
          .sequence = window_.empty() ? identity_.sequence : first.sequence - 1,
          .since = identity_.since,
          .unknown = !window_.empty() && (first.unknown || !recovering_)};
}

void chunk_writer::cancel() {
  left_ = place();
  then_ = nullptr;
  window_.clear();
  watchdog_.cancel();
}

void chunk_writer::give_up(const error& why) {
  const auto unknown
    = what_.once && !window_.empty() && window_.front().unknown; // I4
  if (unknown && why.code != ec::outcome_unknown)
    return finish(
      fail(ec::outcome_unknown,
           "whether all of it was written is not known: " + why.context));
  finish(why);
}

void chunk_writer::finish(result<msg::written_chunk> outcome) {
  left_ = place();
  const auto then = std::exchange(then_, nullptr);
  window_.clear();
  watchdog_.cancel();
  then(std::move(outcome));
}

} // namespace dfs::client
