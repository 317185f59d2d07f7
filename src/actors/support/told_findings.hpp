#pragma once

#include "messages/chunk_status.hpp"

#include <mutex>
#include <utility>
#include <vector>

namespace dfs::actors {

/// What one subsystem has to say in `status`, for the report of another one.
/// Thread-safe.
class told_findings {
public:
  void set(std::vector<msg::health_finding> all) {
    const std::lock_guard guard{guard_};
    all_ = std::move(all);
  }

  [[nodiscard]] std::vector<msg::health_finding> get() const {
    const std::lock_guard guard{guard_};
    return all_;
  }

private:
  mutable std::mutex guard_;
  std::vector<msg::health_finding> all_;
};

} // namespace dfs::actors
