#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace dfs::chunkserver {

/// Threads that wait for disks, so that the data thread does not. Any thread.
class disk_pool {
public:
  /// More work waiting than this is refused.
  static constexpr std::size_t waiting_max = 4096;

  explicit disk_pool(unsigned threads);
  disk_pool(const disk_pool&) = delete;
  disk_pool& operator=(const disk_pool&) = delete;

  /// As `stop`.
  ~disk_pool();

  /// @returns False: too much is waiting, or it has been stopped.
  [[nodiscard]] bool run(std::function<void()> work);

  /// Ends what is being done, drops what waits. Repeatable.
  void stop();

private:
  void work();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> waiting_;
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

} // namespace dfs::chunkserver
