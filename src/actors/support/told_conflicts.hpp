#pragma once

#include "core/links/store_claims.hpp"

#include <mutex>
#include <utility>
#include <vector>

namespace dfs::actors {

/// What one directory says of stores that two nodes claim, for the report of
/// another subsystem. Thread-safe.
class told_conflicts {
public:
  void set(std::vector<core::store_claims::claim> all) {
    const std::lock_guard guard{guard_};
    all_ = std::move(all);
  }

  [[nodiscard]] std::vector<core::store_claims::claim> get() const {
    const std::lock_guard guard{guard_};
    return all_;
  }

private:
  mutable std::mutex guard_;
  std::vector<core::store_claims::claim> all_;
};

} // namespace dfs::actors
