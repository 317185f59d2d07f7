#pragma once

#include "messages/version_control_inspect.hpp"
#include "messages/version_data.hpp"

// Fields in declaration order, all of them.

namespace dfs::msg {

template <class Inspector, class T>
typename Inspector::result_type inspect(Inspector& f, replica_said<T>& x) {
  return f(x.what, x.refused);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, put_bytes& x) {
  return f(x.what, x.crcs);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ask_settle_put& x) {
  return f(x.what);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ask_settle_file& x) {
  return f(x.what);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, read_state& x) {
  return f(x.what, x.bytes, x.known);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, state_read& x) {
  return f(x.said, x.crcs);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ask_finish_write& x) {
  return f(x.what);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ask_promise& x) {
  return f(x.what);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, accept_bytes& x) {
  return f(x.what, x.from, x.crcs);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, tell_commit& x) {
  return f(x.what);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ask_list& x) {
  return f(x.what);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ask_group& x) {
  return f(x.what);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, bulk_said& x) {
  return f(x.crc, x.refused);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ask_forget& x) {
  return f(x.what);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ask_outcome& x) {
  return f(x.what);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, stage_content& x) {
  return f(x.content, x.offset, x.crcs, x.bytes, x.checksum, x.whole, x.chain);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, content_staged& x) {
  return f(x.content, x.bytes, x.holders);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, read_content& x) {
  return f(x.content, x.offset, x.length);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, content_bytes& x) {
  return f(x.bytes, x.crcs);
}

} // namespace dfs::msg
