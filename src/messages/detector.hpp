#pragma once

#include "base/endpoint.hpp"
#include "base/socket_kind.hpp"
#include "messages/member.hpp"

#include <caf/meta/type_name.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

// The failure detector as its own node sees it: traffic (SPEC M6) and health.

namespace dfs::msg {

/// Asks for the traffic of the group plane -> `bandwidth_report`.
struct get_bandwidth {
  bool operator==(const get_bandwidth&) const = default;
};

/// Counts traffic from zero -> `bandwidth_report`, what was counted until then.
struct reset_time {
  bool operator==(const reset_time&) const = default;
};

/// One direction of one kind of message.
struct traffic_count {
  std::uint64_t packets = 0;
  std::uint64_t payload_bytes = 0; ///< Of UDP: the sealed datagram.
  std::uint64_t wire_bytes = 0;    ///< With the headers of IP and UDP.

  bool operator==(const traffic_count&) const = default;
};

struct traffic_row {
  std::string name; ///< Of the kind of message: "ping", "ack", "challenge", …
  traffic_count in;
  traffic_count out;

  bool operator==(const traffic_row&) const = default;
};

struct bandwidth_report {
  std::chrono::milliseconds since_reset{};
  std::vector<traffic_row> rows; ///< Only kinds with any traffic.

  bool operator==(const bandwidth_report&) const = default;
};

/// Asks how the failure detector does -> `detector_status`. For the console.
struct get_detector_status {
  bool operator==(const get_detector_status&) const = default;
};

struct suspicion {
  member_id member;
  std::chrono::milliseconds age{}; ///< Since the oldest suspicion known.

  bool operator==(const suspicion&) const = default;
};

struct detector_status {
  member_record self;
  bool joined = false;
  std::uint32_t members = 0;
  std::uint32_t ack_loss_permille = 0; ///< Of this node's own probes.
  std::chrono::milliseconds lag{};     ///< How late the last tick was.
  std::chrono::milliseconds lag_max{}; ///< Largest since the process started.
  std::uint64_t malformed = 0;         ///< Sealed, and yet no packet of ours.
  std::vector<suspicion> suspects;
  std::vector<member_id> monitored; ///< Whom this node probes.

  bool operator==(const detector_status&) const = default;
};

/// INTERNAL, never sent to another node: a datagram whose seal was good.
struct group_datagram {
  socket_kind via = socket_kind::group;
  endpoint from;
  std::string body;

  bool operator==(const group_datagram&) const = default;
};

// Fields in declaration order, all of them.

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_bandwidth&) {
  return f(caf::meta::type_name("get_bandwidth"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, reset_time&) {
  return f(caf::meta::type_name("reset_time"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, traffic_count& x) {
  return f(caf::meta::type_name("traffic_count"), x.packets, x.payload_bytes,
           x.wire_bytes);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, traffic_row& x) {
  return f(caf::meta::type_name("traffic_row"), x.name, x.in, x.out);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, bandwidth_report& x) {
  return f(caf::meta::type_name("bandwidth_report"), x.since_reset, x.rows);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_detector_status&) {
  return f(caf::meta::type_name("get_detector_status"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, suspicion& x) {
  return f(caf::meta::type_name("suspicion"), x.member, x.age);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, detector_status& x) {
  return f(caf::meta::type_name("detector_status"), x.self, x.joined, x.members,
           x.ack_loss_permille, x.lag, x.lag_max, x.malformed, x.suspects,
           x.monitored);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, group_datagram& x) {
  return f(caf::meta::type_name("group_datagram"), x.via, x.from, x.body);
}

} // namespace dfs::msg
