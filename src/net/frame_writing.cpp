#include "net/frame_connection.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

// What a connection sends: in any thread.

namespace asio = boost::asio;

namespace dfs::net {

namespace {

/// Part of all unsent bytes that a principal may hold, and lose nothing in this
/// thread, when there are twice as many as there may be.
constexpr std::size_t modest_part = 8;

} // namespace

void frame_connection::answer(request_id id, std::string_view reply) {
  if (reply.size() > wire::answer_payload_max)
    return refuse(
      id, fail(ec::unsupported, "the answer has " + std::to_string(reply.size())
                                  + " bytes; the limit is "
                                  + std::to_string(wire::answer_payload_max)));
  const std::lock_guard guard{mutex_};
  if (end_request(id))
    queue_answer(id, 0, reply);
}

void frame_connection::refuse(request_id id, const error& reason) {
  const std::lock_guard guard{mutex_};
  if (end_request(id))
    queue_answer(id, static_cast<std::uint8_t>(reason.code), reason.context);
}

bool frame_connection::event(request_id id, std::string_view news) {
  const std::lock_guard guard{mutex_};
  if (std::find(open_.begin(), open_.end(), id) == open_.end()
      || news.size() > wire::answer_payload_max
      || outbox_.unsent() > unsent_pause)
    return false;
  queue({.kind = wire::frame_kind::event, .id = id}, news);
  flush_soon(false);
  return true;
}

// -- writing, in any thread, with `mutex_` held -------------------------------

bool frame_connection::end_request(request_id id) {
  const auto found = std::find(open_.begin(), open_.end(), id);
  if (found == open_.end())
    return false;
  *found = open_.back();
  open_.pop_back();
  return true;
}

void frame_connection::count_unsent(std::size_t gone) {
  house_->queued_bytes -= gone;
  if (share_)
    share_->unsent_bytes -= gone;
}

void frame_connection::queue_answer(request_id id, std::uint8_t status,
                                    std::string_view text) {
  ++house_->answers;
  queue({.kind = wire::frame_kind::answer, .status = status, .id = id},
        status == 0 ? text : text.substr(0, wire::refusal_text_max));
  // The last one takes the rest along; before it, more is likely to come.
  flush_soon(open_.empty());
}

void frame_connection::queue(const wire::frame_header& header,
                             std::string_view payload) {
  if (phase_ == phase::closed)
    return;
  const auto& limits = house_->options.limits;
  const auto grown = outbox_.append(header, payload);
  const auto total = house_->queued_bytes += grown;
  const auto mine = share_ ? share_->unsent_bytes += grown : grown;
  const auto most = limits.write_queues_bytes_max;
  // Others are closed in the server's thread; should that lag behind, memory is
  // bounded all the same, at the cost of those who hold much of it.
  if (outbox_.unsent() > limits.write_queue_bytes_max
      || (total > 2 * most && mine > most / modest_part)) {
    if (!doomed_) {
      ++house_->closed_slow;
      if (share_)
        ++share_->closed_slow;
    }
    give_up(); // I2
  } else if (total > most && !house_->relief_due.exchange(true)) {
    asio::post(house_->io, [house = house_] { house->relieve(); });
  }
}

/// @param now Nothing more is expected soon: write in this thread.
void frame_connection::flush_soon(bool now) {
  if (reading_ || blocked_ || doomed_)
    return;
  if (now)
    return flush();
  if (std::exchange(flush_posted_, true))
    return;
  asio::post(house_->io, [self = shared_from_this()] {
    const std::lock_guard guard{self->mutex_};
    self->flush_posted_ = false;
    self->flush();
  });
}

void frame_connection::flush() {
  if (!stream_ || doomed_ || blocked_)
    return;
  std::size_t taken = 0;
  const auto step = outbox_.send(*stream_, taken);
  count_unsent(taken);
  if (step == stream_step::blocked) {
    blocked_ = true;
    outbox_.watch(*stream_, instant::clock::now());
    return wait_writable();
  }
  if (step != stream_step::progress)
    return give_up();
  if (std::exchange(paused_, false))
    asio::post(house_->io,
               [self = shared_from_this()] { self->on_readable(); });
}

void frame_connection::wait_writable() {
  const auto resume = [self = shared_from_this()](auto failed) {
    const std::lock_guard guard{self->mutex_};
    self->blocked_ = false;
    if (!failed)
      self->flush();
  };
  asio::post(house_->io, [self = shared_from_this(), resume] {
    if (self->stream_)
      self->stream_->socket().async_wait(asio::ip::tcp::socket::wait_write,
                                         resume);
  });
}

void frame_connection::give_up() {
  if (!std::exchange(doomed_, true))
    asio::post(house_->io, [self = shared_from_this()] { self->close(); });
}

} // namespace dfs::net
