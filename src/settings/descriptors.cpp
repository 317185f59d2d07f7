#include "settings/descriptors.hpp"

namespace dfs::settings {

namespace {

/// A link to a server: its socket, and a pair to the actor system.
constexpr std::uint64_t per_link = 3;

/// Of a chunk store: cached files of a volume, its log and its directories.
constexpr std::uint64_t per_volume = 600;

/// RocksDB's tables and log.
constexpr std::uint64_t per_database = 160;

/// Logs, event loops, datagrams, connections to other data ports.
constexpr std::uint64_t everything_else = 512;

} // namespace

std::uint64_t
descriptors_needed(const node_settings& how, msg::role_set roles) {
  const auto& stream = how.stream;
  // Strangers, and as many that were refused and read why.
  const std::uint64_t port
    = std::uint64_t{stream.connections_max} + 2 * stream.unverified_max;
  auto needed = port + per_link * how.control.links_max
                + how.control.unverified_max + how.http.connections_max
                + everything_else;
  if (msg::has(roles, msg::role::chunkserver))
    needed += port + per_volume * how.volumes.paths.size();
  if (msg::has(roles, msg::role::fileserver))
    needed += port + per_volume * how.versions.paths.size() + per_database;
  if (msg::has(roles, msg::role::master))
    needed += per_database;
  return needed;
}

} // namespace dfs::settings
