#pragma once

#include "messages/chunk_control.hpp"

namespace dfs::msg {

// Fields in declaration order, all of them.

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, find_chunk_directory&) {
  return f(caf::meta::type_name("find_chunk_directory"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, volume_status& x) {
  return f(caf::meta::type_name("volume_status"), x.id, x.total_bytes,
           x.free_bytes, x.failed, x.path);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, register_chunkserver& x) {
  return f(caf::meta::type_name("register_chunkserver"), x.store, x.boot,
           x.member, x.name, x.zone, x.data, x.volumes, x.obeyed);
}

template <class Inspector>
typename Inspector::result_type
inspect(Inspector& f, chunkserver_registered& x) {
  return f(caf::meta::type_name("chunkserver_registered"), x.term,
           x.heartbeat_ms, x.chunk_size, x.chunk_lease_ms, x.life, x.durable,
           x.granted);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, report_chunks& x) {
  return f(caf::meta::type_name("report_chunks"), x.store, x.boot, x.page,
           x.last, x.listed_at, x.chunks, x.refused);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, chunks_reported& x) {
  return f(caf::meta::type_name("chunks_reported"), x.page);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, led_chunk& x) {
  return f(caf::meta::type_name("led_chunk"), x.chunk, x.epoch, x.committed,
           x.active, x.over, x.settled);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, chunk_heartbeat& x) {
  return f(caf::meta::type_name("chunk_heartbeat"), x.store, x.boot, x.term,
           x.sequence, x.heard, x.leased, x.load, x.volumes, x.led, x.led_last,
           x.corrupt, x.lost, x.arrived, x.all_told);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, chunk_heartbeat_ack& x) {
  return f(caf::meta::type_name("chunk_heartbeat_ack"), x.term, x.boot,
           x.sequence, x.node_lease_ms, x.renewed, x.ended, x.revoked,
           x.report_wanted, x.doubted, x.durable);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, leave_chunkserver& x) {
  return f(caf::meta::type_name("leave_chunkserver"), x.store, x.boot);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, chunkserver_left&) {
  return f(caf::meta::type_name("chunkserver_left"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, fence_chunk& x) {
  return f(caf::meta::type_name("fence_chunk"), x.term, x.chunk, x.version,
           x.fresh);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, chunk_fenced& x) {
  return f(caf::meta::type_name("chunk_fenced"), x.state);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, take_lease& x) {
  return f(caf::meta::type_name("take_lease"), x.grant, x.others);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, lease_taken& x) {
  return f(caf::meta::type_name("lease_taken"), x.state, x.behind);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, release_lease& x) {
  return f(caf::meta::type_name("release_lease"), x.term, x.chunk, x.epoch);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, lease_released& x) {
  return f(caf::meta::type_name("lease_released"), x.state, x.settled);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, copy_chunk& x) {
  return f(caf::meta::type_name("copy_chunk"), x.term, x.wanted, x.from,
           x.chunk_size);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, chunk_copied& x) {
  return f(caf::meta::type_name("chunk_copied"), x.state);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, delete_chunks& x) {
  return f(caf::meta::type_name("delete_chunks"), x.term, x.chunks);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, chunks_deleted& x) {
  return f(caf::meta::type_name("chunks_deleted"), x.gone);
}

} // namespace dfs::msg
