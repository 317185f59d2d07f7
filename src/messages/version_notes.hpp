#pragma once

#include "messages/member.hpp"
#include "messages/version.hpp"

#include <caf/meta/type_name.hpp>

#include <cstdint>
#include <vector>

// What the master's names show of versioned files (existence, length, time),
// as the primaries of their groups report it: rows, with receipts
// (docs/protocols/versioned_files.md, "Notes"):
//
//   keeper -- find_told --> version directory --> namespace
//          <- told_found ----------------------
//          -- note_versions --> version directory -- versions_noted -->
//          namespace
//          <- notes_receipted ------------------------------------------
//          durable
//
// A primary keeps a note until its receipt has come, and repeats it until then.

namespace dfs::msg {

/// The newest version of a file, as the master's names need it.
struct noted_version {
  inode_id file;
  version_number newest;
  version_kind kind = version_kind::content;
  std::uint64_t bytes = 0;
  std::int64_t time_ms = 0; ///< Unix time.
  /// `core::quorum_class`: with the inode, its group. For a file that restored
  /// metadata do not know.
  std::uint8_t of_class = 0;

  bool operator==(const noted_version&) const = default;
};

/// The namespace has receipted a note of every file of this group whose stamp
/// is of a ballot below this one.
struct told_group {
  group_id group;
  group_ballot below;

  bool operator==(const told_group&) const = default;
};

/// From the version directory to the namespace -> `notes_receipted`, when the
/// rows are durable. May be late, doubled, out of order: of a file the highest
/// version counts, of a group the highest ballot.
struct versions_noted {
  std::vector<noted_version> files;
  std::vector<told_group> told;

  bool operator==(const versions_noted&) const = default;
};

/// From a file server to the version directory -> `notes_receipted`. May be
/// repeated. Errors: `not_found` (register first), `unavailable` (the master is
/// starting): nothing is receipted.
struct note_versions {
  store_id store;
  boot_id boot;
  std::vector<noted_version> files; ///< `notes_page_max` at most.
  /// Groups whose notes were all receipted before this message was sent.
  std::vector<told_group> told;

  bool operator==(const note_versions&) const = default;
};
struct notes_receipted {
  bool operator==(const notes_receipted&) const = default;
};

/// Entries of each list of `note_versions` and `find_told`, at most.
inline constexpr std::size_t notes_page_max = 100;

/// Up to which ballot were the files of these groups told? -> `told_found`.
/// Errors: `unavailable` (the master is starting).
struct find_told {
  std::vector<group_id> groups;

  bool operator==(const find_told&) const = default;
};
/// One for each group that was asked for; ballot zero: nothing was told.
struct told_found {
  std::vector<told_group> groups;

  bool operator==(const told_found&) const = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, noted_version& x) {
  return f(caf::meta::type_name("noted_version"), x.file, x.newest, x.kind,
           x.bytes, x.time_ms, x.of_class);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, told_group& x) {
  return f(caf::meta::type_name("told_group"), x.group, x.below);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, versions_noted& x) {
  return f(caf::meta::type_name("versions_noted"), x.files, x.told);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, note_versions& x) {
  return f(caf::meta::type_name("note_versions"), x.store, x.boot, x.files,
           x.told);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, notes_receipted&) {
  return f(caf::meta::type_name("notes_receipted"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, find_told& x) {
  return f(caf::meta::type_name("find_told"), x.groups);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, told_found& x) {
  return f(caf::meta::type_name("told_found"), x.groups);
}

} // namespace dfs::msg
