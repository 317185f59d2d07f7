#pragma once

#include <cstdint>
#include <string>
#include <vector>

// What one client asked and was told, with the times between which it happened:
// the one schema of all histories (README.md beside this file).

namespace dfs::history {

enum class verb : std::uint8_t {
  write,  ///< Puts `value` into cells of a block.
  read,   ///< What cells of a block hold.
  append, ///< Adds a record where the system chooses.
  scan,   ///< Which records a file holds, from its start to its end.
};

enum class outcome : std::uint8_t {
  done,    ///< Acknowledged.
  refused, ///< Certainly not done, now or later.
  unknown, ///< May be done at any time from the call on, or never.
};

/// Every block begins as this, and a file that is not there reads as this.
inline constexpr std::uint64_t nothing_written = 0;

/// A block of a file, or a file, is a row of cells; most have one. `write` sets
/// neighbouring cells to one value in one step, `read` sees all in one step.
struct operation {
  std::uint32_t proc = 0; ///< Client thread: one operation at a time.
  verb op = verb::read;
  /// What is changed independently of everything else: one block of a file
  /// for reads and writes, a file for appends and scans.
  std::string key;
  std::int64_t call_ns = 0;
  std::int64_t ret_ns = 0; ///< Meaningless when unknown: it stays open.
  outcome result = outcome::unknown;

  std::uint32_t cell = 0;  ///< write, read: the first one.
  std::uint32_t cells = 1; ///< write, read: how many, at least 1.
  std::uint64_t value = 0; ///< write; never `nothing_written` unless deleted.
  std::vector<std::uint64_t> values; ///< read, done: one for each cell.

  std::uint64_t record = 0; ///< append: unique in the whole history.
  std::uint64_t bytes = 0;  ///< append: length of the record.
  std::uint64_t offset = 0; ///< append, done: where the system put it.
  std::vector<std::uint64_t> records; ///< scan, done: in the file's order.

  bool operator==(const operation&) const = default;
};

} // namespace dfs::history
