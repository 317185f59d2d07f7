#pragma once

#include "support/history/operation.hpp"

#include <chrono>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace dfs::history {

/// Collects what many threads did. Any thread.
class recorder {
public:
  [[nodiscard]] static std::int64_t now_ns() {
    return std::chrono::steady_clock::now().time_since_epoch().count();
  }

  void add(operation x) {
    const std::lock_guard guard{mutex_};
    history_.push_back(std::move(x));
  }

  /// What no order of operations can explain, in words.
  void flaw(std::string what) {
    const std::lock_guard guard{mutex_};
    flaws_.push_back(std::move(what));
  }

  // For when the threads are gone.
  [[nodiscard]] const std::vector<operation>& history() const {
    return history_;
  }
  [[nodiscard]] const std::vector<std::string>& flaws() const {
    return flaws_;
  }

private:
  std::mutex mutex_;
  std::vector<operation> history_;
  std::vector<std::string> flaws_;
};

} // namespace dfs::history
