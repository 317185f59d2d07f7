#pragma once

#include "core/chunks/holder_lease.hpp"
#include "core/filetree/kept_clock.hpp"

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>

namespace dfs::actors {

/// The clock of deletions of this master (`core::kept_clock`). One for all of
/// its actors, any thread.
class kept_time {
public:
  /// @param clocks `read_clocks`, but in tests.
  explicit kept_time(std::function<core::clock_pair()> clocks);

  /// The rows have been read: before that it says what the wall clock says.
  void begin(const std::optional<core::clock_row>& row);

  [[nodiscard]] core::tree_time read();

  /// As of the last reading: `core::kept_clock::jumped`, `behind`.
  [[nodiscard]] std::chrono::milliseconds jumped() const;
  [[nodiscard]] std::chrono::milliseconds behind() const;

private:
  std::function<core::clock_pair()> clocks_;
  mutable std::mutex guard_;
  core::kept_clock clock_;
};

} // namespace dfs::actors
