#pragma once

#include <atomic>
#include <chrono>

namespace dfs::fileserver {

/// Lets one thread wait for a descriptor, a bell and a time at once. Ringing a
/// bell that rings already costs no system call.
class wake_up {
public:
  wake_up();
  ~wake_up();
  wake_up(const wake_up&) = delete;
  wake_up& operator=(const wake_up&) = delete;

  /// Any thread.
  void ring();
  /// Before what the bell is for is looked at.
  void clear();
  /// Until something can be read from `descriptor`, the bell rings, or the time
  /// is over.
  void wait(int descriptor, std::chrono::nanoseconds timeout);

private:
  int bell_;
  std::atomic<bool> rung_{false};
  bool heard_ = false; ///< By who waits.
};

} // namespace dfs::fileserver
