#pragma once

#include "support/history/file_port.hpp"

#include <string>

namespace dfs::history {

/// Clients of a running cluster, through the client library: each port is one
/// client with connections of its own.
/// @param config A client's configuration file.
/// @param timeout_ms Of an operation, without progress.
/// @returns `ec::configuration`.
[[nodiscard]] result<make_port>
cluster_ports(const std::string& config, int timeout_ms);

} // namespace dfs::history
