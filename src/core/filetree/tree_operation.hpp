#pragma once

#include "base/ids.hpp"
#include "messages/chunk_master.hpp"
#include "messages/namespace.hpp"
#include "messages/upload.hpp"
#include "messages/version_file.hpp"
#include "messages/version_master.hpp"

#include <algorithm>
#include <cstdint>
#include <variant>
#include <vector>

// What changes the namespace. The requests of clients are operations as they
// are; these come besides.

namespace dfs::core {

/// The next chunk of a file that grows, allocated before. Errors: `not_found`,
/// `stale` (`last` is not the last one, or the chunk is in the file already).
struct append_chunk {
  inode_id file;
  chunk_id last;         ///< Zero: the file is empty.
  msg::chunk_extent end; ///< Of `last`: it is full.
  chunk_id chunk;
  chunk_version version;
  std::vector<store_id> set = {}; ///< Who may have it; the primary first.
};

/// Takes apart what is to be purged, drops uploads that nobody goes on with,
/// and forgets old requests: a slice of all that is due.
struct collect_garbage {
  std::uint32_t budget = 0; ///< Nodes and chunks, about.
};

struct garbage_collected {
  bool more = false; ///< There is more to do now.
};

struct chunk_appended {
  std::uint32_t index = 0;
};

/// The order stands in rows ('r'): append only.
using tree_operation
  = std::variant<msg::make_directory, msg::create_file, msg::rename_entry,
                 msg::remove_entry, msg::restore_trash, msg::purge_trash,
                 msg::commit_file, msg::begin_upload, msg::extend_upload,
                 msg::finish_upload, msg::abort_upload, append_chunk,
                 msg::files_grown, collect_garbage, msg::create_versioned,
                 msg::versions_noted, msg::unlink_file>;

/// Bytes of the file in a chunk: without padding.
[[nodiscard]] inline std::uint32_t data_bytes(const msg::chunk_extent& x) {
  return std::min(x.padded_from, x.length);
}

} // namespace dfs::core
