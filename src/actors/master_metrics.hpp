#pragma once

#include "actors/support/metrics.hpp"
#include "base/time.hpp"
#include "core/chunks/directory_machine.hpp"

#include <array>
#include <atomic>
#include <cstdint>

// What /metrics says of a master: docs/metrics.md.

namespace dfs::actors {

struct namespace_counters;
struct version_directory_counters;

/// Of the chunk directory, from any thread. As of a tick of it.
struct directory_counters {
  /// Chunks of files, by `core::chunk_class`.
  std::array<std::atomic<std::uint64_t>, core::chunk_classes> chunks{};
  std::atomic<std::uint64_t> serving{0}; ///< Chunkservers.
  std::atomic<std::uint64_t> missing{0}; ///< Registered once, and not serving.
  std::atomic<std::uint64_t> copying{0}; ///< Copies under way.
  std::atomic<std::uint64_t> repair_bytes{0};
  std::atomic<std::uint64_t> orphans{0};
  std::atomic<std::uint64_t> deleted{0}; ///< Replicas, ever.
  std::atomic<std::uint64_t> stores_twice{0};
};

/// O(servers + chunks that wait for repair).
void count_directory(const core::directory_machine& from,
                     directory_counters& to, instant now);

void describe_master(metrics_page& page, const directory_counters& chunks,
                     const namespace_counters& names,
                     const version_directory_counters& versions);

} // namespace dfs::actors
