#pragma once

#include "support/sim/sessions.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What clients of a master go through, and how long it may take them.

namespace dfs::sim {

struct sessions_run {
  /// What was promised and not kept, with the command that repeats the run.
  std::optional<std::string> broken;
  std::uint64_t events = 0;
  std::uint64_t answered = 0;   ///< Clients.
  std::uint64_t handshakes = 0; ///< Of all servers since the fault.
  std::uint32_t crowd = 0;      ///< Longest queue of handshakes at a contact.
  double median = 0;            ///< Seconds to the first answer.
  double p99 = 0;
  double max = 0;
};

struct sessions_scenario {
  std::string_view name;
  std::string_view help;
  sessions_run (*run)(sessions_options);
};

[[nodiscard]] const std::vector<sessions_scenario>& sessions_scenarios();

/// Null when there is none of that name.
[[nodiscard]] const sessions_scenario*
find_sessions_scenario(std::string_view name);

} // namespace dfs::sim
