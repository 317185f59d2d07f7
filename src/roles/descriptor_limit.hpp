#pragma once

#include <cstdint>

namespace dfs::roles {

/// Raises the soft limit of open descriptors to the hard one. What cannot be
/// raised stays as it was.
void raise_descriptor_limit();

/// Descriptors that this process may open.
[[nodiscard]] std::uint64_t descriptor_limit();

} // namespace dfs::roles
