#pragma once

#include "base/endpoint.hpp"
#include "base/error.hpp"
#include "messages/gossip.hpp"
#include "messages/member.hpp"

#include <string>
#include <variant>
#include <vector>

namespace dfs::core {

/// May be lost, repeated and overtaken: the protocol expects no better.
struct send_packet {
  endpoint to;
  msg::socket_kind via = msg::socket_kind::group;
  msg::gossip_packet packet;

  bool operator==(const send_packet&) const = default;
};

/// One change of this node's list, itself included. Exactly once.
struct member_changed_effect {
  msg::member_changed event;

  bool operator==(const member_changed_effect&) const = default;
};

/// This node's incarnation was declared over: it is now `id`. Whatever was
/// promised as the old one (leases, votes) ends here. Persist the start stamp.
struct rejoined {
  msg::member_id id;
  std::string cause;

  bool operator==(const rejoined&) const = default;
};

/// The group does not take this node. That may pass, and the machine asks on
/// (may be repeated then); or the process should end, and the machine is silent
/// from now on.
struct join_refused {
  ec code = ec::denied;
  std::string text;
  bool passes = false;

  bool operator==(const join_refused&) const = default;
};

/// The goodbye is said; the machine is silent from now on.
struct left {
  bool operator==(const left&) const = default;
};

using effect = std::variant<send_packet, member_changed_effect, rejoined,
                            join_refused, left>;

/// To be performed in order.
using effects = std::vector<effect>;

} // namespace dfs::core
