#pragma once

#include "admin/fsck/report.hpp"
#include "admin/verb.hpp"
#include "messages/version_admin.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace dfs::admin {

/// What a walk has seen, for what comes after it.
struct fsck_walk {
  /// A versioned file, and what its name shows.
  struct named {
    std::string path;
    msg::versioned_entry row;
  };
  std::vector<named> versioned; ///< Hidden ones, too.
  std::vector<std::string> paths;
  std::unordered_map<chunk_id, std::size_t> path_of; ///< Index in `paths`.
  /// Chunks whose current replicas a server has, which serves now.
  std::map<store_id, std::vector<chunk_id>> held;
  /// Current replicas on servers that do not serve, by chunk.
  std::unordered_map<chunk_id, std::size_t> out_of_reach;
};

/// Goes through all files below a path (or the file itself), asks the master
/// about each of their chunks, and, from the root, about all others.
/// @returns what the master says.
[[nodiscard]] result<nothing>
examine_files(verb_context& context, const std::string& path,
              const server_names& names, fsck_walk& walk, fsck_report& to);

/// Has every replica of the chunks that were seen read and verified, by the
/// servers that hold them, all at once. A server that cannot be asked is a
/// finding. @returns what asking for the members says.
[[nodiscard]] result<nothing>
examine_replicas(verb_context& context,
                 const std::vector<msg::server_status>& servers,
                 const server_names& names, const fsck_walk& walk,
                 fsck_report& to);

} // namespace dfs::admin
