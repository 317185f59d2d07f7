#include "client/versions/content_stager.hpp"

#include "base/assert.hpp"
#include "base/crash_point.hpp"
#include "base/crc32c.hpp"

#include <algorithm>
#include <utility>

namespace dfs::client {

namespace {

using namespace std::chrono_literals;

/// Read from the source at once: a disk prefers it.
constexpr std::uint32_t read_bytes = msg::data_max;

/// A chain that acknowledges nothing for so long is given up: a shorter one, or
/// another primary, may be had. Longer where nothing can be sent again: servers
/// leave out who does not answer after 8 s.
constexpr auto stall_patience = 1'500ms;
constexpr auto stall_patience_once = 12'000ms;

} // namespace

std::shared_ptr<content_stager>
content_stager::start(version_session& session,
                      std::shared_ptr<byte_source> source, content_staging what,
                      std::function<void(result<staged>)> then) {
  auto x = std::make_shared<content_stager>(session, std::move(source),
                                            std::move(what), std::move(then));
  x->pump();
  return x;
}

content_stager::content_stager(version_session& session,
                               std::shared_ptr<byte_source> source,
                               content_staging what,
                               std::function<void(result<staged>)> then)
  : session_{session},
    source_{std::move(source)},
    what_{std::move(what)},
    then_{std::move(then)},
    length_{source_->length()},
    timer_{session.io} {
  DFS_ASSERT(!what_.chain.empty());
}

void content_stager::cancel() {
  then_ = nullptr;
  timer_.cancel();
  slots_.clear();
}

/// Ends it when nothing was acknowledged for too long.
void content_stager::arm() {
  timer_.expires_after(std::min(
    source_->rewinds() ? stall_patience : stall_patience_once, what_.timeout));
  timer_.async_wait([weak = weak_from_this()](auto cancelled) {
    const auto self = weak.lock();
    if (!cancelled && self && self->then_)
      self->end(fail(ec::timed_out, "the primary takes no bytes"));
  });
}

bool content_stager::may_read() const {
  const auto in_order = !length_ || !source_->rewinds();
  return then_ && !through_ && !waiting_room_ && held_ < what_.window_bytes
         && (reads_ == 0 || !in_order);
}

void content_stager::pump() {
  while (may_read())
    read_next();
}

void content_stager::read_next() {
  auto length = read_bytes;
  if (length_)
    length = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(length, *length_ - next_));
  const auto position = next_;
  next_ += length;
  held_ += length;
  through_ = length_ && next_ == *length_;
  ++reads_;
  slots_.push_back({position, length, std::nullopt});
  if (length == 0) // An empty content.
    return arrived(position, 0, piece{});
  waiting_room_ = true;
  session_.memory->take(length, [self = shared_from_this(), position,
                                 length](memory_budget::room room) {
    self->waiting_room_ = false;
    if (!self->then_)
      return;
    self->read(position, length, std::move(room));
    self->pump();
  });
}

void content_stager::read(std::uint64_t position, std::uint32_t length,
                          memory_budget::room room) {
  source_->read(position, session_.buffers->take(length), 0,
                [self = shared_from_this(), position, length,
                 room = std::move(room)](result<piece> x) {
                  if (x)
                    x->room = room;
                  self->arrived(position, length, std::move(x));
                });
}

void content_stager::arrived(std::uint64_t position, std::uint32_t length,
                             result<piece> x) {
  if (!then_)
    return;
  --reads_;
  const auto missing = x ? length - x->length() : 0;
  source_failed_ = !x || (missing > 0 && length_);
  if (!x)
    return end(x.error());
  if (source_failed_)
    return end(fail(ec::io_error, "the source has become shorter while it was "
                                  "being read"));
  const auto found
    = std::find_if(slots_.begin(), slots_.end(),
                   [&](const auto& each) { return each.position == position; });
  DFS_ASSERT(found != slots_.end());
  if (missing > 0) { // The last of the slots: here it ends.
    held_ -= missing;
    next_ -= missing;
    through_ = true;
  }
  found->arrived = *std::move(x);
  hand_on();
  pump();
}

/// Behind the first of the slots.
bool content_stager::more_follows() const {
  const auto& first = slots_.front();
  if (length_)
    return first.position + first.length < *length_;
  return slots_.size() > 1 && slots_[1].arrived
         && !slots_[1].arrived->bytes.empty();
}

/// In order; and the last one only when it is known to be that.
void content_stager::hand_on() {
  while (then_ && !slots_.empty() && slots_.front().arrived) {
    const auto more = more_follows();
    if (!more && !through_)
      return;
    auto first = std::move(slots_.front());
    slots_.pop_front();
    if (!more)
      slots_.clear(); // An empty one, that told of the end.
    send(*first.arrived, !more);
  }
}

void content_stager::send(const piece& x, bool last) {
  const std::size_t size = x.bytes.size();
  for (std::size_t at = 0; at < size || at == 0; at += msg::stage_bytes) {
    const auto length = std::min<std::size_t>(msg::stage_bytes, size - at);
    send_frame(part_of(x, at, length, at), last && at + length == size);
  }
}

void content_stager::send_frame(const piece& x, bool whole) {
  msg::stage_content frame;
  frame.content = what_.content;
  frame.offset = sent_;
  sent_ += x.bytes.size();
  checksum_ = crc32c(x.bytes.view(), checksum_);
  frame.bytes = whole ? sent_ : length_.value_or(0);
  frame.whole = whole;
  if (whole)
    frame.checksum = checksum_;
  frame.chain.assign(what_.chain.begin() + 1, what_.chain.end());
  if (++frames_ == 1)
    arm();
  session_.servers.stage(
    what_.chain.front(), std::move(frame), x, what_.timeout,
    [self = shared_from_this(), bytes = x.length(), whole](const auto& reply) {
      self->acknowledged(bytes, whole, reply);
    });
}

void content_stager::acknowledged(std::uint32_t bytes, bool whole,
                                  const result<msg::content_staged>& x) {
  if (!then_)
    return;
  DFS_CRASH_POINT("client.frame_staged");
  held_ -= bytes;
  if (--frames_ > 0)
    arm();
  else
    timer_.cancel();
  // A former try has brought it.
  const auto there = !x && x.error().code == ec::exists;
  if (!x && !there)
    return end(x.error());
  if (x) // Who was left out stays out: its time-out would be ours.
    std::erase_if(what_.chain, [&](const auto& each) {
      return each.store != what_.chain.front().store
             && std::find(x->holders.begin(), x->holders.end(), each.store)
                  == x->holders.end();
    });
  if (what_.progress)
    what_.progress(bytes);
  if (whole) {
    staged all{sent_, checksum_, {}};
    if (x)
      all.holders = x->holders;
    const auto primary = what_.chain.front().store;
    if (std::find(all.holders.begin(), all.holders.end(), primary)
        == all.holders.end())
      all.holders.push_back(primary);
    return end(std::move(all));
  }
  pump();
}

void content_stager::end(result<staged> outcome) {
  timer_.cancel();
  slots_.clear();
  const auto then = std::exchange(then_, nullptr);
  then(std::move(outcome));
}

} // namespace dfs::client
