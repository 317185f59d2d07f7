#include "roles/stream_limits.hpp"

namespace dfs::roles {

namespace {

/// Of connections, which all ports have.
template <class Limits>
Limits connection_limits_of(const settings::stream_section& x) {
  Limits limits;
  limits.connections_max = x.connections_max;
  limits.connections_per_principal_max = x.connections_per_principal_max;
  limits.unverified_max = x.unverified_max;
  limits.handshake_timeout = x.handshake_timeout;
  limits.idle_timeout = x.idle_timeout;
  limits.write_timeout = x.write_timeout;
  return limits;
}

} // namespace

net::frame_limits frame_limits_of(const settings::stream_section& x) {
  auto limits = connection_limits_of<net::frame_limits>(x);
  limits.outstanding_max = x.requests_max;
  limits.outstanding_per_connection_max = x.requests_per_connection_max;
  limits.outstanding_per_principal_max = x.requests_per_principal_max;
  limits.write_queues_bytes_max = x.unsent_bytes_max;
  limits.write_bytes_min = x.write_bytes_min;
  return limits;
}

net::data_limits data_limits_of(const settings::stream_section& x) {
  return connection_limits_of<net::data_limits>(x);
}

} // namespace dfs::roles
