#pragma once

#include "messages/version_control_inspect.hpp"
#include "messages/version_orders.hpp"

// Fields in declaration order, all of them.

namespace dfs::msg {

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, lead_group& x) {
  return f(x.set, x.ballot);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, group_led& x) {
  return f(x.group, x.ballot);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, group_resigned& x) {
  return f(x.group, x.ballot);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, seal_group& x) {
  return f(x.group, x.epoch, x.by);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, group_sealed& x) {
  return f(x.group, x.epoch, x.by);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, install_group& x) {
  return f(x.set, x.base, x.sources);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, group_installed& x) {
  return f(x.group, x.epoch);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, activate_group& x) {
  return f(x.group, x.epoch);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, group_activated& x) {
  return f(x.group, x.epoch);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, fetch_group& x) {
  return f(x.group, x.epoch, x.sealed, x.after);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, fetched_file& x) {
  return f(x.file, x.state);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, group_fetched& x) {
  return f(x.group, x.epoch, x.sealed, x.after, x.forgotten, x.files, x.last);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, rejoin_group& x) {
  return f(x.group, x.epoch, x.order, x.sources, x.floor);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, group_rejoined& x) {
  return f(x.group, x.epoch, x.order);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, drop_group& x) {
  return f(caf::meta::type_name("drop_group"), x.group, x.epoch);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, fill_group& x) {
  return f(caf::meta::type_name("fill_group"), x.set, x.sources);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, purge_file& x) {
  return f(caf::meta::type_name("purge_file"), x.group, x.file, x.seen);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, unlink_file& x) {
  return f(caf::meta::type_name("unlink_file"), x.group, x.file, x.ballot);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, file_unlinked& x) {
  return f(caf::meta::type_name("file_unlinked"), x.group, x.file, x.at);
}

} // namespace dfs::msg
