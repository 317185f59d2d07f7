#pragma once

#include <CLI/CLI.hpp>

#include <functional>

namespace dfs::sim {

/// `dfs-sim versions`: quorums, takeovers and changes of sets.
/// @returns a function that runs it, once `app` has parsed.
[[nodiscard]] std::function<int()> add_versions(CLI::App& app);

} // namespace dfs::sim
