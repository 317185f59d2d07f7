#pragma once

#include "messages/version.hpp"

#include <caf/meta/type_name.hpp>

#include <cstdint>
#include <string>
#include <vector>

// What operators ask the master about file servers, and what `fsck` asks it
// about names of versioned files.

namespace dfs::msg {

/// A file server that never comes back: nobody complains about it any more ->
/// `fileserver_forgotten`. Should it come back all the same it is a new one.
/// Audited. May be repeated. Errors: `not_found`, `exists` (it lives),
/// `not_empty` (groups count on it yet).
struct forget_fileserver {
  std::string server; ///< Its name, or its store id in hex.

  bool operator==(const forget_fileserver&) const = default;
};
struct fileserver_forgotten {
  std::string name;
  store_id store;

  bool operator==(const fileserver_forgotten&) const = default;
};

/// What the names of one directory show of versioned files, hidden ones too; or
/// of one file -> `versioned_page`. May be repeated. Errors: those of names
/// (messages/namespace.hpp).
struct list_versioned {
  std::string path;
  std::string after;       ///< Names above this one; empty: from the start.
  std::uint32_t limit = 0; ///< 0: what fits into one answer.

  bool operator==(const list_versioned&) const = default;
};
struct versioned_entry {
  std::string name; ///< Of one file that was asked for: empty.
  inode_id file;
  version_number newest; ///< 0: none that the master was told of.
  bool hidden = false;   ///< In no list: it has none, or a deleted one.
  std::uint64_t length = 0;
  std::int64_t modified_ms = 0;

  bool operator==(const versioned_entry&) const = default;
};
struct versioned_page {
  std::vector<versioned_entry> entries;
  bool more = false;
  std::string next; ///< `after` of the next page, when there is more.

  bool operator==(const versioned_page&) const = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, forget_fileserver& x) {
  return f(caf::meta::type_name("forget_fileserver"), x.server);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, fileserver_forgotten& x) {
  return f(caf::meta::type_name("fileserver_forgotten"), x.name, x.store);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, list_versioned& x) {
  return f(caf::meta::type_name("list_versioned"), x.path, x.after, x.limit);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, versioned_entry& x) {
  return f(caf::meta::type_name("versioned_entry"), x.name, x.file, x.newest,
           x.hidden, x.length, x.modified_ms);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, versioned_page& x) {
  return f(caf::meta::type_name("versioned_page"), x.entries, x.more, x.next);
}

} // namespace dfs::msg
