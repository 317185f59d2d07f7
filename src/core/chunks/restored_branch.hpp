#pragma once

#include "base/ids.hpp"

#include <cstdint>

namespace dfs::core {

/// What a restore gave up, and what was given since (docs/formats/metadata.md,
/// "Terms and numbers"): the lost metadata may have gone on from the backup, so
/// their chunks, and newer versions of those in the backup, are on the servers.
///
/// Each restore begins a range of 2^16 terms, which names its branch; versions
/// of chunks that were there before it go on at `branch << 24`. So no version
/// means one thing to the lost metadata and another one to these.
class restored_branch {
public:
  /// Above this nobody ever gave a version, and one that is told is a mistake.
  static constexpr chunk_version version_max{0xffff'ffff};

  /// @param at First term after the newest restore; 1: there was none.
  explicit restored_branch(master_term at) : at_{at} {
    // nop
  }

  [[nodiscard]] bool any() const {
    return at_ > master_term{1};
  }
  [[nodiscard]] master_term began() const {
    return at_;
  }

  /// Made in a term before the restore: what is known of it may be old.
  [[nodiscard]] bool before(chunk_id chunk) const {
    return any() && chunk.value() >> 40 < at_.value();
  }

  /// The first version that is given in this branch, of such a chunk.
  [[nodiscard]] chunk_version floor() const {
    return chunk_version{(at_.value() >> 16) << 24};
  }

  /// Nobody was granted it since the restore: whoever has a newer version than
  /// the one in force has it from the lost metadata, and it counts.
  [[nodiscard]] bool may_lag(chunk_id chunk, chunk_version in_force) const {
    return before(chunk) && in_force < floor();
  }

private:
  master_term at_;
};

} // namespace dfs::core
