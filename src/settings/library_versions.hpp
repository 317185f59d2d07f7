#pragma once

#include <string>
#include <utility>
#include <vector>

namespace dfs::settings {

/// Name and version of the libraries that only this folder, net and wire see;
/// OpenSSL's as it runs, which may be newer than the one compiled against.
[[nodiscard]] std::vector<std::pair<std::string, std::string>>
library_versions();

} // namespace dfs::settings
