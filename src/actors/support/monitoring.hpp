#pragma once

#include "actors/support/health_board.hpp"
#include "actors/support/metrics.hpp"
#include "net/http_server.hpp"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace dfs::actors {

/// The paths for `net::http_server` (SPEC O3):
///
///   /metrics  what `sources` describe, as Prometheus reads it
///   /livez    200 unless the supervisor is silent: restart it then
///   /readyz   200 if live and every check passes: send work
///
/// Both with `?verbose` as JSON, with every check and its reason; else one
/// word. They read the health board only: no actor has to answer.
/// @param now     Of the actor system's clock.
/// @pre `board` lives as long as the server.
[[nodiscard]] std::map<std::string, net::http_handler, std::less<>>
monitoring_paths(const health_board& board, std::function<instant()> now,
                 std::vector<metrics_source> sources);

/// As JSON: {"live":…,"ready":…,"checks":[{"name":…,"passed":…,"reason":…}]}.
[[nodiscard]] std::string to_json(const msg::health_report& report);

} // namespace dfs::actors
