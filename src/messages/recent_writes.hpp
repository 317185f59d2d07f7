#pragma once

#include "base/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dfs::msg {

/// Which write it is, wherever and however often it is sent.
struct write_identity {
  writer_id writer;           ///< Random; of one client in one chunk.
  std::uint64_t sequence = 0; ///< From 1, rising by 1 with each write.
  mutation_serial since;      ///< Committed before the writer's first was sent.
};

/// How far one writer has come.
struct recent_write {
  writer_id writer;
  std::uint64_t sequence = 0; ///< Of its last write.
  mutation_serial serial;     ///< Where that stands in the chunk's order.

  bool operator==(const recent_write&) const = default;
};

/// Whose writes a chunk has, as far as it is remembered; each replica's
/// (docs/protocols/chunk_data.md, "Writes: exactly once"). Follows from the
/// changes alone, so replicas with the same ones have the same table.
///
///  R1  One entry a writer, rising serials, at most `most`.
///  R2  A write that was applied is at most the sequence of its writer's entry,
///      or its serial is at most `forgotten`.
struct recent_writes {
  static constexpr std::size_t most = 256;

  std::vector<recent_write> entries;
  mutation_serial forgotten;

  /// @returns Null: never here, or forgotten.
  [[nodiscard]] const recent_write* find(writer_id writer) const;

  /// @pre Its serial is above all others.
  void note(const recent_write& x);

  /// What came after `serial` has not happened, or is nobody's business.
  void go_back(mutation_serial serial);

  [[nodiscard]] bool empty() const {
    return entries.empty() && forgotten == mutation_serial{};
  }

  bool operator==(const recent_writes&) const = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, write_identity& x) {
  return f(x.writer, x.sequence, x.since);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, recent_write& x) {
  return f(x.writer, x.sequence, x.serial);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, recent_writes& x) {
  return f(x.entries, x.forgotten);
}

} // namespace dfs::msg
