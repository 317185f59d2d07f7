#pragma once

#include "base/ids.hpp"
#include "messages/storage_class.hpp"
#include "messages/version.hpp"

#include <caf/meta/type_name.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

// The namespace at the master: names, directories, the trash. Paths are
// absolute ("/a/b"), UTF-8, without empty, "." or ".." components; a component
// has at most 255 bytes, a path 4,096. How bytes get behind a name:
// messages/upload.hpp.
//
// Whoever changes something gives a `request`, random and not zero: the same
// change with the same number has one effect and one answer, also after the
// master was restarted in between (remembered for at least 10 minutes).
//
// Errors of all: `invalid_argument` (the path breaks the rules, with the rule),
// `not_found`, `not_directory` (a component is a file), `unavailable`.

namespace dfs::msg {

/// The numbers travel and stand on the disk: append only.
enum class entry_kind : std::uint8_t { file = 1, directory = 2 };

struct file_status {
  inode_id inode;
  std::string path;
  entry_kind kind = entry_kind::file;
  storage_class where = storage_class::chunked;
  /// Bytes without padding, as far as the master knows: while `growing`, the
  /// primary of the last chunk knows more.
  std::uint64_t length = 0;
  bool growing = false;
  std::uint32_t chunks = 0;
  /// Wanted. Of a directory: of files made below; 0: as the one above says.
  std::uint8_t replication = 0;
  std::uint64_t entries = 0;             ///< Of a directory.
  std::chrono::milliseconds modified{0}; ///< Unix time.
  std::chrono::milliseconds created{0};
  /// Of a versioned file: the newest one that the master was told of.
  version_number version;

  bool operator==(const file_status&) const = default;
};

/// -> `file_status`.
struct get_status {
  std::string path;

  bool operator==(const get_status&) const = default;
};

/// -> `file_status`. With `parents` missing ones are made and an existing
/// directory is fine, if it is as asked for: the class of one that is there is
/// not changed. Errors: `exists`, `unsupported` (a class that this cluster does
/// not serve).
struct make_directory {
  std::uint64_t request = 0;
  std::string path;
  bool parents = false;
  storage_class where = storage_class::as_above;
  std::uint8_t replication = 0; ///< Of files made below; 0: as above it.

  bool operator==(const make_directory&) const = default;
};

/// An empty file, or a new time for one that is there -> `file_status`. Errors:
/// `is_directory`, `unsupported` (the directory is not of the class *chunked*);
/// with `exclusive` `exists`.
struct create_file {
  std::uint64_t request = 0;
  std::string path;
  bool exclusive = false;
  std::uint8_t replication = 0; ///< 0: as its directory says.

  bool operator==(const create_file&) const = default;
};

struct list_entry {
  std::string name;
  entry_kind kind = entry_kind::file;
  std::uint64_t length = 0;
  std::chrono::milliseconds modified{0};
  storage_class where = storage_class::chunked;

  bool operator==(const list_entry&) const = default;
};

/// One page of a directory by name (bytewise), or the file itself ->
/// `directory_page`. May be repeated. Versioned files without a version, and
/// those whose newest one is *deleted*, are not there: here and everywhere but
/// in `locate_file`.
struct list_directory {
  std::string path;
  std::string after;       ///< Names above this one; empty: from the start.
  std::uint32_t limit = 0; ///< 0: what fits into one answer.
  bool names_only = false; ///< All else is left zero.
  std::string pattern;     ///< Glob of names; empty: all.

  bool operator==(const list_directory&) const = default;
};

struct directory_page {
  std::vector<list_entry> entries;
  bool more = false;
  /// `after` of the next page, when there is more. A page may be empty and not
  /// the last: of names that do not match, or are hidden.
  std::string next;

  bool operator==(const directory_page&) const = default;
};

/// Atomically, files and trees -> `file_status`. Errors: `exists` (without
/// `force`), `is_directory`, `not_directory`, `not_empty`, `invalid_argument`
/// (into itself), `unsupported` (a file to a directory of another class: it has
/// to be copied).
struct rename_entry {
  std::uint64_t request = 0;
  std::string from;
  std::string to;
  bool force = false; ///< Over an existing file, or an empty directory.

  bool operator==(const rename_entry&) const = default;
};

/// To the trash -> `entry_removed`. Errors: `not_empty` (without `recursive`).
struct remove_entry {
  std::uint64_t request = 0;
  std::string path;
  bool recursive = false;

  bool operator==(const remove_entry&) const = default;
};

struct entry_removed {
  std::uint64_t trash_id = 0; ///< To restore it by.
  std::uint64_t files = 0;

  bool operator==(const entry_removed&) const = default;
};

struct trash_entry {
  std::uint64_t trash_id = 0;
  std::string path; ///< Where it was.
  entry_kind kind = entry_kind::file;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::chrono::milliseconds removed{0}; ///< Unix time.
  std::chrono::milliseconds purged{0};  ///< When it will be.

  bool operator==(const trash_entry&) const = default;
};

/// -> `trash_list`, those with the highest ids first. Deleted versioned files
/// are listed too, under their inode. May be repeated.
struct list_trash {
  std::uint64_t after = 0; ///< A trash id; 0: from the start.
  std::uint32_t limit = 0;

  bool operator==(const list_trash&) const = default;
};

struct trash_list {
  std::vector<trash_entry> entries;
  bool more = false;

  bool operator==(const trash_list&) const = default;
};

/// -> `file_status`. Errors: `exists`, `unsupported` (a file to a directory of
/// another class; a deleted versioned file: it takes a version to bring it
/// back). By id, or the newest that was at `path`.
struct restore_trash {
  std::uint64_t request = 0;
  std::uint64_t trash_id = 0;
  std::string path; ///< Of old, when no id is given.
  std::string to;   ///< Empty: where it was.

  bool operator==(const restore_trash&) const = default;
};

/// For ever -> `entry_removed`. `all` or one. Versioned files that were deleted
/// go when their groups have closed them: `find_purges`.
struct purge_trash {
  std::uint64_t request = 0;
  std::uint64_t trash_id = 0;
  bool all = false;

  bool operator==(const purge_trash&) const = default;
};

/// Deleted versioned files whose purge is accepted and not done ->
/// `purges_found`. Until their group has closed them a put brings them back. Of
/// one id, or 0: of all. May be repeated.
struct find_purges {
  std::uint64_t trash_id = 0;

  bool operator==(const find_purges&) const = default;
};

struct purges_found {
  std::uint64_t files = 0;

  bool operator==(const purges_found&) const = default;
};

/// -> `tree_usage`, of a file or of all below a directory.
struct get_usage {
  std::string path;

  bool operator==(const get_usage&) const = default;
};

struct tree_usage {
  std::uint64_t files = 0;
  std::uint64_t directories = 0;
  std::uint64_t bytes = 0; ///< Of one copy.
  std::uint64_t chunks = 0;

  bool operator==(const tree_usage&) const = default;
};

/// A copy of the master's metadata into a directory on its host, which may hold
/// older ones -> `metadata_backed_up`. May be repeated. Errors: `io_error`,
/// `full`, `configuration` (something else is in the directory), `busy`.
struct backup_metadata {
  std::string directory; ///< Absolute.

  bool operator==(const backup_metadata&) const = default;
};

struct metadata_backed_up {
  std::uint32_t number = 0; ///< Of the backup in its directory.
  std::uint64_t bytes = 0;

  bool operator==(const metadata_backed_up&) const = default;
};

} // namespace dfs::msg

#include "messages/namespace_inspect.hpp"
