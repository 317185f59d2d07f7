#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>

namespace dfs::client {

/// A thread for reads and writes of local files, which may block, beside the
/// one of the operations. Started at its first work. Work is done in order.
class disk_thread {
public:
  explicit disk_thread(boost::asio::io_context& io);
  disk_thread(const disk_thread&) = delete;
  disk_thread& operator=(const disk_thread&) = delete;

  /// Waits for what runs, and drops the rest; but leaves a thread to itself
  /// that waits for somebody at the other end of a pipe.
  ~disk_thread();

  /// @param work On the thread. @param then Afterwards, on that of operations;
  ///   not at all when this has ended before.
  /// @param may_hang It may wait for somebody else for ever.
  void run(std::function<void()> work, std::function<void()> then,
           bool may_hang = false);

  /// Where `then` is called.
  [[nodiscard]] boost::asio::io_context& io() const {
    return io_;
  }

private:
  struct state;

  boost::asio::io_context& io_;
  std::shared_ptr<state> state_; ///< Shared with the thread.
};

} // namespace dfs::client
