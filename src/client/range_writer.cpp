#include "client/range_writer.hpp"

#include "base/assert.hpp"
#include "base/counted.hpp"
#include "base/crash_point.hpp"
#include "base/crc32c.hpp"
#include "client/rest_source.hpp"
#include "net/frame_client.hpp"

#include <algorithm>
#include <utility>

namespace dfs::client {

namespace {

error other_content() {
  return fail(ec::invalid_argument,
              "this is not what the first try under that request id wrote, or "
              "not where. Try: the same command, with the same input");
}

} // namespace

range_writer::range_writer(file_session& session,
                           std::shared_ptr<byte_source> source,
                           range_write what)
  : session_{session},
    source_{std::move(source)},
    what_{std::move(what)},
    patience_{what_.timeout},
    view_{std::make_shared<file_view>(session, what_.path, what_.timeout)},
    name_{what_.earlier ? what_.earlier->writer
                        : writer_id{net::random_request_id().value()}},
    checksum_{crc32c(std::to_string(what_.offset))} {
  // nop
}

void range_writer::start(std::function<void(result<std::uint64_t>)> then) {
  DFS_ASSERT(!then_);
  then_ = std::move(then);
  const auto continued = [self = shared_from_this()](const auto& fine) {
    if (!self->then_)
      return;
    if (fine)
      self->opened();
    else
      self->end(fine.error());
  };
  view_->open([self = shared_from_this(), continued](const auto& opened) {
    // The end matters only to who writes there.
    if (opened && !self->what_.earlier
        && self->what_.offset >= self->view_->length())
      self->view_->find_end(continued);
    else
      continued(opened);
  });
}

void range_writer::opened() {
  if (what_.earlier)
    return check_source();
  if (what_.offset > view_->length())
    return finish(fail(ec::invalid_argument,
                       "offset " + std::to_string(what_.offset)
                         + " is behind the end of " + what_.path + " ("
                         + std::to_string(view_->length()) + " bytes)"));
  const auto place = view_->locate(what_.offset);
  index_ = place.index;
  offset_ = place.offset;
  if (!source_->rewinds())
    stream_ = std::make_shared<stream_feed>(session_, source_);
  begin();
}

void range_writer::begin() {
  if_more([self = shared_from_this()] {
    if (self->view_->chunks() == 0)
      self->add_chunk({}, {});
    else
      self->next_chunk();
  });
}

/// R2: up to where the first try may have written.
void range_writer::check_source() {
  const auto& before = *what_.earlier;
  if (before.file != view_->status().inode)
    return end(fail(ec::outcome_unknown,
                    what_.path
                      + " is another file by now, and what became of "
                        "the first try cannot be told any more"));
  check_on(0, {});
}

void range_writer::check_on(std::uint64_t at, std::string kept) {
  const auto& before = *what_.earlier;
  const auto stop = at < before.done ? before.done : before.sent;
  if (at == before.sent)
    return checked(std::move(kept));
  const auto length = std::min<std::uint64_t>(msg::data_max, stop - at);
  source_->read(at, session_.buffers->take(length), 0,
                [self = shared_from_this(), at, length,
                 kept = std::move(kept)](const result<piece>& x) mutable {
                  if (!self->then_)
                    return;
                  if (!x)
                    return self->end(x.error());
                  if (x->length() < length)
                    return self->finish(other_content());
                  self->checksum_ = crc32c(x->bytes.view(), self->checksum_);
                  const auto done = self->what_.earlier->done;
                  if (at + length == done)
                    self->sent_checksum_ = self->checksum_;
                  if (at >= done && !self->source_->rewinds())
                    kept += x->bytes.view();
                  boost::asio::post(
                    self->session_.io,
                    [self, at = at + length, kept = std::move(kept)]() mutable {
                      if (self->then_)
                        self->check_on(at, std::move(kept));
                    });
                });
}

void range_writer::checked(std::string kept) {
  const auto& before = *what_.earlier;
  if (checksum_ != before.checksum)
    return finish(other_content());
  if (before.done > 0)
    checksum_ = sent_checksum_;
  else
    checksum_ = crc32c(std::to_string(what_.offset));
  position_ = sent_ = acknowledged_ = before.done;
  if (what_.progress)
    what_.progress(before.done);
  if (!source_->rewinds())
    stream_ = std::make_shared<stream_feed>(
      session_,
      std::make_shared<rest_source>(source_, std::move(kept), before.sent));
  const auto place = view_->locate(what_.offset + before.done);
  index_ = place.index;
  offset_ = place.offset;
  if (before.chunk == chunk_id{})
    return begin();
  if (!find_chunk(before.chunk))
    return end(fail(ec::outcome_unknown,
                    "the chunk that the first try wrote to is gone"));
  offset_ = before.at;
  begin();
}

/// What is known of the first try in a chunk. In one behind those that its name
/// tells of, another repetition may have been: nobody knows since when.
std::optional<write_place> range_writer::earlier_in(chunk_id chunk) const {
  if (!what_.earlier)
    return std::nullopt;
  const auto& x = *what_.earlier;
  if (x.chunk == chunk)
    return write_place{x.writer, x.at, x.sequence, x.since, true};
  return write_place{x.writer, 0, 0, {}, true};
}

bool range_writer::find_chunk(chunk_id chunk) {
  for (index_ = 0; index_ < view_->chunks(); ++index_)
    if (view_->chunk(index_).chunk == chunk)
      return true;
  return false;
}

bool range_writer::source_is_through() const {
  return stream_ ? stream_->ended() : position_ >= *source_->length();
}

/// Nothing may be asked for what is not to be written: a chunk that nobody
/// needs would stay in the file.
void range_writer::if_more(std::function<void()> then) {
  const auto looked = [self = shared_from_this(),
                       then = std::move(then)](const result<nothing>& x) {
    if (!self->then_)
      return;
    self->patience_.progress(); // The source's time is not the cluster's.
    if (!x)
      self->end(x.error());
    else if (self->source_is_through())
      self->finish(self->acknowledged_);
    else
      then();
  };
  if (!stream_)
    return looked(done);
  const auto end = view_->chunk_size();
  stream_->look(offset_ < end ? offset_ : 0, end, looked);
}

void range_writer::next_chunk() {
  session_.master.ask<msg::lease_chunk>(
    {.chunk = view_->chunk(index_).chunk, .failed = {}, .version = {}},
    patience_.left(), [self = shared_from_this()](const auto& x) {
      if (!self->then_)
        return;
      if (x)
        self->leased(*x);
      else
        self->end(x.error());
    });
}

void range_writer::leased(const msg::chunk_leased& x) {
  const auto last = index_ + 1 >= view_->chunks();
  const auto data = data_end(x.extent);
  // Only the last chunk grows, and not once it was padded.
  const auto end = last && data == x.extent.length ? x.grant.chunk_size : data;
  if (offset_ < end)
    return write(x, end);
  if (last)
    return add_chunk(x.grant.chunk, x.extent);
  ++index_;
  offset_ = 0;
  next_chunk();
}

void range_writer::write(const msg::chunk_leased& x, std::uint32_t end) {
  chunk_write what;
  what.grant = x.grant;
  what.extent = x.extent;
  what.begin = offset_;
  what.timeout = what_.timeout;
  what.part_of_file = true;
  what.once = true;
  what.writer = name_;
  what.earlier = earlier_in(x.grant.chunk);
  begun_ = true;
  if (stream_) {
    what.feed
      = [this, stream = stream_, end](std::uint32_t offset, feed_answer then) {
          stream->next(offset, end, counting(std::move(then)));
        };
  } else {
    const auto stop = std::min(position_ + (end - offset_), *source_->length());
    what.feed = [this, feed = stretch_feed{session_, source_, position_,
                                           offset_, stop}](std::uint32_t offset,
                                                           feed_answer then) {
      feed(offset, counting(std::move(then)));
    };
    what.can_go_back = true;
    position_ = stop;
  }
  what.progress = [weak = weak_from_this()](std::uint64_t bytes) {
    if (const auto self = weak.lock()) {
      self->patience_.progress();
      self->acknowledged_ += bytes;
      if (self->what_.progress)
        self->what_.progress(bytes);
    }
  };
  left_chunk_ = x.grant.chunk;
  writer_ = std::make_shared<chunk_writer>(session_, std::move(what));
  writer_->start([self = shared_from_this()](const auto& outcome) {
    if (self->then_)
      self->chunk_done(outcome);
  });
}

void range_writer::chunk_done(const result<msg::written_chunk>& outcome) {
  left_ = writer_->place();
  writer_.reset();
  if (!outcome)
    return end(outcome.error());
  left_.reset();
  DFS_CRASH_POINT("client.range_chunk_written");
  ++index_;
  offset_ = 0;
  if_more([self = shared_from_this(), outcome] {
    if (self->index_ < self->view_->chunks())
      self->next_chunk();
    else
      self->add_chunk(outcome->grant.chunk, outcome->extent);
  });
}

void range_writer::add_chunk(chunk_id last, const msg::chunk_extent& extent) {
  session_.master.ask<msg::add_chunk>(
    {.path = what_.path,
     .inode = view_->status().inode,
     .last = last,
     .extent = extent},
    patience_.left(), [self = shared_from_this()](const auto& x) {
      if (!self->then_)
        return;
      if (!x)
        return self->end(x.error());
      // Where a concurrent append was faster, its bytes are written over, as if
      // they had been there before.
      self->offset_ = 0;
      self->write(*x, x->grant.chunk_size);
    });
}

/// Each piece is fed once, in order: no piece with an identity is fed again.
feed_answer range_writer::counting(feed_answer then) {
  return
    [weak = weak_from_this(), then = std::move(then)](result<fed_piece> x) {
      if (const auto self = weak.lock(); self && x) {
        self->sent_ += x->data.length();
        self->checksum_ = crc32c(x->data.bytes.view(), self->checksum_);
      }
      then(std::move(x));
    };
}

std::optional<write_name> range_writer::name() const {
  const auto unknown = left_ && left_->unknown;
  if (!begun_ || (acknowledged_ == 0 && !unknown))
    return what_.earlier;
  write_name x;
  x.writer = left_ ? left_->writer : name_;
  x.file = view_->status().inode;
  if (left_) {
    x.chunk = left_chunk_;
    x.at = left_->offset;
    x.sequence = left_->sequence;
    x.since = left_->since;
  }
  x.done = acknowledged_;
  x.sent = sent_;
  x.checksum = checksum_;
  if (what_.earlier && what_.earlier->sent > sent_) { // Those are the same.
    x.sent = what_.earlier->sent;
    x.checksum = what_.earlier->checksum;
  }
  return x;
}

void range_writer::cancel() {
  if (writer_) {
    left_ = writer_->place();
    writer_->cancel();
  }
  if (then_)
    finish(fail(ec::cancelled,
                "interrupted after " + counted(acknowledged_, "byte")));
}

/// A part is done: that is neither "no" nor "not now" (SPEC S11).
void range_writer::end(const error& why) {
  const auto keeps = why.code == ec::cancelled || why.code == ec::integrity;
  if (keeps || (acknowledged_ == 0 && !what_.earlier))
    return finish(why);
  auto text = acknowledged_ > 0 ? "the first " + counted(acknowledged_, "byte")
                                    + " are written, "
                                : std::string{};
  text += why.code == ec::outcome_unknown || what_.earlier
            ? "the rest may be: "
            : "the rest is not: ";
  finish(fail(ec::outcome_unknown, text + why.context));
}

void range_writer::finish(result<std::uint64_t> outcome) {
  const auto then = std::exchange(then_, nullptr);
  then(std::move(outcome));
}

} // namespace dfs::client
