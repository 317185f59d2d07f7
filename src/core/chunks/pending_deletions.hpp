#pragma once

#include "base/ids.hpp"
#include "base/time.hpp"
#include "core/chunks/server_table.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <vector>

namespace dfs::core {

/// Chunks that were deleted, and who may have replicas of them still. They stay
/// known, durably (`released_rows`), until nobody has: a server that was away
/// brings back no orphans, and a master that restarts takes none for a sign of
/// wrong metadata. The master's view; pure.
class pending_deletions {
public:
  /// Further ones are forgotten, the oldest first; their replicas are orphans.
  static constexpr std::size_t most = 500'000;

  /// @param may_have Who has a replica, or has not told yet.
  void add(chunk_id chunk, const std::vector<server_index>& may_have);
  [[nodiscard]] bool has(chunk_id chunk) const {
    return chunks_.contains(chunk);
  }
  [[nodiscard]] std::size_t size() const {
    return chunks_.size();
  }
  /// It says that it has it. @pre `has(chunk)`.
  void there(server_index server, chunk_id chunk);
  void gone(server_index server, chunk_id chunk);
  /// A new life: what it was ordered may not have happened.
  void reborn(server_index server);
  /// It does not come back.
  void forget(server_index server);
  /// Those it may have, from `first` to `last`.
  void find(server_index server, chunk_id first, chunk_id last,
            std::vector<chunk_id>& to) const;

  /// Calls `order` for what is to be ordered now, some at a time.
  /// @param order Returns whether it takes it: the server is there, has room.
  void each_due(instant now,
                const std::function<bool(server_index, chunk_id)>& order);

  /// Those that nobody has any more: their rows can go. At most `count`.
  [[nodiscard]] std::vector<chunk_id> take_done(std::size_t count);

private:
  struct holder {
    server_index server = no_server;
    instant ordered{}; ///< Zero: not yet.
  };
  using holders = std::vector<holder>;
  using chunk_map = std::map<chunk_id, holders>;

  chunk_map::iterator settle(chunk_map::iterator at);

  chunk_map chunks_;
  std::vector<chunk_id> done_;
  chunk_id cursor_;
};

} // namespace dfs::core
