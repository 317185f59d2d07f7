#pragma once

#include "actors/interfaces.hpp"
#include "base/endpoint.hpp"
#include "messages/control.hpp"
#include "messages/member.hpp"

#include <caf/fwd.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace dfs::actors {

struct find_peer {
  link_epoch epoch; ///< Comes back with the answer.
  endpoint where;   ///< Its control address.
  std::string name; ///< That its certificate must carry.
  std::chrono::milliseconds within{0};
};

/// What a node proves by its certificate.
struct peer_identity {
  std::string name;
  msg::role_set roles = 0;

  bool operator==(const peer_identity&) const = default;
};

/// How actors reach other nodes. The gate in a node; something simple in tests.
/// Thread-safe, and never blocks.
class peer_finder {
public:
  virtual ~peer_finder() = default;

  /// Sends `directory_found` with the handle, or `directory_missing`, once. No
  /// answer at all when the node is going.
  virtual void
  find(const find_peer& whom, const directory_listener_actor& listener)
    = 0;

  /// Cuts the connection to that peer if we opened it; handles go DOWN.
  virtual void cut(const std::string& name) = 0;

  /// What the node at the other end of a connection has proved.
  [[nodiscard]] virtual std::optional<peer_identity>
  identity_of(const caf::node_id& node) const = 0;
};

} // namespace dfs::actors
