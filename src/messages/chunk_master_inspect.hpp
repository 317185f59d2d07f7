#pragma once

#include "messages/chunk_master.hpp"

namespace dfs::msg {

// Fields in declaration order, all of them.

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, locate_chunks& x) {
  return f(caf::meta::type_name("locate_chunks"), x.layout);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, adopt_chunks& x) {
  return f(caf::meta::type_name("adopt_chunks"), x.chunks);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, chunks_adopted&) {
  return f(caf::meta::type_name("chunks_adopted"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, keep_chunks& x) {
  return f(caf::meta::type_name("keep_chunks"), x.file, x.chunks,
           x.replication);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, release_chunks& x) {
  return f(caf::meta::type_name("release_chunks"), x.chunks);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, file_growth& x) {
  return f(caf::meta::type_name("file_growth"), x.file, x.chunk, x.growing);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, files_grown& x) {
  return f(caf::meta::type_name("files_grown"), x.files);
}

} // namespace dfs::msg
