#pragma once

#include "messages/version.hpp"

#include <caf/meta/type_name.hpp>

namespace dfs::msg {

// Fields in declaration order, all of them. They stand in rows, too
// (docs/formats/version_store.md, of `file_manifest` without what came later):
// append only.

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, put_id& x) {
  return f(caf::meta::type_name("put_id"), x.writer, x.sequence);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, version_stamp& x) {
  return f(caf::meta::type_name("version_stamp"), x.ballot, x.serial);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, file_version& x) {
  return f(caf::meta::type_name("file_version"), x.number, x.kind, x.put,
           x.content, x.bytes, x.checksum, x.time_ms);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, put_outcome& x) {
  return f(caf::meta::type_name("put_outcome"), x.put, x.version);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, file_manifest& x) {
  return f(caf::meta::type_name("file_manifest"), x.versions, x.outcomes,
           x.floor, x.born);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, file_state& x) {
  return f(caf::meta::type_name("file_state"), x.stamp, x.settled, x.manifest);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, quorum_rule& x) {
  return f(caf::meta::type_name("quorum_rule"), x.copies, x.write, x.read);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, group_set& x) {
  return f(caf::meta::type_name("group_set"), x.group, x.epoch, x.rule,
           x.servers);
}

} // namespace dfs::msg
