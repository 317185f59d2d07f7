#pragma once

#include "base/ids.hpp"
#include "messages/member.hpp"

#include <caf/meta/type_name.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// What servers say to each other to stay linked, docs/protocols/gate.md:
//
//   server -- introduce --------> directory of the peer
//          <- introduction, and the peer's link keeper
//          -- link_heartbeat ---> link keeper    every 500 ms
//          <- link_heartbeat_ack
//
// The gate has proved the name of whoever speaks; the rest is compared here.

namespace dfs {

struct link_tag : counter {};

/// One attempt at a link, or one link; grows within a boot.
using link_epoch = strong_id<link_tag>;

} // namespace dfs

namespace dfs::msg {

/// Version of the messages between servers: what we speak, and the oldest that
/// we understand. Raised when a message changes its meaning (SPEC O5).
inline constexpr std::uint16_t control_protocol = 2;
inline constexpr std::uint16_t control_protocol_min = 2;

/// Asks a node who it is -> `introduction`, beside the handle of its link
/// keeper. May be repeated. Errors: `ec::unsupported` when the two speak no
/// common version, `ec::unavailable` when the node does not know yet.
struct introduce {
  member_id from;
  boot_id boot;
  std::uint16_t protocol = 0;
  std::uint16_t protocol_min = 0;

  bool operator==(const introduce&) const = default;
};

struct introduction {
  member_record self;
  boot_id boot;
  std::uint16_t protocol = 0;
  std::uint16_t protocol_min = 0;

  bool operator==(const introduction&) const = default;
};

/// "This link works, as far as I can see" -> `link_heartbeat_ack`. May be
/// repeated. Errors: `ec::not_member` when the receiver's list lacks the
/// sender, `ec::denied` for the name of somebody else or an old epoch,
/// `ec::busy` when the receiver keeps too many links.
struct link_heartbeat {
  member_id from;
  boot_id boot;
  link_epoch epoch;
  std::uint64_t sequence = 0; ///< Within the epoch, from 1.

  bool operator==(const link_heartbeat&) const = default;
};

/// Echoes what it answers: other answers do not count.
struct link_heartbeat_ack {
  boot_id boot; ///< Of the receiver.
  link_epoch epoch;
  std::uint64_t sequence = 0;
  std::uint32_t credits = 0; ///< Requests that may be unanswered, at least 1.

  bool operator==(const link_heartbeat_ack&) const = default;
};

/// The numbers travel: append only.
enum class link_state : std::uint8_t {
  idle = 1,        ///< Nobody to be linked to.
  waiting = 2,     ///< Until the next attempt.
  connecting = 3,  ///< TCP, TLS, and CAF's handshake.
  introducing = 4, ///< Comparing who it is with who it should be.
  confirming = 5,  ///< Until the first answer to a heartbeat.
  up = 6,
};

[[nodiscard]] std::string_view to_string(link_state x);

/// One link as one end sees it.
struct link_status {
  member_id peer; ///< All zero when idle.
  std::string name;
  bool outgoing = false; ///< This end keeps it; otherwise it hears heartbeats.
  link_state state = link_state::idle;
  std::chrono::milliseconds since{0};      ///< In this state, until now.
  std::chrono::microseconds round_trip{0}; ///< Of the last heartbeat.
  std::uint64_t heartbeats = 0;            ///< Answered.
  std::uint64_t failures = 0; ///< Attempts that failed and links lost.
  std::string cause;          ///< Of the last failure, for people.

  bool operator==(const link_status&) const = default;
};

/// Asks for the control links of a node -> `link_list`.
struct get_links {
  bool operator==(const get_links&) const = default;
};

struct link_list {
  std::vector<link_status> links; ///< Outgoing first, then by peer.

  bool operator==(const link_list&) const = default;
};

// Fields in declaration order, all of them.

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, introduce& x) {
  return f(caf::meta::type_name("introduce"), x.from, x.boot, x.protocol,
           x.protocol_min);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, introduction& x) {
  return f(caf::meta::type_name("introduction"), x.self, x.boot, x.protocol,
           x.protocol_min);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, link_heartbeat& x) {
  return f(caf::meta::type_name("link_heartbeat"), x.from, x.boot, x.epoch,
           x.sequence);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, link_heartbeat_ack& x) {
  return f(caf::meta::type_name("link_heartbeat_ack"), x.boot, x.epoch,
           x.sequence, x.credits);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, link_status& x) {
  return f(caf::meta::type_name("link_status"), x.peer, x.name, x.outgoing,
           x.state, x.since, x.round_trip, x.heartbeats, x.failures, x.cause);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_links&) {
  return f(caf::meta::type_name("get_links"));
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, link_list& x) {
  return f(caf::meta::type_name("link_list"), x.links);
}

/// INTERNAL, within a node: asks for the chunk directory of the present master
/// -> its handle, which goes DOWN with the link. May be repeated. Errors:
/// `ec::unavailable` (no link to a master, or it is not ready), or the
/// master's.
struct get_master_directory {
  bool operator==(const get_master_directory&) const = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_master_directory&) {
  return f(caf::meta::type_name("get_master_directory"));
}

/// INTERNAL, within a node: the directory of a peer is found, beside its
/// handle, or it is not.
struct directory_found {
  link_epoch epoch;

  bool operator==(const directory_found&) const = default;
};

struct directory_missing {
  link_epoch epoch;
  std::uint8_t code = 0; ///< `ec`.
  std::string text;

  bool operator==(const directory_missing&) const = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, directory_found& x) {
  return f(caf::meta::type_name("directory_found"), x.epoch);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, directory_missing& x) {
  return f(caf::meta::type_name("directory_missing"), x.epoch, x.code, x.text);
}

} // namespace dfs::msg
