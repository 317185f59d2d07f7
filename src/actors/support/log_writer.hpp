#pragma once

#include "actors/support/log_format.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace dfs::actors {

/// Takes lines from any thread without waiting, and writes them from one of
/// its own (log.hpp I2, I3). One per process; apart from log.cpp for tests.
class log_writer {
public:
  log_writer() = default;
  ~log_writer();
  log_writer(const log_writer&) = delete;
  log_writer& operator=(const log_writer&) = delete;

  /// @param file Empty: standard error. @returns `ec::configuration`.
  [[nodiscard]] result<nothing> start(std::string file, bool json);
  void reopen();
  void stop();

  /// Before `start` and after `stop`: straight to standard error.
  void write(log_line line);

  /// Called about once a second, by the writing thread.
  void on_tick(void (*callback)(log_time now));

  [[nodiscard]] std::uint64_t lost() const {
    return lost_.load(std::memory_order_relaxed);
  }

  /// Lines that wait, at most: some 2 MB, a second of the worst burst.
  static constexpr std::size_t queued_max = 8'192;

private:
  void run();
  void write_batch(std::deque<std::string> batch);
  /// Waits for room, for as long as the log is not being stopped.
  bool put(std::string_view bytes);
  void open_again();
  void close_file();

  std::mutex guard_;
  std::condition_variable wake_;
  std::deque<std::string> queue_;
  repeat_limiter limiter_;
  bool started_ = false;
  bool stopping_ = false;
  bool reopen_ = false;
  bool json_ = false;
  void (*tick_)(log_time) = nullptr;
  std::atomic<std::uint64_t> lost_{0};
  std::atomic<bool> hurry_{false}; ///< Stopping: do not wait for a reader.

  // The writing thread's own.
  std::string file_;
  int descriptor_ = -1;
  int goodbye_waits_ = 0;
  bool torn_ = false; ///< The last line is incomplete.
  std::uint64_t lost_told_ = 0;
  log_time retry_at_;
  std::thread thread_;
};

} // namespace dfs::actors
