#pragma once

#include "base/endpoint.hpp"
#include "base/result.hpp"
#include "core/multicast/multicast_config.hpp"
#include "settings/sections.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace dfs::settings {

/// A server of the group that keeps queues.
struct queue_server {
  server_id id;     ///< 1 to 65,535.
  std::string name; ///< Of its node.
  endpoint where;   ///< Its UDP port of the ordered multicast.
};

/// "3=fs-3@10.0.0.7:7407". @returns `ec::invalid_argument`.
[[nodiscard]] result<queue_server> parse_queue_server(std::string_view text);

/// By id. @pre They have been checked.
[[nodiscard]] std::vector<queue_server>
queue_servers_of(const queue_section& x);

/// @pre Likewise.
[[nodiscard]] core::multicast_config
multicast_config_of(const queue_section& x);

} // namespace dfs::settings
