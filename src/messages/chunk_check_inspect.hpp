#pragma once

#include "messages/chunk_check.hpp"

namespace dfs::msg {

// Fields in declaration order, all of them.

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, replica_report& x) {
  return f(caf::meta::type_name("replica_report"), x.store, x.what, x.version,
           x.serving);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, chunk_report& x) {
  return f(caf::meta::type_name("chunk_report"), x.chunk, x.file, x.health,
           x.wanted, x.version, x.replicas, x.repair);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, check_chunks& x) {
  return f(caf::meta::type_name("check_chunks"), x.chunks, x.after);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, chunks_checked& x) {
  return f(caf::meta::type_name("chunks_checked"), x.chunks, x.more, x.next);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, verified_replica& x) {
  return f(caf::meta::type_name("verified_replica"), x.chunk, x.verdict,
           x.extent, x.crc);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, verify_replicas& x) {
  return f(caf::meta::type_name("verify_replicas"), x.chunks);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, replicas_verified& x) {
  return f(caf::meta::type_name("replicas_verified"), x.replicas);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, forget_server& x) {
  return f(caf::meta::type_name("forget_server"), x.server, x.force);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, server_forgotten& x) {
  return f(caf::meta::type_name("server_forgotten"), x.name, x.store,
           x.replicas, x.lost);
}

} // namespace dfs::msg
