#pragma once

#include "messages/namespace.hpp"

namespace dfs::msg {

// Fields in declaration order, all of them.

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, file_status& x) {
  return f(caf::meta::type_name("file_status"), x.inode, x.path, x.kind,
           x.where, x.length, x.growing, x.chunks, x.replication, x.entries,
           x.modified, x.created, x.version);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_status& x) {
  return f(caf::meta::type_name("get_status"), x.path);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, make_directory& x) {
  return f(caf::meta::type_name("make_directory"), x.request, x.path, x.parents,
           x.where, x.replication);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, create_file& x) {
  return f(caf::meta::type_name("create_file"), x.request, x.path, x.exclusive,
           x.replication);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, list_entry& x) {
  return f(caf::meta::type_name("list_entry"), x.name, x.kind, x.length,
           x.modified, x.where);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, list_directory& x) {
  return f(caf::meta::type_name("list_directory"), x.path, x.after, x.limit,
           x.names_only, x.pattern);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, directory_page& x) {
  return f(caf::meta::type_name("directory_page"), x.entries, x.more, x.next);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, rename_entry& x) {
  return f(caf::meta::type_name("rename_entry"), x.request, x.from, x.to,
           x.force);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, remove_entry& x) {
  return f(caf::meta::type_name("remove_entry"), x.request, x.path,
           x.recursive);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, entry_removed& x) {
  return f(caf::meta::type_name("entry_removed"), x.trash_id, x.files);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, trash_entry& x) {
  return f(caf::meta::type_name("trash_entry"), x.trash_id, x.path, x.kind,
           x.files, x.bytes, x.removed, x.purged);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, list_trash& x) {
  return f(caf::meta::type_name("list_trash"), x.after, x.limit);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, trash_list& x) {
  return f(caf::meta::type_name("trash_list"), x.entries, x.more);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, restore_trash& x) {
  return f(caf::meta::type_name("restore_trash"), x.request, x.trash_id, x.path,
           x.to);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, purge_trash& x) {
  return f(caf::meta::type_name("purge_trash"), x.request, x.trash_id, x.all);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, find_purges& x) {
  return f(caf::meta::type_name("find_purges"), x.trash_id);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, purges_found& x) {
  return f(caf::meta::type_name("purges_found"), x.files);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_usage& x) {
  return f(caf::meta::type_name("get_usage"), x.path);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, tree_usage& x) {
  return f(caf::meta::type_name("tree_usage"), x.files, x.directories, x.bytes,
           x.chunks);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, backup_metadata& x) {
  return f(caf::meta::type_name("backup_metadata"), x.directory);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, metadata_backed_up& x) {
  return f(caf::meta::type_name("metadata_backed_up"), x.number, x.bytes);
}

} // namespace dfs::msg
