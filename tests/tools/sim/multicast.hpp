#pragma once

#include <CLI/CLI.hpp>

#include <functional>

namespace dfs::sim {

/// `dfs-sim multicast`: the order of the group, and its configurations.
/// @returns a function that runs it, once `app` has parsed.
[[nodiscard]] std::function<int()> add_multicast(CLI::App& app);

} // namespace dfs::sim
