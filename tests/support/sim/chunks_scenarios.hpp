#pragma once

#include "support/sim/chunks.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Runs of chunk clusters: faults for a while, then rest. One seed, one run.

namespace dfs::sim {

struct chunks_run {
  /// The story of the run if a promise was broken, with its replay line.
  std::optional<std::string> broken;
  std::uint64_t events = 0;
  std::uint64_t changes = 0; ///< Acknowledged.
  std::uint64_t reads = 0;
  std::uint64_t grants = 0; ///< Told to clients.
};

struct chunks_scenario {
  std::string_view name;
  std::string_view help;
  chunks_run (*run)(const chunks_options&);
};

[[nodiscard]] const std::vector<chunks_scenario>& chunk_scenarios();

/// Null when there is none of that name.
[[nodiscard]] const chunks_scenario* find_chunk_scenario(std::string_view name);

/// Times that let much happen in little: what the runs above use.
[[nodiscard]] chunks_options brisk_chunks();

} // namespace dfs::sim
