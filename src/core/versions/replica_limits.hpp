#pragma once

#include "core/versions/outcome_ages.hpp"

#include <chrono>
#include <cstddef>

namespace dfs::core {

/// How often what was not answered is asked again.
inline constexpr std::chrono::milliseconds replica_patience{250};

/// Who gathers, and gets nothing for so long, asks anew: meanwhile others may
/// have dropped what was of older versions.
inline constexpr std::chrono::milliseconds gathering_patience{5'000};

/// So long a page of a group may be on its way.
inline constexpr std::chrono::milliseconds page_patience{3'000};

/// What is done at once, and kept, however many files there are.
struct replica_limits {
  std::size_t page_files = 4'096; ///< Of `list_files` and `fetch_group`.
  std::size_t page_bytes = 4 * 1024 * 1024; ///< Of `fetch_group`, about.
  std::size_t looked_at = 1'024;            ///< By one tick.
  outcome_limits outcomes;
};

} // namespace dfs::core
