#include "client/range_writer.hpp"

#include "base/assert.hpp"
#include "base/counted.hpp"
#include "base/crash_point.hpp"

#include <algorithm>
#include <utility>

namespace dfs::client {

range_writer::range_writer(file_session& session,
                           std::shared_ptr<byte_source> source,
                           range_write what)
  : session_{session},
    source_{std::move(source)},
    what_{std::move(what)},
    patience_{what_.timeout},
    view_{std::make_shared<file_view>(session, what_.path, what_.timeout)} {
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
      self->finish(fine.error());
  };
  view_->open([self = shared_from_this(), continued](const auto& opened) {
    // The end matters only to who writes there.
    if (opened && self->what_.offset >= self->view_->length())
      self->view_->find_end(continued);
    else
      continued(opened);
  });
}

void range_writer::opened() {
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
  if (view_->chunks() == 0 && !source_is_through())
    return add_chunk({}, {});
  next_chunk();
}

bool range_writer::source_is_through() const {
  return stream_ ? stream_->ended() : position_ >= *source_->length();
}

void range_writer::next_chunk() {
  if (source_is_through())
    return finish(acknowledged_);
  session_.master.ask<msg::lease_chunk>(
    {.chunk = view_->chunk(index_).chunk, .failed = {}, .version = {}},
    patience_.left(), [self = shared_from_this()](const auto& x) {
      if (!self->then_)
        return;
      if (x)
        self->leased(*x);
      else
        self->finish(x.error());
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
  if (stream_) {
    what.feed
      = [stream = stream_, end](std::uint32_t offset, feed_answer then) {
          stream->next(offset, end, std::move(then));
        };
  } else {
    const auto stop = std::min(position_ + (end - offset_), *source_->length());
    what.feed = stretch_feed{session_, source_, position_, offset_, stop};
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
  writer_ = std::make_shared<chunk_writer>(session_, std::move(what));
  writer_->start([self = shared_from_this()](const auto& outcome) {
    if (self->then_)
      self->chunk_done(outcome);
  });
}

void range_writer::chunk_done(const result<msg::written_chunk>& outcome) {
  writer_.reset();
  if (!outcome)
    return finish(outcome.error());
  DFS_CRASH_POINT("client.range_chunk_written");
  if (source_is_through())
    return finish(acknowledged_);
  ++index_;
  offset_ = 0;
  if (index_ < view_->chunks())
    next_chunk();
  else
    add_chunk(outcome->grant.chunk, outcome->extent);
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
        return self->finish(x.error());
      // Where a concurrent append was faster, its bytes are written over, as if
      // they had been there before.
      self->offset_ = 0;
      self->write(*x, x->grant.chunk_size);
    });
}

void range_writer::cancel() {
  if (writer_)
    writer_->cancel();
  if (then_)
    finish(fail(ec::cancelled,
                "interrupted after " + counted(acknowledged_, "byte")));
}

void range_writer::finish(result<std::uint64_t> outcome) {
  const auto then = std::exchange(then_, nullptr);
  then(std::move(outcome));
}

} // namespace dfs::client
