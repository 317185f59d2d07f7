#pragma once

#include "base/time.hpp"
#include "core/chunks/server_table.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

namespace dfs::core {

/// The right of one server to order changes of a chunk.
struct primary_lease {
  lease_epoch epoch;
  chunk_version version;
  instant until{};                 ///< Over for the master.
  std::vector<server_index> chain; ///< The primary first.
  boot_id boot;                    ///< Of the primary.
  bool open = true;    ///< False: nobody is given this grant, not yet or …
  bool closed = false; ///< … not any more: whoever had it is done.

  [[nodiscard]] server_index primary() const {
    return chain.front();
  }
};

/// Who orders changes of which chunk: the master's view, of one term. Pure.
///
///  L1  A chunk has at most one lease. An entry stays until its primary is
///      known not to act on it, or `until` has passed.
///  L2  Epochs only grow, over chunks and terms.
class chunk_leases {
public:
  explicit chunk_leases(master_term term) : next_{(term.value() << 40) + 1} {
    // nop
  }

  /// @pre The chunk has none.
  primary_lease& grant(chunk_id chunk, chunk_version version,
                       std::vector<server_index> chain, boot_id boot,
                       instant until);

  /// One that the primary has from a former master.
  primary_lease&
  take_over(chunk_id chunk, lease_epoch epoch, chunk_version version,
            std::vector<server_index> chain, boot_id boot, instant until);

  [[nodiscard]] primary_lease* find(chunk_id chunk);
  [[nodiscard]] const primary_lease* find(chunk_id chunk) const;
  void renew(chunk_id chunk, instant until);
  void end(chunk_id chunk);

  /// @returns the chunks whose lease was over at `now`; they have none now.
  [[nodiscard]] std::vector<chunk_id> expire(instant now);
  /// Those of a primary; O(leases).
  [[nodiscard]] std::vector<chunk_id> of(server_index primary) const;
  [[nodiscard]] std::size_t size() const {
    return leases_.size();
  }
  /// No epoch above this one was given, in this term or one before.
  [[nodiscard]] lease_epoch newest() const {
    return lease_epoch{next_.value() - 1};
  }

  /// Aborts if an invariant is broken.
  void check() const;

private:
  primary_lease& put(chunk_id chunk, primary_lease x);

  lease_epoch next_;
  std::unordered_map<chunk_id, primary_lease> leases_; ///< Order never shows.
  std::set<std::pair<instant, chunk_id>> ends_;
};

} // namespace dfs::core
