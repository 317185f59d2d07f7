#pragma once

#include "base/time.hpp"
#include "core/versions/replica_rows.hpp"

#include <chrono>
#include <cstddef>
#include <deque>
#include <utility>
#include <vector>

namespace dfs::core {

/// How long past outcomes are kept, and how many.
struct outcome_limits {
  std::chrono::milliseconds life = std::chrono::minutes{15};
  /// Of a group: 290 that leave manifests each second, for the whole life; some
  /// 30 MB of memory, and 15 MB on the disk. Then the oldest go.
  std::size_t most = 1 << 18;
  std::size_t at_once = 4'096; ///< Go in one batch.
};

/// The ages of past outcomes, counted in this life of the process: no clock is
/// stored, so none can jump, and a restart makes them younger. Pure.
class outcome_ages {
public:
  /// @pre It is not there. `now` never goes back.
  void add(const outcome_key& x, instant now) {
    ages_.emplace_back(now, x);
  }

  /// Those that have to go, taken out. Seldom, and then many: so that it costs
  /// one batch of rows in a sixteenth of their life.
  [[nodiscard]] std::vector<outcome_key>
  take_old(const outcome_limits& limits, instant now);

private:
  std::deque<std::pair<instant, outcome_key>> ages_; ///< Oldest first.
};

} // namespace dfs::core
