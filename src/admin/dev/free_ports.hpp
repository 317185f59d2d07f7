#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dfs::admin {

/// Ports of 127.0.0.1 that nobody uses now, for TCP and UDP. They lie below the
/// range that the kernel gives to clients by itself (32768 on Linux), so that
/// they are still free when a node is started tomorrow.
/// @param seed Where the search begins: two searches at once should differ.
/// @returns `ec::in_use` when there are not enough.
[[nodiscard]] result<std::vector<std::uint16_t>>
free_ports(std::size_t count, std::uint32_t seed);

} // namespace dfs::admin
