#pragma once

#include "messages/version_file.hpp"
#include "messages/version_inspect.hpp"

// Fields in declaration order, all of them.

namespace dfs::msg {

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, group_location& x) {
  return f(caf::meta::type_name("group_location"), x.set, x.servers, x.primary);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, locate_file& x) {
  return f(caf::meta::type_name("locate_file"), x.path);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, create_versioned& x) {
  return f(caf::meta::type_name("create_versioned"), x.request, x.path,
           x.parents);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, name_lease& x) {
  return f(caf::meta::type_name("name_lease"), x.ms, x.changed_at);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, file_located& x) {
  return f(caf::meta::type_name("file_located"), x.status, x.looked_up_at,
           x.group, x.of_class, x.names);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, locate_group& x) {
  return f(caf::meta::type_name("locate_group"), x.group, x.unreachable,
           x.known);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, number_writer&) {
  return f(caf::meta::type_name("number_writer"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, writer_numbered& x) {
  return f(caf::meta::type_name("writer_numbered"), x.writer);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, list_groups& x) {
  return f(caf::meta::type_name("list_groups"), x.after, x.limit);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, group_status& x) {
  return f(caf::meta::type_name("group_status"), x.where, x.phase, x.files,
           x.missing, x.bytes, x.away, x.next, x.detail);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, group_list& x) {
  return f(caf::meta::type_name("group_list"), x.groups, x.more);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, list_fileservers&) {
  return f(caf::meta::type_name("list_fileservers"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, fileserver_status& x) {
  return f(caf::meta::type_name("fileserver_status"), x.store, x.name, x.zone,
           x.data, x.phase, x.groups, x.leads, x.files, x.missing, x.set_aside,
           x.bytes, x.total_bytes, x.free_bytes, x.heard, x.volumes, x.disks,
           x.full);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, repair_task& x) {
  return f(caf::meta::type_name("repair_task"), x.server, x.name, x.groups_done,
           x.groups_all, x.files_missing, x.running);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, fileserver_list& x) {
  return f(caf::meta::type_name("fileserver_list"), x.servers, x.repairs,
           x.groups, x.groups_healthy, x.groups_changing, x.groups_lost);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, force_group& x) {
  return f(caf::meta::type_name("force_group"), x.group);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, group_forced& x) {
  return f(caf::meta::type_name("group_forced"), x.epoch);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, rebuild_directory&) {
  return f(caf::meta::type_name("rebuild_directory"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, directory_rebuilt& x) {
  return f(caf::meta::type_name("directory_rebuilt"), x.groups, x.problems);
}

} // namespace dfs::msg
