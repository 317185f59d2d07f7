#include "client/file_appender.hpp"

#include "base/assert.hpp"
#include "base/crash_point.hpp"
#include "base/crc32c.hpp"
#include "net/frame_client.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace dfs::client {

namespace {

using namespace std::chrono_literals;

/// Then the master is asked whether the primary is there; doubles while it
/// says so: a disk may be slow.
constexpr auto answer_patience_first = 1'000ms;
constexpr auto answer_patience_most = 8'000ms;

/// The primary was reached, and refused before it did anything.
bool is_certain(ec code) {
  return code == ec::busy || code == ec::full || code == ec::integrity
         || code == ec::malformed || code == ec::token_expired;
}

bool may_pass(ec code) {
  switch (code) {
    case ec::stale:
    case ec::not_primary:
    case ec::lease_expired:
    case ec::no_redundancy:
    case ec::not_found:
    case ec::io_error:
    case ec::integrity:
    case ec::malformed:
    case ec::unauthenticated:
      return true;
    default:
      return is_passing(code);
  }
}

bool is_gone(ec code) {
  return code == ec::unavailable || code == ec::timed_out
         || code == ec::io_error || code == ec::shutting_down;
}

} // namespace

file_appender::file_appender(file_session& session, std::string path,
                             std::chrono::milliseconds timeout,
                             std::optional<append_name> earlier)
  : session_{session},
    view_{std::make_shared<file_view>(session, std::move(path), timeout)},
    writer_{earlier ? earlier->writer
                    : writer_id{net::random_request_id().value()}},
    patience_{timeout},
    answer_patience_{answer_patience_first},
    earlier_{earlier} {
  if (!earlier_)
    return;
  open_left_ = earlier_->open;
  sequence_ = earlier_->sequence - (open_left_ > 0 ? 1 : 0);
}

void file_appender::open(std::function<void(result<nothing>)> then) {
  view_->open(
    [self = shared_from_this(), then = std::move(then)](const auto& x) {
      if (x)
        self->opened(then);
      else
        then(x.error());
    });
}

void file_appender::opened(const std::function<void(result<nothing>)>& then) {
  const auto leased = [self = shared_from_this(),
                       then](const result<msg::chunk_leased>& x) -> void {
    if (!x)
      return then(x.error());
    self->use(*x);
    then(done);
  };
  const auto chunks = view_->chunks();
  if (!earlier_ && chunks == 0)
    return session_.master.ask<msg::add_chunk>({.path = view_->path(),
                                                .inode = view_->status().inode,
                                                .last = {},
                                                .extent = {}},
                                               patience_.left(), leased);
  auto index = chunks - 1;
  if (earlier_ && earlier_->file == view_->status().inode)
    for (index = 0; index < chunks; ++index)
      if (view_->chunk(index).chunk == earlier_->chunk)
        break;
  if (earlier_ && (earlier_->file != view_->status().inode || index == chunks))
    return then(fail(ec::outcome_unknown,
                     view_->path()
                       + " is another file by now, and what became of the "
                         "first try cannot be told any more"));
  base_ = view_->position_of(index);
  session_.master.ask<msg::lease_chunk>(
    {.chunk = view_->chunk(index).chunk, .failed = {}, .version = {}},
    patience_.left(), leased);
}

void file_appender::use(const msg::chunk_leased& x) {
  grant_ = x.grant;
  granted_ = false;
}

std::size_t file_appender::longest_in(std::uint32_t chunk_size) {
  return std::min<std::size_t>(chunk_size / 4, msg::data_max);
}

void file_appender::append(std::string bytes, answer then) {
  DFS_ASSERT(!bytes.empty() && !grant_.chain.empty());
  std::optional<error> refused = ended_;
  if (!refused && bytes.size() > longest())
    refused
      = fail(ec::invalid_argument, "a record of " + std::to_string(bytes.size())
                                     + " bytes is longer than the limit of "
                                     + std::to_string(longest()));
  if (!refused && queued_ + bytes.size() > queue_bytes_max)
    refused = fail(ec::busy, "too much waits to be appended");
  if (refused) {
    boost::asio::post(session_.io,
                      [then = std::move(then), refused] { then(*refused); });
    return;
  }
  queued_ += bytes.size();
  queue_.push_back({std::move(bytes), std::move(then)});
  if (!busy_) {
    busy_ = true; // What is appended in the same turn goes along.
    boost::asio::post(session_.io,
                      [self = shared_from_this()] { self->pump(); });
  }
}

void file_appender::flush(std::function<void(result<nothing>)> then) {
  flushed_ = true;
  all_answered_ = std::move(then);
  if (std::exchange(busy_, true) && !ended_)
    return;
  boost::asio::post(session_.io, [self = shared_from_this()] { self->pump(); });
}

void file_appender::tell_flushed() {
  if (!flushed_ || !queue_.empty() || !batch_.empty())
    return;
  if (const auto then = std::exchange(all_answered_, nullptr))
    then(ended_ ? result<nothing>{*ended_} : result<nothing>{done});
}

/// Appends that the first try has done: they are only compared (I3).
/// @returns whether something else is next.
bool file_appender::skip() {
  while (earlier_ && done_ < earlier_->done && !queue_.empty()) {
    const auto x = std::move(queue_.front());
    queue_.pop_front();
    checksum_ = crc32c(x.bytes, checksum_);
    ++done_;
    queued_ -= x.bytes.size();
    x.then(append_done{.position = 0, .earlier = true});
    if (ended_)
      return false;
  }
  return !earlier_ || done_ >= earlier_->done;
}

/// How many appends go together next; 0: it is not known yet.
std::size_t file_appender::next_batch() const {
  if (open_left_ > 0)
    return queue_.size() < open_left_ ? 0 : open_left_;
  std::size_t size = 0;
  std::size_t count = 0;
  for (const auto& x : queue_) {
    size += x.bytes.size();
    if (count > 0 && size > std::min(batch_bytes_max, longest()))
      return count;
    ++count;
  }
  return earlier_ && !flushed_ ? 0 : count; // I3
}

/// The first appends are those of the first try (I3). @pre They are all here,
/// or no more come.
bool file_appender::is_repetition() const {
  if (!earlier_ || done_ > earlier_->done)
    return true;
  if (done_ < earlier_->done || queue_.size() < open_left_)
    return false;
  auto sum = checksum_;
  for (std::size_t i = 0; i < open_left_; ++i)
    sum = crc32c(queue_[i].bytes, sum);
  return sum == earlier_->checksum;
}

void file_appender::pump() {
  if (!batch_.empty())
    return;
  busy_ = false;
  const auto count = !ended_ && skip() ? next_batch() : 0;
  if (!ended_ && (count > 0 || flushed_) && !is_repetition())
    return refuse_others();
  if (ended_ || count == 0)
    return tell_flushed();
  busy_ = true;
  std::size_t size = 0;
  while (batch_.size() < count) {
    size += queue_.front().bytes.size();
    batch_.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  open_left_ = 0;
  batch_bytes_.bytes = session_.buffers->take(size);
  std::size_t at = 0;
  for (const auto& x : batch_)
    at += x.bytes.copy(batch_bytes_.bytes.data() + at, x.bytes.size());
  // A chunk's offset is not known yet: from the beginning, as the protocol
  // says.
  batch_bytes_.crcs = block_crcs(batch_bytes_.bytes.view(), 0);
  ++sequence_;
  unknown_ = earlier_.has_value(); // Another repetition may have sent it.
  patience_.progress();
  back_off_.reset();
  answer_patience_ = answer_patience_first;
  send();
}

void file_appender::send() {
  msg::append_record request;
  request.chunk = grant_.chunk;
  request.version = grant_.version;
  request.epoch = grant_.epoch;
  request.writer = writer_;
  request.sequence = sequence_;
  if (!std::exchange(granted_, true))
    request.grant.push_back(grant_);
  session_.servers.append(
    grant_.chain.front(), std::move(request), batch_bytes_, answer_patience_,
    [self = shared_from_this(), round = round_](const auto& x) {
      if (self->round_ == round && !self->ended_)
        self->answered(x);
    });
  DFS_CRASH_POINT("client.append_sent");
}

void file_appender::answered(const result<msg::chunk_changed>& x) {
  if (x)
    return done_at(x->offset);
  if (x.error().code == ec::chunk_full)
    return unknown_ ? settle() : ask_extent();
  if (x.error().code == ec::invalid_argument && earlier_)
    return settle(true);
  failed(x.error());
}

void file_appender::done_earlier() {
  const auto all = std::exchange(batch_, {});
  checksum_ = crc32c(batch_bytes_.bytes.view(), checksum_);
  done_ += all.size();
  batch_bytes_ = {};
  for (const auto& x : all) {
    queued_ -= x.bytes.size();
    if (!ended_)
      x.then(append_done{.position = 0, .earlier = true});
  }
  pump();
}

void file_appender::done_at(std::uint32_t offset) {
  DFS_CRASH_POINT("client.append_done");
  auto position = base_ + offset;
  const auto all = std::exchange(batch_, {});
  checksum_ = crc32c(batch_bytes_.bytes.view(), checksum_);
  done_ += all.size();
  batch_bytes_ = {};
  for (const auto& x : all) {
    queued_ -= x.bytes.size();
    if (!ended_)
      x.then(append_done{position});
    position += x.bytes.size();
  }
  pump();
}

void file_appender::failed(const error& why) {
  ++round_;
  unknown_ = unknown_ || !is_certain(why.code);
  if (!may_pass(why.code))
    return end(why);
  const auto pause = back_off_.next();
  if (patience_.left() <= pause)
    return end(out_of_time(why));
  after(session_.io, pause, [self = shared_from_this(), why] {
    if (self->ended_)
      return;
    if (is_certain(why.code))
      self->send();
    else
      self->ask_lease(why);
  });
}

void file_appender::ask_lease(const error& why) {
  msg::lease_chunk request;
  request.chunk = grant_.chunk;
  request.version = grant_.version;
  if (is_gone(why.code))
    request.failed.push_back(grant_.chain.front().store);
  session_.master.ask<msg::lease_chunk>(
    request, patience_.left(), [self = shared_from_this(), why](const auto& x) {
      if (self->ended_)
        return;
      if (!x && may_pass(x.error().code) && x.error().code != ec::not_found)
        return self->failed(
          fail(why.code, why.context + "; " + x.error().context));
      if (!x)
        return self->end(x.error());
      const auto same = x->grant.version == self->grant_.version
                        && x->grant.epoch == self->grant_.epoch;
      self->answer_patience_
        = same ? std::min<std::chrono::milliseconds>(self->answer_patience_ * 2,
                                                     answer_patience_most)
               : answer_patience_first;
      self->use(*x);
      self->send();
    });
}

/// The batch may be in the chunk that is full (I2). Or, of a repetition, it was
/// refused for what is there: a later record, for which settling is refused,
/// too (I3), or this one with other bytes.
void file_appender::settle(bool refused) {
  msg::settle_append request;
  request.chunk = grant_.chunk;
  request.version = grant_.version;
  request.epoch = grant_.epoch;
  request.writer = writer_;
  request.sequence = sequence_;
  request.grant.push_back(grant_);
  session_.servers.settle(
    grant_.chain.front(), request, answer_patience_,
    [self = shared_from_this(), round = round_, refused](const auto& x) {
      if (self->round_ != round || self->ended_)
        return;
      if (!x && x.error().code == ec::invalid_argument && self->earlier_)
        return self->done_earlier();
      if (!x)
        return self->failed(x.error());
      if (x->done && refused)
        return self->end(fail(ec::outcome_unknown,
                              "other bytes than these were appended under that "
                              "request id"));
      if (x->done)
        return self->done_at(x->offset);
      self->unknown_ = false;
      self->add_chunk(x->extent);
    });
}

void file_appender::ask_extent() {
  DFS_CRASH_POINT("client.append_chunk_full");
  session_.servers.extent(
    grant_.chain.front(),
    {.chunk = grant_.chunk, .version = grant_.version, .serial = {}},
    answer_patience_,
    [self = shared_from_this(), round = round_](const auto& x) {
      if (self->round_ != round || self->ended_)
        return;
      if (x)
        self->add_chunk(*x);
      else
        self->failed(x.error());
    });
}

void file_appender::add_chunk(const msg::chunk_extent& last) {
  session_.master.ask<msg::add_chunk>(
    {.path = view_->path(),
     .inode = view_->status().inode,
     .last = grant_.chunk,
     .extent = last},
    patience_.left(), [self = shared_from_this(), last](const auto& x) {
      if (self->ended_)
        return;
      if (!x)
        return self->end(x.error());
      DFS_CRASH_POINT("client.append_chunk_added");
      self->base_ += data_end(last);
      self->use(*x);
      self->send();
    });
}

std::optional<append_name> file_appender::name() const {
  if (name_)
    return name_;
  const auto open = unknown_ || !ended_ ? batch_.size() : 0;
  if (earlier_ && done_ <= earlier_->done && sequence_ <= earlier_->sequence)
    return earlier_;
  if (done_ == 0 && open == 0)
    return std::nullopt;
  append_name x;
  x.writer = writer_;
  x.sequence = sequence_ - (open == 0 && !batch_.empty() ? 1 : 0);
  x.file = view_->status().inode;
  x.chunk = grant_.chunk;
  x.done = done_;
  x.open = open;
  x.checksum
    = open > 0 ? crc32c(batch_bytes_.bytes.view(), checksum_) : checksum_;
  return x;
}

/// The words of a failure, and what it means for what was appended.
void file_appender::end(const error& why) {
  ended_ = why;
  name_ = name();
  if (unknown_ && why.code != ec::outcome_unknown)
    ended_ = fail(ec::outcome_unknown,
                  view_->path()
                    + ": whether the last append was done is not "
                      "known: "
                    + why.context);
  auto all = std::exchange(batch_, {});
  const auto not_begun = std::exchange(queue_, {});
  queued_ = 0;
  for (const auto& x : all)
    x.then(*ended_);
  for (const auto& x : not_begun)
    x.then(why);
  ended_ = why; // What comes now is certainly not done.
  tell_flushed();
}

void file_appender::refuse_others() {
  unknown_ = false;
  end(fail(ec::invalid_argument,
           "this is not what the first try under that request id appended. "
           "Try: the same command, with the same input"));
}

void file_appender::cancel() {
  name_ = name();
  ended_ = fail(ec::cancelled, "interrupted");
  batch_.clear();
  queue_.clear();
  queued_ = 0;
}

} // namespace dfs::client
