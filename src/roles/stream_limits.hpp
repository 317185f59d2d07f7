#pragma once

#include "net/data_limits.hpp"
#include "net/frame_server.hpp"
#include "settings/sections.hpp"

namespace dfs::roles {

/// What `[stream]` says of the port of requests.
[[nodiscard]] net::frame_limits
frame_limits_of(const settings::stream_section& x);

/// And of a port of file bytes: of a chunkserver, or of a file server.
[[nodiscard]] net::data_limits
data_limits_of(const settings::stream_section& x);

} // namespace dfs::roles
