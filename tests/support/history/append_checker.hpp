#pragma once

#include "support/history/operation.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace dfs::history {

struct found_record {
  std::uint64_t record = 0;
  std::uint64_t offset = 0; ///< In the file.
  std::uint64_t bytes = 0;

  bool operator==(const found_record&) const = default;
};

/// What one replica holds of one stretch of a file, at the end of a run.
struct replica_content {
  std::string key;
  std::string replica;     ///< For people, such as "chunk 7 at 127.0.0.1:9000".
  std::uint64_t begin = 0; ///< In the file; equal for replicas of one chunk.
  std::uint64_t end = 0;
  std::vector<found_record> records; ///< By offset.
  /// Bytes that are neither records nor recorded padding, described.
  std::vector<std::string> flaws;
};

struct append_report {
  std::vector<std::string> violations; ///< For people; at most 20.
  std::uint64_t records = 0;           ///< In the files at the end.
  std::uint64_t acknowledged = 0;
  std::uint64_t unknown_there = 0;
  std::uint64_t unknown_absent = 0;
};

/// Are the appends of a history, and what the replicas hold at its end, those
/// of an append-only list? (SPEC G7)
///
///  - Each acknowledged record is there exactly once, whole, at the offset that
///    was told; each unknown one at most once; a refused one never; no other.
///  - Replicas of one stretch hold the same records at the same offsets.
///  - A record that was called for after another was acknowledged lies behind.
///  - A scan saw a prefix of the list, with all that was acknowledged before
///    it and all that an earlier scan saw, and nothing from its future.
///
/// O(n log n), and the length of each scan. Reads and writes are ignored.
[[nodiscard]] append_report
check_appends(std::span<const operation> history,
              std::span<const replica_content> replicas);

} // namespace dfs::history
