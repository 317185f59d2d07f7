#pragma once

#include "messages/version_control.hpp"
#include "messages/version_inspect.hpp"

// Fields in declaration order, all of them.

namespace dfs::msg {

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, group_refused& x) {
  return f(x.group, x.file, x.epoch, x.promised, x.code);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, put_file& x) {
  return f(x.group, x.epoch, x.file, x.put, x.kind, x.content, x.bytes,
           x.checksum, x.time_ms, x.looked_up_at, x.shown);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, put_done& x) {
  return f(x.put, x.version, x.copies);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, settle_put& x) {
  return f(x.group, x.epoch, x.file, x.put, x.looked_up_at);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, put_settled& x) {
  return f(x.put, x.version);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, settle_file& x) {
  return f(x.group, x.epoch, x.file, x.seen);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, file_settled& x) {
  return f(x.file, x.state);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, read_file_state& x) {
  return f(x.group, x.epoch, x.file, x.ballot);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, file_state_read& x) {
  return f(x.group, x.epoch, x.file, x.ballot, x.state, x.forgotten);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, finish_write& x) {
  return f(x.group, x.epoch, x.file, x.stamp, x.holder);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, promise_ballot& x) {
  return f(x.group, x.epoch, x.ballot);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ballot_promised& x) {
  return f(x.group, x.ballot, x.forgotten);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, accept_manifest& x) {
  return f(x.group, x.epoch, x.file, x.stamp, x.manifest, x.forgotten);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, manifest_accepted& x) {
  return f(x.group, x.epoch, x.file, x.stamp);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, commit_manifest& x) {
  return f(x.group, x.epoch, x.file, x.stamp);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, list_files& x) {
  return f(x.group, x.epoch, x.ballot, x.after);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, listed_file& x) {
  return f(x.file, x.stamp, x.settled);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, files_listed& x) {
  return f(x.group, x.ballot, x.after, x.files, x.last);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, forget_file& x) {
  return f(x.group, x.epoch, x.ballot, x.file, x.unlinked_at);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, file_forgotten& x) {
  return f(x.group, x.file, x.forgotten);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, find_outcome& x) {
  return f(x.group, x.epoch, x.file, x.writer);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, outcome_found& x) {
  return f(x.group, x.epoch, x.file, x.writer, x.outcomes, x.floor);
}

} // namespace dfs::msg
