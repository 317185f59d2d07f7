#pragma once

#include "messages/chunk_control.hpp"

#include <cstddef>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

namespace dfs::chunkserver {

/// The leases of this server, and those that are over and of which the master
/// has not said yet that it knows. The data thread's.
class led_table {
public:
  void begin(chunk_id chunk, lease_epoch epoch);

  /// @param settled All that is applied here is committed.
  void end(chunk_id chunk, lease_epoch epoch,
           const msg::chunk_extent& committed, bool settled);

  /// The master knows that it is over. @returns its chunk, if it runs here.
  chunk_id forget(lease_epoch epoch);

  /// Zero: no such lease runs.
  [[nodiscard]] chunk_id running(lease_epoch epoch) const;
  [[nodiscard]] std::size_t running() const {
    return running_;
  }

  /// Some of them by id, the first after `from`, and round.
  /// @param live Fills in what is committed now of a lease that runs.
  template <class Live>
  [[nodiscard]] std::vector<msg::led_chunk>
  list(chunk_id from, std::size_t most, Live live) const {
    std::vector<msg::led_chunk> found;
    auto next = leases_.upper_bound({from, lease_epoch{~std::uint64_t{0}}});
    for (auto left = std::min(most, leases_.size()); left > 0; --left) {
      if (next == leases_.end())
        next = leases_.begin();
      found.push_back(next->second);
      if (!next->second.over)
        live(found.back());
      ++next;
    }
    return found;
  }

private:
  using key = std::pair<chunk_id, lease_epoch>;

  std::map<key, msg::led_chunk> leases_;
  std::unordered_map<lease_epoch, chunk_id> chunks_;
  std::size_t running_ = 0;
};

} // namespace dfs::chunkserver
