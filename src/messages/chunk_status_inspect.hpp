#pragma once

#include "messages/chunk_status.hpp"

namespace dfs::msg {

// Fields in declaration order, all of them.

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, server_status& x) {
  return f(caf::meta::type_name("server_status"), x.store, x.name, x.zone,
           x.data, x.serving, x.reported, x.load, x.volumes);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, health_finding& x) {
  return f(caf::meta::type_name("health_finding"), x.code, x.error, x.text);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_cluster_status&) {
  return f(caf::meta::type_name("get_cluster_status"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, cluster_status& x) {
  return f(caf::meta::type_name("cluster_status"), x.term, x.replication,
           x.replicas_min, x.servers, x.chunks, x.healthy, x.under_replicated,
           x.surplus, x.unavailable, x.lost, x.repairs_waiting,
           x.repairs_running, x.repair_bytes, x.repair_rate, x.findings,
           x.master_disks, x.unnamed, x.unnamed_files);
}

} // namespace dfs::msg
