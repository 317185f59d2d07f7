#pragma once

#include "storage/store/commit_lanes.hpp"
#include "storage/store/store_core.hpp"

#include <cstdint>
#include <optional>
#include <set>

namespace dfs::storage {

/// Gives back what the log no longer needs. One call at a time.
///
///  I1  A segment goes only when nothing in it is needed: what is current has
///      been written again behind it, what was journalled in it is in its file
///      on the disk, and the log says so on the disk.
class compactor {
public:
  compactor(store_core& core, commit_lanes& lanes);

  /// A new segment if none is ready, a checkpoint if one is due, and one
  /// segment if one is worth it.
  /// @param patient Keeps to `compact_bytes_per_second`.
  /// @returns `ec::io_error`: the volume has failed.
  [[nodiscard]] result<nothing> run(bool patient);

  /// Chunk files onto the disk, so that their data is not needed in the log.
  [[nodiscard]] result<nothing> checkpoint();

private:
  class mover;

  [[nodiscard]] std::optional<std::uint32_t> worst_segment() const;
  [[nodiscard]] bool follows_leaving(std::uint32_t number) const;
  [[nodiscard]] result<nothing> compact(std::uint32_t number, bool patient);
  [[nodiscard]] result<nothing> sync_file(chunk_id id);

  store_core& core_;
  commit_lanes& lanes_;
  std::uint32_t blocked_ = 0; ///< A segment that could not go.
  /// Those with holes: kept until the next start has looked into them.
  std::set<std::uint32_t> damaged_;
};

} // namespace dfs::storage
