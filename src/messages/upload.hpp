#pragma once

#include "messages/chunk.hpp"
#include "messages/namespace.hpp"

#include <caf/meta/type_name.hpp>

#include <cstdint>
#include <string>
#include <vector>

// How bytes come behind a name (docs/protocols/chunks.md, "A file is written"):
//
//   small   allocate_chunks (ahead, many at once), write_chunk at the primary,
//           commit_file: the file is there, whole, or it is not
//   large   begin_upload, then for each stretch allocate_chunks, write_chunk …,
//           extend_upload; at the end finish_upload
//   append  open_file, lease_chunk of the last chunk, append_record …, and
//           add_chunk when it is full
//
// `request` as in messages/namespace.hpp. Errors as there.

namespace dfs::msg {

/// New chunks, empty, on no server yet -> `chunks_allocated`. Nothing is
/// durable but that their ids are never given again; what is not committed to a
/// file within an hour is collected. Errors: `too_few_servers`, `full`.
///
/// With a path they are for a file that is to be made there: the number of
/// replicas is its directory's, and what `commit_file` would be refused for now
/// is refused at once, before anybody sends bytes in vain.
struct allocate_chunks {
  std::uint32_t count = 1;      ///< At most 64; 0: nothing but to be told.
  std::uint8_t replication = 0; ///< 0: the cluster's. Not with a path.
  std::string path;             ///< Empty: of no file yet.
  bool force = false;           ///< As `commit_file` will say.
  bool parents = false;         ///< Likewise.
  std::uint64_t request = 0;    ///< Of `commit_file`; 0: not known. Was done:
                                ///< it has made the file itself.

  bool operator==(const allocate_chunks&) const = default;
};

struct chunks_allocated {
  std::vector<chunk_grant> grants;
  std::uint8_t replication = 0; ///< So many replicas they should have.
  std::uint32_t chunk_size = 0; ///< Of each of them.

  bool operator==(const chunks_allocated&) const = default;
};

/// A chunk that was written whole: its grant, as it was at the end, and how far
/// its primary said it was durable.
struct written_chunk {
  chunk_grant grant;
  chunk_extent extent;

  bool operator==(const written_chunk&) const = default;
};

/// Makes a file of chunks, all at once -> `file_status`. Errors: `exists`
/// (without `force`), `is_directory`, `stale` (a grant that nobody vouches
/// for, or a chunk of another file).
struct commit_file {
  std::uint64_t request = 0;
  std::string path;
  bool force = false;   ///< Over an existing file, which goes to the trash.
  bool parents = false; ///< Missing directories are made.
  std::vector<written_chunk> chunks; ///< At most 16; none: an empty file.
  std::uint8_t replication = 0;      ///< 0: as its directory says.

  bool operator==(const commit_file&) const = default;
};

/// A file in the making, invisible, durable -> `upload_status`.
/// An upload that nobody touches for `chunks.upload_life` is dropped.
struct begin_upload {
  std::uint64_t request = 0;
  std::string path;
  bool force = false;
  bool parents = false;
  std::uint8_t replication = 0; ///< 0: as its directory says.
  std::string source; ///< Length, time … of the local file: for `put --resume`.

  bool operator==(const begin_upload&) const = default;
};

struct upload_status {
  inode_id upload;
  std::string path;
  std::string source;
  std::uint64_t length = 0; ///< Bytes in the chunks it has.
  std::uint32_t chunks = 0;

  bool operator==(const upload_status&) const = default;
};

/// The next chunks -> `upload_status`. Errors: `invalid_argument` (a gap),
/// `stale` as for `commit_file`.
struct extend_upload {
  std::uint64_t request = 0;
  inode_id upload;
  std::uint32_t first = 0;           ///< Index of the first of them.
  std::vector<written_chunk> chunks; ///< At most 16.

  bool operator==(const extend_upload&) const = default;
};

/// The file is there -> `file_status`. Errors as for `commit_file`.
struct finish_upload {
  std::uint64_t request = 0;
  inode_id upload;

  bool operator==(const finish_upload&) const = default;
};

/// Drops it -> `upload_status`. May be repeated.
struct abort_upload {
  std::uint64_t request = 0;
  inode_id upload;

  bool operator==(const abort_upload&) const = default;
};

/// The newest upload to this path -> `upload_status`.
struct find_upload {
  std::string path;

  bool operator==(const find_upload&) const = default;
};

/// Where the bytes are -> `file_layout`. May be repeated. Chunks from index
/// `first`, as many as fit into an answer (at least 64).
struct open_file {
  std::string path;
  std::uint32_t first = 0;

  bool operator==(const open_file&) const = default;
};

struct file_layout {
  file_status status;
  std::uint32_t chunk_size = 0;
  std::uint32_t first = 0; ///< Index of the first chunk below.
  std::vector<chunk_location> chunks;

  bool operator==(const file_layout&) const = default;
};

/// Who orders changes of a chunk? -> `chunk_leased`. When nobody does, or
/// `failed` are said to be gone, the master makes somebody primary: all live
/// replicas level, version raised. Errors: `no_redundancy`, `integrity` (no
/// replica is left), `busy` (under way: ask again).
struct lease_chunk {
  chunk_id chunk;
  std::vector<store_id> failed; ///< Did not answer whoever asks.
  chunk_version version;        ///< That did not work; 0: none was tried.

  bool operator==(const lease_chunk&) const = default;
};

struct chunk_leased {
  chunk_grant grant;
  chunk_extent extent; ///< When the lease began.

  bool operator==(const chunk_leased&) const = default;
};

/// The chunk behind `last`, made if `last` is still the last -> `chunk_leased`.
/// `last` zero: the first chunk of an empty file. One effect for all who ask.
struct add_chunk {
  std::string path;
  inode_id inode;
  chunk_id last;
  chunk_extent extent; ///< Of `last`, as its primary said: it is full.

  bool operator==(const add_chunk&) const = default;
};

/// A reader could not use a replica -> `replica_reported`. A hint, checked.
struct report_replica {
  chunk_id chunk;
  store_id store;
  std::uint8_t reason = 0; ///< `ec`: unavailable, integrity, stale, not_found.

  bool operator==(const report_replica&) const = default;
};

struct replica_reported {
  bool operator==(const replica_reported&) const = default;
};

} // namespace dfs::msg

#include "messages/upload_inspect.hpp"
