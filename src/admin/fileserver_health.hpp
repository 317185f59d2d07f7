#pragma once

#include "messages/chunk_status.hpp"
#include "messages/version_file.hpp"

#include <vector>

namespace dfs::admin {

/// What is not well about versioned files, by the codes of docs/runbook.md;
/// nothing where there are no file servers.
[[nodiscard]] std::vector<msg::health_finding>
fileserver_findings(const msg::fileserver_list& x);

} // namespace dfs::admin
