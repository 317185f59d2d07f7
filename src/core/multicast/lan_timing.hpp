#pragma once

#include "core/multicast/multicast_config.hpp"

namespace dfs::core {

/// Servers that are well below a millisecond apart, as file servers are: what
/// is lost is asked for as soon as that is over. The defaults are for any.
void use_lan_timing(multicast_config& config);

} // namespace dfs::core
