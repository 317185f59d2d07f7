#pragma once

#include "base/ids.hpp"
#include "base/time.hpp"
#include "core/chunks/lease_rule.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <unordered_map>
#include <utility>

namespace dfs::core {

struct revoked_limits {
  /// A grant, or a change under it, that is older than a revocation arrives
  /// within this time. A chunkserver remembers when a heartbeat was sent for
  /// two chunk leases, and refuses a grant that names an older one; the third
  /// is for answers on their way.
  std::chrono::milliseconds memory{3 * chunk_lease};
  /// `tidy` does not look at a table of up to this many rows, 50 bytes each.
  std::size_t few = 1'024;
};

/// The versions that a chunkserver knows to be revoked: it serves and changes
/// nothing below them. Its view, of one life. Pure.
///
///  V1  While a replica below the version is here, arrives or is being deleted,
///      its row stays: no reader gets an answer from it (S2 of `server_table`,
///      and I3 of docs/protocols/chunks.md).
///  V2  A row stays for `memory` after it was heard, and after the server has
///      last been without a node lease: no older grant makes such a replica
///      anew. A process that was stopped finds old messages when it resumes.
///      If the primary of a fresh chunk was stopped for longer than `memory`,
///      and a connection of before is still there, its first change does make
///      one: this server reports that, and hears at its next heartbeat that it
///      is revoked.
///  V3  Where node leases last for `memory`, the table has at most `few` rows,
///      or twice as many as V1 and V2 asked for when it was last tidied. Where
///      they break more often, a row for each chunk that was ever revoked.
class revoked_table {
public:
  explicit revoked_table(revoked_limits limits = {})
    : limits_{limits},
      crowded_{limits.few} {
    // nop
  }

  void add(chunk_id chunk, chunk_version below, boot_instant now) {
    auto& x = rows_[chunk];
    x = {std::max(x.below, below), now};
  }

  /// Versions below are revoked; 0: none.
  [[nodiscard]] chunk_version below(chunk_id chunk) const {
    const auto found = rows_.find(chunk);
    return found == rows_.end() ? chunk_version{} : found->second.below;
  }

  /// Drops rows that nothing needs any more; looks only when there are many, so
  /// that a row costs a few looks in all.
  /// @param leased_since Start of the node lease that runs without a gap.
  /// @param holds Of (chunk, version): whether a replica below that version is
  ///   here, arrives, or is being deleted. When in doubt: yes.
  /// @pre A node lease runs.
  template <class Holds>
  void tidy(boot_instant now, boot_instant leased_since, Holds holds) {
    if (rows_.size() <= crowded_ || now - leased_since < limits_.memory)
      return;
    std::erase_if(rows_, [&](const auto& x) {
      return now - x.second.heard >= limits_.memory
             && !holds(x.first, x.second.below);
    });
    crowded_ = std::max(limits_.few, 2 * rows_.size());
  }

  [[nodiscard]] std::size_t size() const {
    return rows_.size();
  }

private:
  struct row {
    chunk_version below;
    boot_instant heard;
  };

  revoked_limits limits_;
  std::size_t crowded_; ///< Rows above which `tidy` looks at them.
  std::unordered_map<chunk_id, row> rows_;
};

} // namespace dfs::core
