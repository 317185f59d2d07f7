#pragma once

#include "base/result.hpp"
#include "messages/master_mark.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace dfs::core {

/// One life of a master's metadata, as their rows tell it.
struct master_life {
  master_term term;
  std::uint64_t life = 0;  ///< Random.
  std::uint64_t began = 0; ///< Rows before it: what the life before it left.

  bool operator==(const master_life&) const = default;
};

/// Which lives of the master a metadata directory has gone through, and how far
/// it came in each: so whoever has obeyed one of them can be told apart from
/// whoever has seen more than is here (docs/protocols/chunks.md, "Metadata that
/// goes back"). Of one master; pure.
struct master_lineage {
  /// By term, the last one is the present. May lack those of long ago; empty:
  /// nothing is known, and only terms are compared.
  std::vector<master_life> lives;
  /// First term after the newest restore, 1 if there was none: whatever was
  /// obeyed below was given up by a person.
  master_term restored_at{1};

  /// Is all here that a server had seen when it remembered that?
  /// @param term The present one. @param durable Sequence of the present life.
  /// @returns `ec::stale`, with what is missing.
  [[nodiscard]] result<nothing> judge(const msg::master_mark& seen,
                                      master_term term,
                                      std::uint64_t durable) const;

  /// As a server is to remember it.
  [[nodiscard]] std::uint64_t life() const {
    return lives.empty() ? 0 : lives.back().life;
  }
};

/// What an operator can do about metadata that is older than what a server has
/// obeyed; one line.
[[nodiscard]] std::string way_out(const msg::master_mark& seen);

} // namespace dfs::core
