#pragma once

#include <chrono>
#include <string>

namespace dfs {

/// Wall clock, for what people compare between nodes and for start stamps. It
/// may jump: nothing is timed by it.
using unix_milliseconds = std::chrono::sys_time<std::chrono::milliseconds>;

/// "2026-11-21T13:05:07.123Z" (RFC 3339).
[[nodiscard]] std::string utc_text(unix_milliseconds x);

} // namespace dfs
