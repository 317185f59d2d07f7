#include "net/data_link.hpp"

#include "base/assert.hpp"
#include "base/crash_point.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace asio = boost::asio;

namespace dfs::net {

namespace {

/// Reads in one turn: then others have theirs.
constexpr int read_rounds_max = 16;

/// Small frames are put together up to here.
constexpr std::size_t segment_join_max = 16 * 1024;

/// More than this is sent during a turn, while it is in the CPU's cache.
constexpr std::size_t unsent_early = 64 * 1024;

/// Written in one go; then others have their turn.
constexpr std::size_t flush_bytes_max = 4 * 1024 * 1024;

/// Pieces of one system call.
constexpr std::size_t pieces_max = 32;

/// Read beyond a frame's data, to find the next header.
constexpr std::size_t ahead_bytes = 4 * 1024;

/// What a string may keep when it is empty.
constexpr std::size_t idle_capacity_max = 4 * 1024;

instant now() {
  return instant::clock::now();
}

iovec piece_of(const char* bytes, std::size_t size) {
  // `iovec` serves readers and writers.
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast)
  return {const_cast<char*>(bytes), size};
}

} // namespace

// -- data_loop ----------------------------------------------------------------

data_loop::data_loop(asio::io_context& io, std::shared_ptr<buffer_pool> buffers)
  : io_{io},
    buffers_{std::move(buffers)} {
  // nop
}

void data_loop::leave() {
  if (depth_ > 1 || unsent_.empty()) {
    --depth_;
    return;
  }
  // What is sent meanwhile joins the list: depth is still 1.
  for (std::size_t i = 0; i < unsent_.size(); ++i) {
    const auto link = unsent_[i];
    link->flush_queued_ = false;
    link->flush();
  }
  unsent_.clear();
  --depth_;
  DFS_CRASH_POINT("data.left");
}

void data_loop::flush_later(std::shared_ptr<data_link> link) {
  unsent_.push_back(std::move(link));
  if (depth_ == 0 && unsent_.size() == 1)
    asio::post(io_,
               [self = shared_from_this()] { const turn ends_at_once{*self}; });
}

// -- life ---------------------------------------------------------------------

data_link::data_link(std::shared_ptr<data_loop> loop,
                     asio::ip::tcp::socket socket, const tls_context& context,
                     frame_stream::side which, owner& owner)
  : loop_{std::move(loop)},
    stream_{std::move(socket), context, which},
    owner_{&owner},
    heard_{now()} {
  boost::system::error_code ignored;
  address_ = to_text(stream_.socket().remote_endpoint(ignored));
}

void data_link::start() {
  if (stream_.plain()) {
    phase_ = phase::open;
    owner_->on_ready();
    if (phase_ == phase::open)
      wait_readable();
    return;
  }
  shake_hands();
}

void data_link::resume() {
  if (!std::exchange(paused_, false) || reading_)
    return;
  asio::post(loop_->io_, [self = shared_from_this()] { self->on_readable(); });
}

void data_link::finish() {
  if (phase_ != phase::open && phase_ != phase::shaking)
    return;
  phase_ = phase::finishing;
  arriving_.reset();
  held_.clear();
  flush();
  if (phase_ != phase::finishing)
    return;
  stream_.end_writing();
  if (std::exchange(paused_, false))
    wait_readable();
}

void data_link::close() {
  if (std::exchange(phase_, phase::closed) == phase::closed)
    return;
  boost::system::error_code ignored;
  stream_.socket().close(ignored);
  out_.clear();
  unsent_ = 0;
  arriving_.reset();
  held_.clear();
}

void data_link::fail_later(error reason) {
  asio::post(loop_->io_, [self = shared_from_this(),
                          reason = std::move(reason)] { self->end(reason); });
}

void data_link::end(const error& reason) {
  if (phase_ == phase::closed)
    return;
  close();
  const data_loop::turn turn{*loop_};
  owner_->on_end(reason);
}

// -- reading ------------------------------------------------------------------

void data_link::wait_readable() {
  const auto what = phase_ == phase::shaking && stream_.wants_write()
                      ? asio::ip::tcp::socket::wait_write
                      : asio::ip::tcp::socket::wait_read;
  stream_.socket().async_wait(what, [self = shared_from_this()](auto failed) {
    if (!failed)
      self->on_readable();
  });
}

void data_link::on_readable() {
  if (phase_ == phase::closed || paused_)
    return;
  stream_.readable();
  if (phase_ == phase::shaking)
    return shake_hands();
  const data_loop::turn turn{*loop_};
  read_on();
}

void data_link::shake_hands() {
  switch (stream_.handshake()) {
    case stream_step::blocked:
      return wait_readable();
    case stream_step::progress: {
      phase_ = phase::open;
      heard_ = now();
      const data_loop::turn turn{*loop_};
      owner_->on_ready();
      if (phase_ != phase::closed)
        read_on(); // Bytes may have come along with the handshake's.
      return;
    }
    case stream_step::closed:
      return fail_later(fail(ec::unavailable, "the connection was closed"));
    case stream_step::failed:
      return fail_later(
        fail(stream_.refused() ? ec::unauthenticated : ec::unavailable,
             stream_.failure()));
  }
}

void data_link::read_on() {
  reading_ = true;
  auto step = stream_step::progress;
  auto drained = false;
  if (!held_.empty() && !arriving_ && phase_ == phase::open) {
    auto bytes = std::exchange(held_, {}); // Left by a pause.
    take(bytes);
  }
  for (int round = 0;
       round < read_rounds_max && !drained && !paused_
       && phase_ != phase::closed && step == stream_step::progress;
       ++round)
    step = phase_ == phase::finishing ? discard() : read_once(drained);
  reading_ = false;
  if (phase_ == phase::closed || paused_)
    return;
  if (step == stream_step::closed)
    return end(fail(ec::unavailable, "the connection was closed"));
  if (step == stream_step::failed)
    return end(fail(ec::unavailable, stream_.failure()));
  if (drained || step == stream_step::blocked)
    return wait_readable();
  asio::post(loop_->io_, [self = shared_from_this()] { self->on_readable(); });
}

stream_step data_link::read_once(bool& drained) {
  if (arriving_)
    return read_data(drained);
  auto& scratch = loop_->scratch_;
  const std::array<iovec, 1> into{piece_of(scratch.data(), scratch.size())};
  data_stream::read_outcome outcome;
  const auto step = stream_.read(into, outcome);
  if (step != stream_step::progress)
    return step;
  drained = outcome.drained;
  heard_ = now();
  if (held_.empty()) {
    take({scratch.data(), outcome.got});
  } else {
    auto bytes = std::exchange(held_, {});
    bytes.append(scratch.data(), outcome.got);
    take(bytes);
  }
  return step;
}

stream_step data_link::read_data(bool& drained) {
  auto& scratch = loop_->scratch_;
  auto& x = *arriving_;
  const auto left = x.header.data_size - x.got;
  std::array<iovec, 2> into;
  if (x.data.empty())
    into[0]
      = piece_of(scratch.data(), std::min(left, scratch.size() - ahead_bytes));
  else
    into[0] = piece_of(x.data.data() + x.got, left);
  const auto ahead = scratch.data() + scratch.size() - ahead_bytes;
  const auto whole = into[0].iov_len == left;
  into[1] = piece_of(ahead, whole ? ahead_bytes : 0);
  data_stream::read_outcome outcome;
  const auto step = stream_.read(into, outcome);
  if (step != stream_step::progress)
    return step;
  drained = outcome.drained;
  heard_ = now();
  const auto mine = std::min(outcome.got, into[0].iov_len);
  x.got += mine;
  if (x.got == x.header.data_size)
    end_arrival();
  // Never more than `ahead_bytes`, and `take` may pause or close.
  if (outcome.got > mine && phase_ == phase::open)
    take({ahead, outcome.got - mine});
  return step;
}

stream_step data_link::discard() {
  auto& scratch = loop_->scratch_;
  const std::array<iovec, 1> into{piece_of(scratch.data(), scratch.size())};
  data_stream::read_outcome outcome;
  return stream_.read(into, outcome);
}

/// Takes frames off `bytes`; keeps what is left, an incomplete one.
/// @pre `held_` is empty.
void data_link::take(std::string_view bytes) {
  while (phase_ == phase::open && !paused_ && take_frame(bytes)) {
  }
  if (phase_ != phase::open)
    return;
  held_.assign(bytes);
  note_progress();
}

void data_link::note_progress() {
  if (held_.empty() && held_.capacity() > idle_capacity_max)
    held_.shrink_to_fit();
  if (held_.empty() && !arriving_)
    frame_since_.reset();
  else if (!frame_since_ || paused_)
    frame_since_ = heard_;
}

/// @returns False: not complete.
bool data_link::take_frame(std::string_view& bytes) {
  if (arriving_ || bytes.size() < wire::data_header_size)
    return false;
  const auto header = wire::parse_data_header(bytes);
  if (!header) {
    end(header.error());
    return false;
  }
  const auto head
    = bytes.substr(0, wire::data_header_size + header->message_size);
  if (head.size() < wire::data_header_size + header->message_size)
    return false;
  if (auto fine = wire::check_data_head(head); !fine) {
    end(fine.error());
    return false;
  }
  const auto message = head.substr(wire::data_header_size);
  const auto what = owner_->on_head(*header, message);
  if (phase_ != phase::open)
    return false;
  if (!what) {
    end(what.error());
    return false;
  }
  if (*what == intake::wait) {
    paused_ = true;
    return false;
  }
  bytes.remove_prefix(head.size());
  frame_since_.reset();
  if (header->data_size == 0)
    owner_->on_frame(*header, message, {});
  else
    begin_arrival(*header, message, bytes, *what);
  return true;
}

void data_link::begin_arrival(const wire::data_header& header,
                              std::string_view message, std::string_view& bytes,
                              intake what) {
  const auto here = std::min<std::size_t>(bytes.size(), header.data_size);
  data_buffer data;
  if (what == intake::take) {
    data = loop_->buffers_->take(header.data_size);
    std::memcpy(data.data(), bytes.data(), here);
  }
  bytes.remove_prefix(here);
  if (here == header.data_size)
    return owner_->on_frame(header, message, std::move(data));
  arriving_.emplace(
    arrival{header, std::string{message}, std::move(data), here});
}

void data_link::end_arrival() {
  auto x = *std::exchange(arriving_, std::nullopt);
  note_progress();
  owner_->on_frame(x.header, x.message, std::move(x.data));
}

// -- writing ------------------------------------------------------------------

std::string& data_link::open_segment() {
  if (out_.empty() || out_.back().own.empty()
      || out_.back().own.size() > segment_join_max)
    out_.emplace_back();
  return out_.back().own;
}

void data_link::send(const wire::data_header& header, std::string_view message,
                     data_views data) {
  if (phase_ != phase::open)
    return;
  auto sized = header;
  sized.data_size = 0;
  for (const auto& each : data)
    sized.data_size += static_cast<std::uint32_t>(each.bytes.size());
  wire::append_data_head(open_segment(), sized, message);
  for (auto& each : data) {
    if (!each.bytes.empty())
      out_.push_back(
        {.own = {}, .bytes = each.bytes, .keep = std::move(each.keep)});
  }
  unsent_ += wire::data_header_size + message.size() + sized.data_size;
  queued();
}

void data_link::send_file(const wire::data_header& header,
                          std::string_view message, file_range range) {
  DFS_ASSERT(can_send_files());
  if (phase_ != phase::open)
    return;
  auto sized = header;
  sized.data_size = range.length;
  wire::append_data_head(open_segment(), sized, message);
  out_.push_back({.own = {},
                  .bytes = {},
                  .keep = std::move(range.keep),
                  .file = range.descriptor,
                  .offset = range.offset,
                  .length = range.length});
  unsent_ += wire::data_header_size + message.size() + range.length;
  queued();
}

void data_link::queued() {
  if (blocked_since_)
    return;
  if (loop_->depth_ > 0 && unsent_ >= unsent_early)
    return flush();
  if (!std::exchange(flush_queued_, true))
    loop_->flush_later(shared_from_this());
}

void data_link::flush() {
  if (blocked_since_)
    return;
  const auto before = unsent_;
  while (!out_.empty() && flush_some()) {
    if (before - unsent_ < flush_bytes_max || phase_ == phase::finishing)
      continue;
    if (!std::exchange(flush_queued_, true))
      asio::post(loop_->io_, [self = shared_from_this()] {
        self->flush_queued_ = false;
        self->flush();
      });
    break;
  }
  if (paused_ && unsent_ < before)
    owner_->on_sent();
}

/// @returns False: nothing more now.
bool data_link::flush_some() {
  std::size_t taken = 0;
  auto& first = out_.front();
  const auto step = first.file >= 0
                      ? stream_.send_file(first.file, first.offset + sent_,
                                          first.length - sent_, taken)
                      : write_segments(taken);
  switch (step) {
    case stream_step::progress:
      drop_sent(taken);
      return true;
    case stream_step::blocked:
      wait_writable();
      return false;
    case stream_step::closed:
      fail_later(fail(ec::unavailable, "the connection was closed"));
      return false;
    case stream_step::failed:
      fail_later(fail(ec::unavailable, stream_.failure()));
      return false;
  }
  return false;
}

stream_step data_link::write_segments(std::size_t& taken) {
  std::array<iovec, pieces_max> pieces;
  std::size_t count = 0;
  auto skip = sent_;
  auto next = out_.begin();
  for (; next != out_.end() && next->file < 0 && count < pieces.size();
       ++next) {
    const auto bytes = next->view().substr(std::exchange(skip, 0));
    pieces[count++] = piece_of(bytes.data(), bytes.size());
  }
  const auto more = next != out_.end();
  return stream_.write({pieces.data(), count}, more, taken);
}

void data_link::drop_sent(std::size_t taken) {
  unsent_ -= taken;
  sent_ += taken;
  while (!out_.empty() && sent_ >= out_.front().size()) {
    sent_ -= out_.front().size();
    out_.pop_front();
  }
}

void data_link::wait_writable() {
  blocked_since_ = now();
  stream_.socket().async_wait(asio::ip::tcp::socket::wait_write,
                              [self = shared_from_this()](auto failed) {
                                self->blocked_since_.reset();
                                if (!failed && self->phase_ != phase::closed)
                                  self->flush();
                              });
}

} // namespace dfs::net
