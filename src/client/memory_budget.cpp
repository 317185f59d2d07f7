#include "client/memory_budget.hpp"

#include "base/assert.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace dfs::client {

memory_budget::memory_budget(boost::asio::io_context& io, std::size_t bytes_max)
  : io_{io},
    bytes_max_{bytes_max} {
  // nop
}

memory_budget::room memory_budget::make(std::size_t bytes) {
  used_ += bytes;
  return {this, [self = shared_from_this(), bytes](const void*) {
            self->give_back(bytes);
          }};
}

void memory_budget::take(std::size_t bytes, std::function<void(room)> then) {
  DFS_ASSERT(bytes <= bytes_max_);
  {
    const std::lock_guard lock{mutex_};
    if (closed_)
      return;
    waiting_.push_back({bytes, std::move(then)});
    if (std::exchange(serving_, true))
      return;
  }
  serve_later();
}

memory_budget::room memory_budget::try_take(std::size_t bytes) {
  const std::lock_guard lock{mutex_};
  if (!waiting_.empty() || used_ + bytes > bytes_max_)
    return nullptr;
  return make(bytes);
}

void memory_budget::give_back(std::size_t bytes) {
  {
    const std::lock_guard lock{mutex_};
    used_ -= bytes;
    if (waiting_.empty() || std::exchange(serving_, true))
      return;
  }
  serve_later();
}

void memory_budget::serve_later() {
  boost::asio::post(io_, [self = shared_from_this()] { self->serve(); });
}

void memory_budget::serve() {
  for (;;) {
    room given;
    waiter next;
    {
      const std::lock_guard lock{mutex_};
      if (waiting_.empty() || used_ + waiting_.front().bytes > bytes_max_) {
        serving_ = false;
        return;
      }
      next = std::move(waiting_.front());
      waiting_.pop_front();
      given = make(next.bytes);
    }
    next.then(std::move(given));
  }
}

void memory_budget::close() {
  std::deque<waiter> dropped; // Its destructors may give room back.
  const std::lock_guard lock{mutex_};
  closed_ = true;
  dropped.swap(waiting_);
}

std::size_t memory_budget::bytes_used() const {
  const std::lock_guard lock{mutex_};
  return used_;
}

} // namespace dfs::client
