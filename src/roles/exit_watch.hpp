#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <string_view>
#include <thread>

namespace dfs::roles {

/// Sees to it that a process that was told to end does so: at its deadline,
/// whatever hangs then, or at the second SIGTERM or SIGINT, as soon as its
/// goodbye is said. It leaves by `_exit`: nothing that was acknowledged is lost
/// by that (SPEC S6).
///
/// @pre Both signals are blocked in every thread.
class exit_watch {
public:
  /// Begins to watch.
  /// @param status Of a process that does not end by itself.
  /// @param told_by The first signal, or 0: another one of its kind within
  ///                50 ms is the same word, said twice.
  exit_watch(std::chrono::milliseconds patience, int status, int told_by);

  /// The process ends by itself.
  ~exit_watch();

  /// A second signal has come: nothing is worth waiting for but the goodbye.
  [[nodiscard]] bool hurried() const {
    return hurried_;
  }

  /// From now on a second signal ends the process at once; one that has come
  /// does it now.
  void goodbye_said();

private:
  void watch(std::chrono::milliseconds patience);
  [[noreturn]] void leave(std::string_view why);

  const int status_;
  const int told_by_;
  std::atomic<bool> hurried_{false};
  std::atomic<bool> said_{false};
  std::atomic<bool> over_{false};
  std::mutex leaving_; ///< One thread leaves.
  std::thread thread_;
};

} // namespace dfs::roles
