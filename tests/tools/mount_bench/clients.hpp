#pragma once

#include <cstddef>
#include <functional>

namespace dfs::bench {

/// Runs `client` for 0 … count - 1, each in a process of its own, as different
/// programs would use a mounted directory; one runs in this process.
/// @returns Seconds from the common start to the end of the last.
double
run_clients(std::size_t count, const std::function<void(std::size_t)>& client);

} // namespace dfs::bench
