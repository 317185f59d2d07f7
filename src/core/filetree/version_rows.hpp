#pragma once

#include "messages/version.hpp"

#include <cstdint>
#include <string>

// The rows of the namespace that are about versioned files; part of
// tree_rows.hpp.

namespace dfs::core {

/// 'v' inode: what is known of the versions of a file that has any.
struct version_row {
  version_number newest;
  bool hidden = false; ///< It is no content.
  std::uint64_t bytes = 0;
  std::int64_t modified_ms = 0;

  bool operator==(const version_row&) const = default;
};

/// 'w' inode: a versioned file that was purged, and whose group is still to
/// close it.
struct released_row {
  std::uint8_t of_class = 0; ///< `quorum_class`: with the inode, its group.

  bool operator==(const released_row&) const = default;
};

/// 'y' inode, beside a 'w' row: it was deleted when it was purged, and is not
/// to be closed if it has a newer version.
struct deletion_row {
  version_number seen; ///< The deletion.
  std::string path;    ///< Where it was; empty: its name is there yet.
  std::int64_t created_ms = 0;

  bool operator==(const deletion_row&) const = default;
};

/// 'l' group: whose files of lower ballots have all been noted.
struct told_row {
  group_ballot below;

  bool operator==(const told_row&) const = default;
};

/// Of a versioned file that only lost metadata had a name for.
/// The numbers stand on the disk: append only.
enum class orphan_phase : std::uint8_t {
  waits = 1,   ///< For somebody who gives it a name.
  deleted = 2, ///< Its newest version is a deletion: its group ends it.
  ended = 3,   ///< It has got a name, or is closed: nothing is ever made of it.
};

/// 'o' inode: such a file, from its first note on, for ever.
struct orphan_row {
  orphan_phase phase = orphan_phase::waits;
  version_number newest;
  std::uint64_t bytes = 0;
  std::int64_t modified_ms = 0;
  std::uint8_t of_class = 0; ///< `quorum_class`: with the inode, its group.

  bool operator==(const orphan_row&) const = default;
};

/// 'b' term, the first one after a restore: numbers from `first` on, below
/// those of this term, were given by metadata that are lost.
struct branch_row {
  std::uint64_t first = 0;

  bool operator==(const branch_row&) const = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, version_row& x) {
  return f(x.newest, x.hidden, x.bytes, x.modified_ms);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, released_row& x) {
  return f(x.of_class);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, deletion_row& x) {
  return f(x.seen, x.path, x.created_ms);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, told_row& x) {
  return f(x.below);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, orphan_row& x) {
  return f(x.phase, x.newest, x.bytes, x.modified_ms, x.of_class);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, branch_row& x) {
  return f(x.first);
}

} // namespace dfs::core
