#pragma once

#include <string>
#include <vector>

namespace dfs::roles {

/// The life of a server process, from its command line to its exit status:
/// 0 after a signal, 2 for what is wrong with usage, settings, keys, ports or
/// directories, 3 when nobody lets it into the group, otherwise the status of
/// the subsystem that could not be kept alive.
/// @param arguments Without the program's name.
[[nodiscard]] int run_server(const std::vector<std::string>& arguments,
                             const std::vector<std::string>& environment);

} // namespace dfs::roles
