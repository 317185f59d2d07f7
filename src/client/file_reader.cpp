#include "client/file_reader.hpp"

#include "base/assert.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace dfs::client {

namespace {

/// What the original put into padding, and `get --raw` shows (SPEC G7).
constexpr char padding = '%';

} // namespace

file_reader::file_reader(file_session& session, std::shared_ptr<file_view> view,
                         std::shared_ptr<byte_sink> sink, file_read what)
  : session_{session},
    view_{std::move(view)},
    sink_{std::move(sink)},
    what_{std::move(what)},
    next_{what_.begin} {
  // nop
}

void file_reader::start(std::function<void(result<std::uint64_t>)> then) {
  DFS_ASSERT(!then_);
  then_ = std::move(then);
  boost::asio::post(session_.io, [self = shared_from_this()] { self->pump(); });
}

void file_reader::pump() {
  while (then_ && !through_ && !waiting_room_ && !end_asked_
         && in_window_ < what_.window_bytes)
    if (!read_next())
      break;
  if (then_ && through_ && slots_.empty() && in_window_ == 0)
    finish(taken_);
}

/// Asks for the piece at `next_`. @returns false when nothing was asked.
bool file_reader::read_next() {
  const auto place = view_->locate(next_);
  const auto beyond = place.left == 0 && !place.open_end;
  if (next_ >= what_.end || beyond) {
    through_ = true;
    return false;
  }
  // Pieces end where whole pieces of the chunk do: their blocks are sent as
  // they are on the disk.
  std::uint64_t length = msg::data_max - place.offset % msg::data_max;
  length = std::min(length, what_.end - next_);
  if (place.padding) {
    make_padding(
      static_cast<std::uint32_t>(std::min<std::uint64_t>(length, place.left)));
    return true;
  }
  // The first piece that may lie behind the known end asks for it.
  const auto to_end = place.open_end && length > place.left;
  length = std::min<std::uint64_t>(
    length, to_end ? view_->chunk_size() - place.offset : place.left);
  if (to_end && asked_end_at_ == next_) { // It has just said: nothing more.
    through_ = true;
    return false;
  }
  end_asked_ = to_end;
  read_piece({.index = place.index,
              .offset = place.offset,
              .length = static_cast<std::uint32_t>(length),
              .to_end = to_end});
  return true;
}

void file_reader::read_piece(const stretch& what) {
  const auto position = next_;
  slots_.push_back({position, what.length, std::nullopt});
  in_window_ += what.length;
  next_ += what.length;
  waiting_room_ = true;
  session_.memory->take(what.length, [self = shared_from_this(), what,
                                      position](memory_budget::room room) {
    self->waiting_room_ = false;
    if (!self->then_)
      return;
    chunk_reader::start(self->session_, self->view_, what, std::move(room),
                        [self, position, to_end = what.to_end](auto x) {
                          self->arrived(position, to_end, std::move(x));
                        });
    self->pump();
  });
}

void file_reader::make_padding(std::uint32_t length) {
  auto bytes = session_.buffers->take(length);
  std::memset(bytes.data(), padding, length);
  slots_.push_back({next_, length, piece{std::move(bytes), {}, nullptr}});
  in_window_ += length;
  next_ += length;
  hand_on();
}

void file_reader::arrived(std::uint64_t position, bool to_end,
                          result<piece> x) {
  if (!then_)
    return;
  if (!x)
    return finish(x.error());
  const auto found
    = std::find_if(slots_.begin(), slots_.end(),
                   [&](const auto& each) { return each.position == position; });
  DFS_ASSERT(found != slots_.end());
  if (to_end) { // The last of the slots.
    const auto missing = found->length - x->length();
    in_window_ -= missing;
    next_ -= missing;
    found->length = x->length();
    end_asked_ = false;
    asked_end_at_ = missing > 0 ? std::optional{next_} : std::nullopt;
  }
  found->arrived = std::move(*x);
  hand_on();
  pump();
}

void file_reader::hand_on() {
  if (std::exchange(handing_on_, true))
    return;
  while (then_ && !slots_.empty() && slots_.front().arrived) {
    auto first = std::move(slots_.front());
    slots_.pop_front();
    if (first.length == 0)
      continue;
    sink_->write(first.position - what_.begin, std::move(*first.arrived),
                 [self = shared_from_this(), length = first.length](auto x) {
                   self->taken(length, x);
                 });
  }
  handing_on_ = false;
}

void file_reader::taken(std::uint32_t length, const result<nothing>& outcome) {
  if (!then_)
    return;
  if (!outcome)
    return finish(outcome.error());
  in_window_ -= length;
  taken_ += length;
  if (what_.progress)
    what_.progress(length);
  boost::asio::post(session_.io, [self = shared_from_this()] { self->pump(); });
}

void file_reader::cancel() {
  if (then_)
    finish(fail(ec::cancelled, "interrupted"));
}

void file_reader::finish(result<std::uint64_t> outcome) {
  const auto then = std::exchange(then_, nullptr);
  slots_.clear();
  then(std::move(outcome));
}

cluster_source::cluster_source(file_session& session,
                               std::shared_ptr<file_view> view)
  : session_{session},
    view_{std::move(view)} {
  // nop
}

std::optional<std::uint64_t> cluster_source::length() const {
  return view_->length();
}

bool cluster_source::rewinds() const {
  return true;
}

void cluster_source::read(std::uint64_t offset, net::data_buffer into,
                          std::uint32_t in_chunk,
                          std::function<void(result<piece>)> then) {
  // Chunks of source and target need not end at the same places.
  struct gather final : byte_sink {
    explicit gather(net::data_buffer buffer) : target{std::move(buffer)} {
      // nop
    }

    void write(std::uint64_t at, piece x,
               std::function<void(result<nothing>)> taken) override {
      std::memcpy(target.data() + at, x.bytes.data(), x.bytes.size());
      taken(done);
    }

    net::data_buffer target;
  };
  const auto end = offset + into.size();
  auto sink = std::make_shared<gather>(std::move(into));
  auto reader = std::make_shared<file_reader>(
    session_, view_, sink,
    file_read{.begin = offset, .end = end, .counted = false, .progress = {}});
  reader->start([self = shared_from_this(), sink, in_chunk,
                 then = std::move(then)](result<std::uint64_t> got) {
    if (!got)
      return then(got.error());
    sink->target.shorten(*got);
    auto crcs = block_crcs(sink->target.view(), in_chunk);
    then(piece{sink->target, std::move(crcs), nullptr});
  });
}

} // namespace dfs::client
