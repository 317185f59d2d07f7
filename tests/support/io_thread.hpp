#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <thread>

namespace dfs::test {

/// An io_context and the one thread that runs it.
class io_thread {
public:
  io_thread() = default;

  io_thread(const io_thread&) = delete;
  io_thread& operator=(const io_thread&) = delete;

  /// Drops what is under way.
  ~io_thread() {
    io.stop();
    if (thread_.joinable())
      thread_.join();
  }

  /// Waits until there is nothing left to do.
  void finish() {
    work_.reset();
    thread_.join();
  }

  boost::asio::io_context io{1};

private:
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type>
    work_{io.get_executor()};
  std::thread thread_{[this] { io.run(); }};
};

} // namespace dfs::test
