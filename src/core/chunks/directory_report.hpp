#pragma once

#include "core/chunks/directory_machine.hpp"
#include "messages/chunk_status.hpp"

#include <vector>

namespace dfs::core {

/// How servers and chunks are, and what is wrong. Pure; O(servers).
/// @param disks Of the master's metadata.
[[nodiscard]] msg::cluster_status
report_status(const directory_machine& x, std::vector<msg::volume_status> disks,
              instant now);

/// What is wrong with servers and chunks: what a person must know of a status,
/// the worst first. The codes stand in docs/runbook.md; scripts react to them.
[[nodiscard]] std::vector<msg::health_finding>
find_trouble(const msg::cluster_status& x);

} // namespace dfs::core
