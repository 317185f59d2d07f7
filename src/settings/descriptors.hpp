#pragma once

#include "messages/membership.hpp"
#include "settings/sections.hpp"

#include <cstdint>

namespace dfs::settings {

/// Descriptors that a server of these roles has open when every limit of
/// connections is reached at once, and those of its files.
[[nodiscard]] std::uint64_t
descriptors_needed(const node_settings& how, msg::role_set roles);

} // namespace dfs::settings
