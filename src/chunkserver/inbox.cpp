#include "chunkserver/inbox.hpp"

#include <boost/asio/post.hpp>

namespace dfs::chunkserver {

void inbox::put(std::function<void()> work) {
  // Posted with the lock held: after `close` nobody touches the loop.
  const std::lock_guard guard{mutex_};
  if (closed_)
    return;
  waiting_.push_back(std::move(work));
  if (waiting_.size() == 1)
    boost::asio::post(loop_->io(),
                      [self = shared_from_this()] { self->run(); });
}

void inbox::close() {
  const std::lock_guard guard{mutex_};
  closed_ = true;
  waiting_.clear();
}

void inbox::run() {
  std::vector<std::function<void()>> now;
  {
    const std::lock_guard guard{mutex_};
    now.swap(waiting_);
  }
  const net::data_loop::turn turn{*loop_};
  for (auto& work : now)
    work();
}

} // namespace dfs::chunkserver
