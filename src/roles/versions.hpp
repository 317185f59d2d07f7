#pragma once

#include "admin/verb.hpp"

#include <vector>

namespace dfs::roles {

/// Libraries in the program that the client side does not link, for
/// `dfsnode --version`.
[[nodiscard]] std::vector<admin::library_version> linked_libraries();

} // namespace dfs::roles
