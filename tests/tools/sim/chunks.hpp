#pragma once

#include <CLI/CLI.hpp>

#include <functional>

namespace dfs::sim {

/// `dfs-sim chunks`: leases, versions and recovery of chunks.
/// @returns a function that runs it, once `app` has parsed.
[[nodiscard]] std::function<int()> add_chunks(CLI::App& app);

} // namespace dfs::sim
