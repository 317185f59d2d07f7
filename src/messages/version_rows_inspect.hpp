#pragma once

#include "messages/version_inspect.hpp"
#include "messages/version_rows.hpp"

namespace dfs::msg {

// Fields in declaration order, all of them. They stand in rows
// (docs/formats/version_store.md): append only.

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, group_row& x) {
  return f(x.role, x.set, x.promised, x.sealed_by, x.quarantined, x.forgotten);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, installed_group& x) {
  return f(x.set, x.forgotten, x.files);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, next_whole& x) {
  return f(x.set, x.forgotten, x.place);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, settled_change& x) {
  return f(x.file, x.stamp);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, outcome_key& x) {
  return f(x.file, x.writer);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, past_change& x) {
  return f(x.gone, x.floor);
}

} // namespace dfs::msg
