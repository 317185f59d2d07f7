#include "client/range_reader.hpp"

#include "base/assert.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace dfs::client {

range_reader::range_reader(boost::asio::io_context& io,
                           std::shared_ptr<memory_budget> memory,
                           std::shared_ptr<byte_sink> sink, range_read what)
  : io_{io},
    memory_{std::move(memory)},
    sink_{std::move(sink)},
    what_{std::move(what)},
    next_{what_.begin} {
  // nop
}

void range_reader::start(std::function<void(result<std::uint64_t>)> then) {
  DFS_ASSERT(!then_);
  then_ = std::move(then);
  boost::asio::post(io_, [self = shared_from_this()] {
    if (!self->then_)
      return;
    self->prepare();
    self->pump();
  });
}

void range_reader::cancel() {
  if (then_)
    finish(fail(ec::cancelled, "interrupted"));
}

void range_reader::pump() {
  while (then_ && !waiting_room_ && !through()
         && in_window_ < what_.window_bytes)
    if (!ask_next())
      break;
  if (!then_ || !through() || !slots_.empty() || in_window_ > 0)
    return;
  if (auto verified = verify(); !verified)
    return finish(verified.error());
  finish(taken_);
}

std::uint64_t range_reader::expect(std::uint32_t length) {
  slots_.push_back({next_, length, std::nullopt});
  in_window_ += length;
  return std::exchange(next_, next_ + length);
}

void range_reader::with_room(std::size_t bytes,
                             std::function<void(memory_budget::room)> then) {
  if (!what_.counted)
    return then(nullptr);
  waiting_room_ = true;
  memory_->take(bytes, [self = shared_from_this(),
                        then = std::move(then)](memory_budget::room room) {
    self->waiting_room_ = false;
    if (!self->then_)
      return;
    then(std::move(room));
    self->pump();
  });
}

void range_reader::arrived(std::uint64_t position, result<piece> x) {
  if (!then_)
    return;
  if (!x)
    return finish(x.error());
  const auto found
    = std::find_if(slots_.begin(), slots_.end(),
                   [&](const auto& each) { return each.position == position; });
  DFS_ASSERT(found != slots_.end());
  const auto missing = found->length - x->length();
  DFS_ASSERT(missing == 0 || &*found == &slots_.back());
  in_window_ -= missing;
  next_ -= missing;
  found->length = x->length();
  found->arrived = *std::move(x);
  hand_on();
  pump();
}

void range_reader::hand_on() {
  // A sink that calls back at once must not begin this anew.
  if (std::exchange(handing_on_, true))
    return;
  while (then_ && !slots_.empty() && slots_.front().arrived) {
    auto first = std::move(slots_.front());
    slots_.pop_front();
    if (first.length == 0)
      continue;
    handing_on(*first.arrived);
    sink_->write(first.position - what_.begin, *std::move(first.arrived),
                 [self = shared_from_this(), length = first.length](auto x) {
                   self->taken(length, x);
                 });
  }
  handing_on_ = false;
}

void range_reader::taken(std::uint32_t length, const result<nothing>& outcome) {
  if (!then_)
    return;
  if (!outcome)
    return finish(outcome.error());
  in_window_ -= length;
  taken_ += length;
  if (what_.progress)
    what_.progress(length);
  boost::asio::post(io_, [self = shared_from_this()] { self->pump(); });
}

void range_reader::finish(result<std::uint64_t> outcome) {
  const auto then = std::exchange(then_, nullptr);
  slots_.clear();
  then(std::move(outcome));
}

bool read_source::rewinds() const {
  return true;
}

void read_source::read(std::uint64_t offset, net::data_buffer into,
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
  range_read what;
  what.begin = offset;
  what.end = offset + into.size();
  what.counted = false;
  auto sink = std::make_shared<gather>(std::move(into));
  reader_of(what, sink)
    ->start([self = shared_from_this(), sink, in_chunk,
             then = std::move(then)](result<std::uint64_t> got) {
      if (!got)
        return then(got.error());
      sink->target.shorten(*got);
      auto crcs = block_crcs(sink->target.view(), in_chunk);
      then(piece{sink->target, std::move(crcs), nullptr});
    });
}

} // namespace dfs::client
