#pragma once

#include "support/history/workload.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace dfs::history {

/// What a run proved, in one line for machines (RELIABILITY: a run that
/// injected nothing proves nothing, and fails).
struct ledger {
  std::string name; ///< Of the case.
  std::uint64_t seed = 0;
  std::uint64_t operations = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t unknown = 0;
  std::uint64_t refused = 0;
  std::uint64_t verified = 0; ///< Operations that the checkers placed.
  std::uint64_t records = 0;  ///< In the logs at the end.
  std::uint64_t replicas = 0; ///< Compared with each other, byte by byte.
  std::uint64_t faults = 0;   ///< Injected between the first and last call.
  std::int64_t seconds = 0;
  std::int64_t read_ms_max = 0; ///< The longest that an answer took.
  std::int64_t write_ms_max = 0;
  std::int64_t append_ms_max = 0;
  std::int64_t put_ms_max = 0;
  std::vector<std::string> violations; ///< None: the run has passed.
};

/// Runs the checkers over all of it. @param fault_times On the clock of
/// `recorder::now_ns`. @param faults_wanted Fewer are a violation.
[[nodiscard]] ledger judge(std::string name, const workload& run,
                           const std::vector<std::int64_t>& fault_times,
                           std::uint64_t faults_wanted);

/// One line, without its end.
[[nodiscard]] std::string to_json(const ledger& x);

} // namespace dfs::history
