#pragma once

#include "base/endpoint.hpp"
#include "base/ids.hpp"

#include <caf/meta/type_name.hpp>

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// What every node knows about every other: the group's vocabulary.

namespace dfs::msg {

/// One life of one node (SPEC M1): a machine that rejoins is another member.
/// (ip, group port) says where, the start stamp which life.
struct member_id {
  ip_address ip;
  std::uint16_t group_port = 0;
  std::uint64_t start_ms = 0; ///< Unix time; grows with each life (DESIGN 3).

  [[nodiscard]] endpoint address() const {
    return {ip, group_port};
  }

  auto operator<=>(const member_id&) const = default;
};

/// "10.0.0.5:7401@1700000000000": in logs, tables and JSON.
[[nodiscard]] std::string to_string(const member_id& x);

/// What a node does; a set of these is held as the sum of their bits. The bits
/// travel: append only.
enum class role : std::uint8_t {
  introducer = 1,
  master = 2,
  chunkserver = 4,
  fileserver = 8,
};

using role_set = std::uint8_t;

[[nodiscard]] constexpr bool has(role_set set, role which) {
  return (set & static_cast<role_set>(which)) != 0;
}

/// "introducer,master", in the order of the bits; empty for the empty set.
[[nodiscard]] std::string roles_to_string(role_set roles);

/// Takes what `roles_to_string` makes, in any order.
/// @returns `ec::invalid_argument` for an unknown role or one named twice.
[[nodiscard]] result<role_set> parse_roles(std::string_view text);

/// All that the group knows of a member.
struct member_record {
  member_id id;
  std::string name; ///< As in its certificate; at most 32 bytes.
  role_set roles = 0;
  store_id store;                 ///< Zero for a node without a data directory.
  std::uint16_t ping_port = 0;    ///< UDP: probes.
  std::uint16_t control_port = 0; ///< TCP: the gate.
  std::uint16_t stream_port = 0;  ///< TCP: front door and bytes.
  std::uint16_t http_port = 0;    ///< TCP: health and metrics; 0 when closed.
  std::string zone;               ///< Failure domain; at most 32 bytes.
  std::string version;            ///< Of the program; at most 16 bytes.
  master_term term{}; ///< Of a master's metadata, below 2^24; 0 for others.

  [[nodiscard]] endpoint ping_address() const {
    return {id.ip, ping_port};
  }
  [[nodiscard]] endpoint control_address() const {
    return {id.ip, control_port};
  }
  [[nodiscard]] endpoint stream_address() const {
    return {id.ip, stream_port};
  }

  auto operator<=>(const member_record&) const = default;
};

/// How a list changed. The numbers travel and stand in logs: append only.
enum class member_change : std::uint8_t {
  joined = 1,
  left = 2,   ///< Said goodbye.
  failed = 3, ///< Declared dead by a monitor, or replaced by a newer life.
};

[[nodiscard]] std::string_view to_string(member_change x);

/// Event: one line of the membership log (SPEC M7).
struct member_changed {
  member_change change = member_change::joined;
  member_record member;
  std::string cause; ///< Why this node believes so, for people.

  bool operator==(const member_changed&) const = default;
};

// Fields in declaration order, all of them.

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, member_id& x) {
  return f(caf::meta::type_name("member_id"), x.ip, x.group_port, x.start_ms);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, member_record& x) {
  return f(caf::meta::type_name("member_record"), x.id, x.name, x.roles,
           x.store, x.ping_port, x.control_port, x.stream_port, x.http_port,
           x.zone, x.version, x.term);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, member_changed& x) {
  return f(caf::meta::type_name("member_changed"), x.change, x.member, x.cause);
}

} // namespace dfs::msg
