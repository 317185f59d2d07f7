#pragma once

#include "base/ids.hpp"
#include "core/chunks/chunk_row.hpp"
#include "core/filetree/inode_table.hpp"
#include "core/filetree/request_check.hpp"
#include "core/filetree/tree_keys.hpp"
#include "core/filetree/tree_time.hpp"
#include "core/filetree/version_rows.hpp"
#include "messages/chunk_master.hpp"
#include "messages/namespace.hpp"
#include "messages/version_master.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

// The durable rows of the namespace (docs/formats/metadata.md), and what an
// operation does to them. Values are written by `wire::encode`: fields in
// `inspect` order, append only.

namespace dfs::core {

/// Chunks of a file that stand in its own row; each further 64 have a row.
inline constexpr std::uint32_t pieces_per_row = 64;

/// 'n' parent inode, name: a file or directory where it is. The root's parent
/// is 0, and its name empty.
struct node_row {
  inode_id inode;
  msg::entry_kind kind = msg::entry_kind::file;
  msg::storage_class where = msg::storage_class::chunked;
  /// Copies of each chunk; of a versioned file its `quorum_class`.
  std::uint8_t replication = 0;
  bool growing = false;
  std::int64_t created_ms = 0;
  std::int64_t modified_ms = 0;
  std::uint32_t chunks = 0;  ///< All of them.
  std::vector<piece> pieces; ///< The first ones.

  bool operator==(const node_row&) const = default;
};

/// 'p' inode, index (4 bytes): chunks 64·index to 64·index + 63.
struct piece_row {
  std::vector<piece> pieces;

  bool operator==(const piece_row&) const = default;
};

/// 't' trash id.
struct trash_row {
  std::string path;            ///< Where it was.
  std::int64_t removed_ms = 0; ///< By the wall clock.
  std::int64_t purged_ms = 0;  ///< When it may be, by the kept clock.
  bool purging = false;        ///< Being taken apart: never to be restored.
  node_row node;

  bool operator==(const trash_row&) const = default;
};

/// 'u' inode.
struct upload_row {
  std::string path; ///< Where it is to be.
  std::string source;
  bool force = false;
  bool parents = false;
  std::int64_t touched_ms = 0; ///< By the kept clock.
  node_row node;

  bool operator==(const upload_row&) const = default;
};

/// 'r' period (8 bytes), request: a change that was made. The period is the
/// time of the change by the kept clock, in units of `request_period`, so that
/// those of one period go with one command.
struct request_row {
  std::uint8_t operation = 0; ///< Index in `tree_operation`.
  std::uint64_t subject = 0;  ///< Inode or trash id of the answer.
  std::uint64_t count = 0;    ///< Files, of a removal.
  request_check check = 0;    ///< 0: of an older build.

  bool operator==(const request_row&) const = default;
};

/// 'x' "purged": everything in the trash up to this id is being purged.
struct purge_row {
  std::uint64_t up_to = 0;

  bool operator==(const purge_row&) const = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, piece& x) {
  return f(x.chunk, x.bytes);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, node_row& x) {
  return f(x.inode, x.kind, x.where, x.replication, x.growing, x.created_ms,
           x.modified_ms, x.chunks, x.pieces);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, piece_row& x) {
  return f(x.pieces);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, trash_row& x) {
  return f(x.path, x.removed_ms, x.purged_ms, x.purging, x.node);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, upload_row& x) {
  return f(x.path, x.source, x.force, x.parents, x.touched_ms, x.node);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, request_row& x) {
  f(x.operation, x.subject, x.count);
  if constexpr (Inspector::writes_state) {
    if (f.left().empty()) // Rows of older builds end here.
      return;
  } else if (x.check == 0) {
    return;
  }
  f(x.check);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, purge_row& x) {
  return f(x.up_to);
}

/// The row goes.
struct no_row {
  bool operator==(const no_row&) const = default;
};

/// All rows from the key up to this one, which stays, go.
struct no_rows_until {
  std::string key;

  bool operator==(const no_rows_until&) const = default;
};

/// The row is there, and says nothing more.
struct empty_row {
  bool operator==(const empty_row&) const = default;
};

using row_value
  = std::variant<no_row, no_rows_until, empty_row, node_row, piece_row,
                 trash_row, upload_row, request_row, purge_row, chunk_row,
                 version_row, released_row, deletion_row, told_row, clock_row,
                 orphan_row, branch_row>;

struct tree_row {
  std::string key;
  row_value value;

  bool operator==(const tree_row&) const = default;
};

/// What operations do besides changing the tree, in order. Rows are to be
/// durable before anybody is answered; chunks are kept and released after that.
struct tree_changes {
  std::vector<tree_row> rows;
  std::vector<msg::keep_chunks> kept;
  std::vector<chunk_id> released;
  /// Whose groups are to close them.
  std::vector<msg::purged_file> released_versions;
};

} // namespace dfs::core
