#pragma once

#include "base/ids.hpp"
#include "messages/chunk_master.hpp"
#include "messages/namespace.hpp"
#include "messages/restore.hpp"
#include "messages/upload.hpp"
#include "messages/version_file.hpp"
#include "messages/version_master.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
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

/// Gives names to versioned files that have none (`orphan_row`), with their
/// inodes: "versioned/file-" and the inode, in hex, in a directory. What is
/// missing of that is made. Errors: `not_directory`, `unsupported` (a directory
/// of another class), `exists` (a name is taken); if there is any to be named.
struct adopt_versions {
  std::string to;
  std::uint32_t most = 0; ///< At once.
};

struct versions_adopted {
  std::vector<msg::adopted_orphan> files;
  bool more = false; ///< There are others.
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
                 msg::versions_noted, msg::unlink_file, adopt_versions>;

/// What an operation answers.
template <class Operation>
struct answer_of {
  using type = msg::file_status;
};
template <>
struct answer_of<msg::remove_entry> {
  using type = msg::entry_removed;
};
template <>
struct answer_of<msg::purge_trash> {
  using type = msg::entry_removed;
};
template <>
struct answer_of<msg::begin_upload> {
  using type = msg::upload_status;
};
template <>
struct answer_of<msg::extend_upload> {
  using type = msg::upload_status;
};
template <>
struct answer_of<msg::abort_upload> {
  using type = msg::upload_status;
};
template <>
struct answer_of<append_chunk> {
  using type = chunk_appended;
};
template <>
struct answer_of<msg::unlink_file> {
  using type = msg::file_unlinked;
};
template <>
struct answer_of<adopt_versions> {
  using type = versions_adopted;
};
template <>
struct answer_of<msg::versions_noted> {
  using type = nothing;
};
template <>
struct answer_of<msg::files_grown> {
  using type = nothing;
};
template <>
struct answer_of<collect_garbage> {
  using type = garbage_collected;
};

template <class Operation>
using answer_of_t = typename answer_of<Operation>::type;

/// Bytes of the file in a chunk: without padding.
[[nodiscard]] inline std::uint32_t data_bytes(const msg::chunk_extent& x) {
  return std::min(x.padded_from, x.length);
}

} // namespace dfs::core
