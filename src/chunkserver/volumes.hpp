#pragma once

#include "base/result.hpp"
#include "messages/chunk.hpp"
#include "storage/chunk_store.hpp"

#include <cstddef>
#include <vector>

namespace dfs::chunkserver {

/// The volumes of this node as one store. Any thread.
class volumes {
public:
  /// @pre At least one; they outlive this.
  explicit volumes(std::vector<storage::chunk_store*> stores);

  /// Null: the chunk is on none. What is on a failed one counts as lost. Of two
  /// replicas (a copy that was made beside another volume's) the newest.
  [[nodiscard]] storage::chunk_store* find(chunk_id chunk) const;

  /// Null: it is on no failed volume.
  [[nodiscard]] storage::chunk_store* find_failed(chunk_id chunk) const;

  /// A bad replica of it is on one, set aside.
  [[nodiscard]] bool has_quarantined(chunk_id chunk) const;

  /// Where a new chunk goes: the volume with the most room.
  /// @returns `ec::full`, or `ec::io_error` if all have failed.
  [[nodiscard]] result<storage::chunk_store*> with_room() const;

  [[nodiscard]] const std::vector<storage::chunk_store*>& all() const {
    return stores_;
  }

private:
  std::vector<storage::chunk_store*> stores_;
};

/// While a volume was out of service, chunks of it may have been copied to
/// another one of the same node: now that both are there, the older replica
/// goes. Repeatable. @returns how many went.
std::size_t drop_doubles(const std::vector<storage::chunk_store*>& stores);

/// A volume's words for the protocol's, and back.
[[nodiscard]] msg::chunk_extent extent_of(const storage::chunk_state& x);
[[nodiscard]] msg::chunk_state state_of(const storage::chunk_state& x);
[[nodiscard]] storage::chunk_state state_of(const msg::chunk_state& x);

} // namespace dfs::chunkserver
