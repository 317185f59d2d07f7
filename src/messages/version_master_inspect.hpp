#pragma once

#include "messages/version_master.hpp"
#include "messages/version_orders_inspect.hpp"

// Fields in declaration order, all of them.

namespace dfs::msg {

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, find_version_directory&) {
  return f(caf::meta::type_name("find_version_directory"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_version_directory&) {
  return f(caf::meta::type_name("get_version_directory"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, register_fileserver& x) {
  return f(caf::meta::type_name("register_fileserver"), x.store, x.boot,
           x.member, x.name, x.zone, x.data, x.volumes, x.obeyed, x.disks,
           x.full, x.rows);
}

template <class Inspector>
typename Inspector::result_type
inspect(Inspector& f, fileserver_registered& x) {
  return f(caf::meta::type_name("fileserver_registered"), x.term,
           x.heartbeat_ms, x.receipts_from, x.life, x.durable, x.went_back,
           x.kept_ms);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, group_standing& x) {
  return f(caf::meta::type_name("group_standing"), x.group, x.epoch,
           x.installed, x.sealed, x.quarantined, x.leads, x.uneven, x.files,
           x.missing, x.bytes, x.overdue, x.filled);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, group_testimony& x) {
  return f(caf::meta::type_name("group_testimony"), x.store, x.set, x.sealed,
           x.next);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, fileserver_beat& x) {
  return f(caf::meta::type_name("fileserver_beat"), x.store, x.boot, x.term,
           x.sequence, x.servers_known, x.volumes, x.groups, x.all_told,
           x.disks, x.full, x.rows);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, fileserver_beat_ack& x) {
  return f(caf::meta::type_name("fileserver_beat_ack"), x.term, x.sequence,
           x.servers_revision, x.servers, x.durable, x.went_back, x.kept_ms);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, group_orders& x) {
  return f(caf::meta::type_name("group_orders"), x.term, x.servers, x.seal,
           x.install, x.activate, x.rejoin, x.lead, x.unlinked, x.drop, x.purge,
           x.testify, x.fill);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, purged_file& x) {
  return f(x.file, x.of_class, x.seen);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, purge_versions& x) {
  return f(caf::meta::type_name("purge_versions"), x.files);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, group_news& x) {
  return f(caf::meta::type_name("group_news"), x.store, x.boot, x.term, x.led,
           x.resigned, x.sealed, x.installed, x.activated, x.rejoined,
           x.refused, x.unlink, x.unreachable, x.testimonies);
}

} // namespace dfs::msg
