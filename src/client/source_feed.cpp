#include "client/source_feed.hpp"

#include <algorithm>
#include <utility>

namespace dfs::client {

namespace {

/// Reads `length` bytes within the memory budget.
void read_piece(file_session& session,
                const std::shared_ptr<byte_source>& source,
                std::uint64_t offset, std::uint32_t length,
                std::uint32_t in_chunk,
                std::function<void(result<piece>)> then) {
  session.memory->take(
    length, [&session, source, offset, length, in_chunk,
             then = std::move(then)](memory_budget::room room) {
      source->read(offset, session.buffers->take(length), in_chunk,
                   [room = std::move(room), then](result<piece> x) {
                     if (x)
                       x->room = room;
                     then(std::move(x));
                   });
    });
}

} // namespace

stretch_feed::stretch_feed(file_session& session,
                           std::shared_ptr<byte_source> source,
                           std::uint64_t begin, std::uint32_t at,
                           std::uint64_t end)
  : session_{&session},
    source_{std::move(source)},
    begin_{begin},
    at_{at},
    end_{end} {
  // nop
}

void stretch_feed::operator()(std::uint32_t offset, feed_answer then) const {
  const auto from = begin_ + (offset - at_);
  // Pieces end where whole pieces of the chunk do: blocks stay whole.
  const auto length = static_cast<std::uint32_t>(std::min<std::uint64_t>(
    msg::data_max - offset % msg::data_max, end_ - from));
  const auto last = from + length == end_;
  read_piece(*session_, source_, from, length, offset,
             [length, last, then = std::move(then)](result<piece> x) {
               if (!x)
                 return then(x.error());
               if (x->length() < length)
                 return then(fail(ec::io_error, "the source has become shorter "
                                                "while it was being read"));
               then(fed_piece{*std::move(x), last});
             });
}

stream_feed::stream_feed(file_session& session,
                         std::shared_ptr<byte_source> source)
  : session_{session},
    source_{std::move(source)} {
  // nop
}

void stream_feed::read(std::uint32_t offset, std::uint32_t end,
                       std::function<void(result<piece>)> then) {
  const auto length
    = std::min(msg::data_max - offset % msg::data_max, end - offset);
  read_piece(session_, source_, position_, length, offset,
             [self = shared_from_this(), length,
              then = std::move(then)](result<piece> x) {
               if (x) {
                 self->position_ += x->length();
                 self->ended_ = x->length() < length;
               }
               then(std::move(x));
             });
}

void stream_feed::next(std::uint32_t offset, std::uint32_t end,
                       feed_answer then) {
  if (ahead_)
    return hand_out(offset, end, take_ahead(offset, end), then);
  if (ended_)
    return then(fed_piece{{}, true});
  read(offset, end,
       [self = shared_from_this(), offset, end,
        then = std::move(then)](result<piece> x) {
         if (x)
           self->hand_out(offset, end, *std::move(x), then);
         else
           then(x.error());
       });
}

void stream_feed::look(std::uint32_t offset, std::uint32_t end,
                       std::function<void(result<nothing>)> then) {
  if (ahead_ || ended_)
    return then(done);
  read(offset, end,
       [self = shared_from_this(), offset,
        then = std::move(then)](result<piece> x) {
         if (!x)
           return then(x.error());
         if (!x->bytes.empty()) {
           self->ahead_ = *std::move(x);
           self->ahead_at_ = offset;
         }
         then(done);
       });
}

/// It may have been read for another chunk than it comes to.
piece stream_feed::take_ahead(std::uint32_t offset, std::uint32_t end) {
  auto x = std::move(*ahead_);
  ahead_.reset();
  const auto length = std::min(x.length(), end - offset);
  if (length < x.length()) {
    ahead_ = part_of(x, length, x.length() - length, 0);
    ahead_at_ = 0;
    return part_of(x, 0, length, offset);
  }
  return offset % msg::block_size == ahead_at_ % msg::block_size
           ? x
           : part_of(x, 0, length, offset);
}

void stream_feed::hand_out(std::uint32_t offset, std::uint32_t end, piece x,
                           const feed_answer& then) {
  const auto behind = offset + x.length();
  if ((ended_ && !ahead_) || behind == end)
    return then(fed_piece{std::move(x), true});
  read(behind, end,
       [self = shared_from_this(), x = std::move(x), behind,
        then](result<piece> more) mutable {
         if (!more)
           return then(more.error());
         const auto last = more->bytes.empty();
         if (!last) {
           self->ahead_ = *std::move(more);
           self->ahead_at_ = behind;
         }
         then(fed_piece{std::move(x), last});
       });
}

} // namespace dfs::client
