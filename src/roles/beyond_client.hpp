#pragma once

#include "admin/verb.hpp"

namespace dfs::roles {

/// What verbs may use and the client side does not link: names of libraries for
/// `dfsnode --version`, and the metadata of a master on this machine.
[[nodiscard]] admin::surroundings beyond_the_client();

} // namespace dfs::roles
