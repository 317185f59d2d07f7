#pragma once

#include "base/rng.hpp"
#include "core/chunks/server_table.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dfs::core {

/// What was placed where of late, so that many choices between two heartbeats
/// do not all fall on the server that looked emptiest. Halved with each tick.
class placement_memory {
public:
  void placed(server_index server, std::uint64_t bytes);
  void fade();
  [[nodiscard]] std::uint64_t of(server_index server) const {
    return server < bytes_.size() ? bytes_[server] : 0;
  }

private:
  std::vector<std::uint64_t> bytes_;
};

/// Chooses up to `count` servers for replicas: distinct ones, of distinct zones
/// as long as there are such, each with a chance in proportion to the space it
/// has left. Never one that is not usable at `now`, or has no room for `bytes`,
/// or is in `taken`; the zones of those in `taken` count as used, too. Equal
/// arguments give equal choices.
/// @returns fewer if there are no more.
[[nodiscard]] std::vector<server_index>
choose_servers(const server_table& servers, const placement_memory& memory,
               std::size_t count, std::uint64_t bytes,
               const std::vector<server_index>& taken, rng& random,
               instant now);

} // namespace dfs::core
