#pragma once

#include "messages/chunk_control.hpp"

#include <caf/meta/type_name.hpp>

#include <cstdint>
#include <string>
#include <vector>

// What operators decide about metadata that were restored, and about chunks
// that no name has (docs/runbook.md, "The master's metadata").

namespace dfs::msg {

/// The restored metadata are the ones to go on with: from now on what they do
/// not need may be deleted -> `restore_confirmed`. May be repeated. Errors:
/// `not_found` (they were never restored), `too_few_servers` (a chunkserver has
/// not told yet what it holds).
struct confirm_restore {
  bool operator==(const confirm_restore&) const = default;
};

struct restore_confirmed {
  master_term restored_at; ///< First term after the restore.

  bool operator==(const restore_confirmed&) const = default;
};

/// The orphans that a chunkserver holds now may be deleted, however many they
/// are -> `deletion_confirmed`. May be repeated. Errors: `not_found`.
struct confirm_deletion {
  std::string server; ///< Its name, or its store id in hex.

  bool operator==(const confirm_deletion&) const = default;
};

struct deletion_confirmed {
  std::string name;
  std::uint64_t orphans = 0;

  bool operator==(const deletion_confirmed&) const = default;
};

/// Makes files of chunks that belong to none, and names for versioned files
/// that have none, if they are newer than the backup that was restored ->
/// `orphans_adopted`, a page of them. May be repeated: what has become a file,
/// or has a name, is an orphan no more. Errors: those of `commit_file`.
/// Versioned files get their names while servers of chunks are waited for, too.
struct adopt_orphans {
  /// A directory of chunked files. Versioned ones are put into "versioned"
  /// below it.
  std::string to;
  chunk_id after; ///< 0: from the first one.

  bool operator==(const adopt_orphans&) const = default;
};

struct adopted_orphan {
  std::string path;
  std::uint64_t bytes = 0;

  bool operator==(const adopted_orphan&) const = default;
};

struct orphans_adopted {
  std::vector<adopted_orphan> files;
  chunk_id next; ///< `after` of the next page.
  bool more = false;
  /// Why chunks were not looked for: servers that have not told what they have.
  /// Empty: they were.
  std::string chunks_wait_for = {};

  bool operator==(const orphans_adopted&) const = default;
};

/// Inside the master, from the namespace to the chunk directory: these orphans
/// are to become files -> `orphans_claimed`. What does not become one is an
/// orphan again after the next report. Errors: `too_few_servers`.
struct claim_orphans {
  chunk_id after;
  std::uint32_t most = 0;

  bool operator==(const claim_orphans&) const = default;
};

struct claimed_orphan {
  chunk_state state; ///< What all of its newest replicas have.
  std::uint8_t replication = 0;

  bool operator==(const claimed_orphan&) const = default;
};

struct orphans_claimed {
  std::vector<claimed_orphan> chunks;
  chunk_id next;
  bool more = false;

  bool operator==(const orphans_claimed&) const = default;
};

// Fields in declaration order, all of them.

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, confirm_restore&) {
  return f(caf::meta::type_name("confirm_restore"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, restore_confirmed& x) {
  return f(caf::meta::type_name("restore_confirmed"), x.restored_at);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, confirm_deletion& x) {
  return f(caf::meta::type_name("confirm_deletion"), x.server);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, deletion_confirmed& x) {
  return f(caf::meta::type_name("deletion_confirmed"), x.name, x.orphans);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, adopt_orphans& x) {
  return f(caf::meta::type_name("adopt_orphans"), x.to, x.after);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, adopted_orphan& x) {
  return f(caf::meta::type_name("adopted_orphan"), x.path, x.bytes);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, orphans_adopted& x) {
  return f(caf::meta::type_name("orphans_adopted"), x.files, x.next, x.more,
           x.chunks_wait_for);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, claim_orphans& x) {
  return f(caf::meta::type_name("claim_orphans"), x.after, x.most);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, claimed_orphan& x) {
  return f(caf::meta::type_name("claimed_orphan"), x.state, x.replication);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, orphans_claimed& x) {
  return f(caf::meta::type_name("orphans_claimed"), x.chunks, x.next, x.more);
}

} // namespace dfs::msg
