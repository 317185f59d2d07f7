#pragma once

#include "net/data_link.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <thread>

namespace dfs::net {

/// The one thread of a data port, and what is posted to it.
class data_thread {
public:
  /// @param idle_buffer_bytes What is kept of buffers that nobody uses.
  explicit data_thread(std::size_t idle_buffer_bytes);
  data_thread(const data_thread&) = delete;
  data_thread& operator=(const data_thread&) = delete;

  /// @pre Ended, or never started.
  ~data_thread();

  [[nodiscard]] const std::shared_ptr<data_loop>& loop() const {
    return loop_;
  }
  [[nodiscard]] boost::asio::io_context& io() {
    return io_;
  }

  /// Once. @param name What the system shows; at most 15 bytes.
  void start(const char* name);

  [[nodiscard]] bool runs() const {
    return thread_.joinable();
  }

  /// Runs it in the thread, as a turn of the loop. Any thread. @returns False:
  /// it has ended, and nothing runs.
  bool post(std::function<void()> what);

  /// Runs it in the thread and waits for it. @pre It runs, and this is another.
  void run(const std::function<void()>& what);

  /// Nothing more runs; what was posted and did not run is dropped with this.
  /// Another thread's.
  void end();

private:
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type>
    work_{io_.get_executor()};
  std::shared_ptr<data_loop> loop_;
  std::thread thread_;
  std::atomic<bool> ended_{false};
};

} // namespace dfs::net
