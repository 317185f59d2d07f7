#pragma once

#include "messages/chunk_data.hpp"

// Fields in declaration order, all of them.

namespace dfs::msg {

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, data_hello& x) {
  return f(x.protocol, x.cluster, x.principal, x.token);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, data_welcome& x) {
  return f(x.store, x.boot, x.window_bytes);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, write_chunk& x) {
  return f(x.chunk, x.version, x.epoch, x.offset, x.ack, x.crcs, x.grant,
           x.once);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, append_record& x) {
  return f(x.chunk, x.version, x.epoch, x.writer, x.sequence, x.crcs, x.grant);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, chunk_changed& x) {
  return f(x.offset, x.extent);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, settle_append& x) {
  return f(x.chunk, x.version, x.epoch, x.writer, x.sequence, x.grant);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, append_settled& x) {
  return f(x.done, x.offset, x.extent);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, read_chunk& x) {
  return f(x.chunk, x.version, x.serial, x.offset, x.length);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, chunk_bytes& x) {
  return f(x.extent, x.crcs);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_extent& x) {
  return f(x.chunk, x.version, x.serial);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, replicate& x) {
  return f(x.chunk, x.version, x.epoch, x.serial, x.kind, x.offset, x.length,
           x.ack, x.writer, x.sequence, x.committed, x.crcs, x.grant);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, replicated& x) {
  return f(x.serial, x.replicas);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, note_committed& x) {
  return f(x.chunk, x.version, x.committed);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_changes& x) {
  return f(x.chunk, x.version, x.after, x.known);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, chunk_change& x) {
  return f(x.serial, x.kind, x.offset, x.length, x.writer, x.sequence);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, chunk_append& x) {
  return f(x.writer, x.sequence, x.offset, x.length);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, chunk_changes& x) {
  return f(x.extent, x.known, x.changes, x.appends, x.writes);
}

} // namespace dfs::msg
