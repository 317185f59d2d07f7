#pragma once

#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

namespace dfs::client {

/// How much file data may be in memory: one for all transfers of a client, so
/// that many files at once take no more than one. Who wants room waits in line.
///
/// Nobody may wait for more while holding what only that wait would free: the
/// oldest holder of room can always finish.
class memory_budget : public std::enable_shared_from_this<memory_budget> {
public:
  /// Given back when its last owner lets go, on any thread.
  using room = std::shared_ptr<const void>;

  memory_budget(boost::asio::io_context& io, std::size_t bytes_max);

  /// Called back in the order of asking, on the thread of `io`, and not from
  /// within this call. @pre `bytes` is at most `bytes_max`.
  void take(std::size_t bytes, std::function<void(room)> then);

  /// The same at once; null if there is none, or others wait.
  [[nodiscard]] room try_take(std::size_t bytes);

  [[nodiscard]] std::size_t bytes_used() const;

  /// Calls nobody back any more; `io` may end.
  void close();

private:
  struct waiter {
    std::size_t bytes = 0;
    std::function<void(room)> then;
  };

  room make(std::size_t bytes);
  void give_back(std::size_t bytes);
  void serve_later();
  void serve();

  boost::asio::io_context& io_;
  const std::size_t bytes_max_;
  mutable std::mutex mutex_; ///< Of all below.
  std::size_t used_ = 0;
  std::deque<waiter> waiting_;
  bool serving_ = false; ///< `serve` runs, or will.
  bool closed_ = false;
};

} // namespace dfs::client
