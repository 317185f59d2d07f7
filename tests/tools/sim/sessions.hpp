#pragma once

#include <CLI/CLI.hpp>

#include <functional>

namespace dfs::sim {

/// `dfs-sim sessions`: clients that look for the master.
/// @returns a function that runs it, once `app` has parsed.
[[nodiscard]] std::function<int()> add_sessions(CLI::App& app);

} // namespace dfs::sim
