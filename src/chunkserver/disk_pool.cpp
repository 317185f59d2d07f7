#include "chunkserver/disk_pool.hpp"

#include <utility>

#include <pthread.h>

namespace dfs::chunkserver {

disk_pool::disk_pool(unsigned threads) {
  for (unsigned i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { work(); });
    pthread_setname_np(threads_.back().native_handle(), "dfs-data-disk");
  }
}

disk_pool::~disk_pool() {
  stop();
}

bool disk_pool::run(std::function<void()> work) {
  {
    const std::lock_guard guard{mutex_};
    if (stopped_ || waiting_.size() >= waiting_max)
      return false;
    waiting_.push_back(std::move(work));
  }
  wake_.notify_one();
  return true;
}

void disk_pool::stop() {
  std::deque<std::function<void()>> dropped;
  {
    const std::lock_guard guard{mutex_};
    stopped_ = true;
    dropped = std::exchange(waiting_, {});
  }
  wake_.notify_all();
  for (auto& thread : threads_)
    if (thread.joinable())
      thread.join();
}

void disk_pool::work() {
  for (;;) {
    std::function<void()> next;
    {
      std::unique_lock guard{mutex_};
      wake_.wait(guard, [this] { return stopped_ || !waiting_.empty(); });
      if (stopped_)
        return;
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
    next();
  }
}

} // namespace dfs::chunkserver
