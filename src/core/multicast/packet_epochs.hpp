#pragma once

#include "core/multicast/configuration.hpp"

namespace dfs::core {

/// Does it name an epoch so far above all that this server knows of that no
/// group gets there in its life? What is known and promised only rises: who
/// took such an epoch for good would follow nobody else ever again.
/// A server that knows of no configuration has nothing to judge by, and takes
/// nearly all.
[[nodiscard]] bool
is_far_ahead(const msg::multicast_packet& packet, const group_record& known);

} // namespace dfs::core
