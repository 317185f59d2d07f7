#pragma once

#include "messages/upload.hpp"

namespace dfs::msg {

// Fields in declaration order, all of them.

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, allocate_chunks& x) {
  return f(caf::meta::type_name("allocate_chunks"), x.count, x.replication,
           x.path, x.force, x.parents, x.request);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, chunks_allocated& x) {
  return f(caf::meta::type_name("chunks_allocated"), x.grants, x.replication,
           x.chunk_size);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, written_chunk& x) {
  return f(caf::meta::type_name("written_chunk"), x.grant, x.extent);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, commit_file& x) {
  return f(caf::meta::type_name("commit_file"), x.request, x.path, x.force,
           x.parents, x.chunks, x.replication);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, begin_upload& x) {
  return f(caf::meta::type_name("begin_upload"), x.request, x.path, x.force,
           x.parents, x.replication, x.source);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, upload_status& x) {
  return f(caf::meta::type_name("upload_status"), x.upload, x.path, x.source,
           x.length, x.chunks);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, extend_upload& x) {
  return f(caf::meta::type_name("extend_upload"), x.request, x.upload, x.first,
           x.chunks);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, finish_upload& x) {
  return f(caf::meta::type_name("finish_upload"), x.request, x.upload);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, abort_upload& x) {
  return f(caf::meta::type_name("abort_upload"), x.request, x.upload);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, find_upload& x) {
  return f(caf::meta::type_name("find_upload"), x.path);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, open_file& x) {
  return f(caf::meta::type_name("open_file"), x.path, x.first);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, file_layout& x) {
  return f(caf::meta::type_name("file_layout"), x.status, x.chunk_size, x.first,
           x.chunks);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, lease_chunk& x) {
  return f(caf::meta::type_name("lease_chunk"), x.chunk, x.failed, x.version);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, chunk_leased& x) {
  return f(caf::meta::type_name("chunk_leased"), x.grant, x.extent);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, add_chunk& x) {
  return f(caf::meta::type_name("add_chunk"), x.path, x.inode, x.last,
           x.extent);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, report_replica& x) {
  return f(caf::meta::type_name("report_replica"), x.chunk, x.store, x.reason);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, replica_reported&) {
  return f(caf::meta::type_name("replica_reported"));
}

} // namespace dfs::msg
