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

/// Under puts a content is on its way to a replica for less than that. A
/// content that is missing for longer is being repaired.
inline constexpr std::chrono::milliseconds copy_patience{3'000};

/// A fill that gets no content for so long reads the states again: under puts
/// the members drop contents of older versions.
inline constexpr std::chrono::milliseconds fill_pause{2'000};

/// After so many rounds the rest comes and goes faster than it is fetched.
inline constexpr std::size_t fill_rounds = 3;

/// A server that is not told to fill for so long gives the fill up.
inline constexpr std::chrono::milliseconds fill_life{15'000};

/// What is done at once, and kept, however many files there are.
struct replica_limits {
  std::size_t page_files = 4'096; ///< Of `list_files` and `fetch_group`.
  std::size_t page_bytes = 4 * 1024 * 1024; ///< Of `fetch_group`, about.
  std::size_t looked_at = 1'024;            ///< By one tick.
  outcome_limits outcomes;
};

} // namespace dfs::core
