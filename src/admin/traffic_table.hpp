#pragma once

#include "admin/output.hpp"
#include "messages/detector.hpp"

namespace dfs::admin {

/// One row a kind of message and a last one, "total", that sums them up.
/// Bytes are those on the wire, with the headers of IP and UDP.
[[nodiscard]] table traffic_table(const msg::bandwidth_report& report);

} // namespace dfs::admin
