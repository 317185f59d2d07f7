#pragma once

#include "net/data_link.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace dfs::chunkserver {

/// Work that other threads have for the data thread: the store's callbacks come
/// by the hundred, and wake it once. Any thread.
class inbox : public std::enable_shared_from_this<inbox> {
public:
  explicit inbox(std::shared_ptr<net::data_loop> loop)
    : loop_{std::move(loop)} {
    // nop
  }

  void put(std::function<void()> work);

  /// Drops what is there and what comes.
  void close();

private:
  void run();

  std::shared_ptr<net::data_loop> loop_;
  std::mutex mutex_;
  std::vector<std::function<void()>> waiting_;
  bool closed_ = false;
};

} // namespace dfs::chunkserver
