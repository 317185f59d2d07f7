#pragma once

#include "chunkserver/replica.hpp"
#include "chunkserver/volumes.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <unordered_map>

namespace dfs::chunkserver {

/// The chunks that are in use, and what is remembered of the others: how far
/// they are known to be committed. The data thread's.
///
///  T1  A replica is deleted on a disk thread, whatever its version is by then.
///      So from the order until that is done the chunk is not here for anybody,
///      and nobody makes it anew: no version that came later is deleted.
class replica_table {
public:
  replica_table(volumes& where, std::uint32_t chunk_size)
    : volumes_{where},
      chunk_size_{chunk_size} {
    // nop
  }

  /// On a volume in service, else on a failed one. Null: it is not here.
  [[nodiscard]] std::shared_ptr<replica> find(chunk_id chunk, boot_instant now);

  /// Null: it is not in use.
  [[nodiscard]] std::shared_ptr<replica> peek(chunk_id chunk) const;

  /// A new chunk. @returns what `chunk_store::create` returns, and `ec::busy`:
  ///   an older replica is still being deleted (T1).
  [[nodiscard]] result<std::shared_ptr<replica>>
  create(chunk_id chunk, chunk_version version, boot_instant now);

  /// It is not here any more, or other than it was: forgets what it knew.
  void forget(chunk_id chunk);

  /// Its deletion begins; several may be under way. Forgets what it knew (T1).
  void begin_removal(chunk_id chunk);
  /// The disks are done with one, whatever came of it.
  void end_removal(chunk_id chunk);
  [[nodiscard]] bool leaving(chunk_id chunk) const {
    return leaving_.contains(chunk);
  }

  /// Sets chunks aside at which nothing has happened since `before`.
  /// @param led Leases of these are given up first: `give_up(replica)`.
  template <class GiveUp>
  void set_aside(boot_instant before, GiveUp give_up) {
    for (auto next = used_.begin(); next != used_.end();) {
      auto& x = *next->second;
      if (x.used > before || !at_rest(x)) {
        ++next;
        continue;
      }
      if (x.order.leads())
        give_up(x);
      remember(x);
      next = used_.erase(next);
    }
  }

  [[nodiscard]] std::size_t size() const {
    return used_.size();
  }

  /// All in use, in no order.
  [[nodiscard]] auto begin() {
    return used_.begin();
  }
  [[nodiscard]] auto end() {
    return used_.end();
  }

private:
  using marks = std::unordered_map<chunk_id, mutation_serial>;

  [[nodiscard]] static bool at_rest(const replica& x);
  void remember(const replica& x);
  [[nodiscard]] mutation_serial recall(chunk_id chunk);

  volumes& volumes_;
  std::uint32_t chunk_size_;
  std::unordered_map<chunk_id, std::shared_ptr<replica>> used_;
  std::unordered_map<chunk_id, std::size_t> leaving_; ///< How often (T1).
  /// Two generations: when the younger is full, the older is forgotten.
  marks young_;
  marks old_;
};

} // namespace dfs::chunkserver
