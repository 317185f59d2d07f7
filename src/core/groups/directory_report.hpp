#pragma once

#include "core/groups/version_directory.hpp"

#include <array>
#include <cstdint>

// What people and programs are told of the groups.

namespace dfs::core {

[[nodiscard]] msg::group_status
report_group(const version_directory& x, group_id group, instant now);

/// A page; of two groups at least, however few were asked for.
[[nodiscard]] msg::group_list report_groups(const version_directory& x,
                                            const msg::list_groups& page,
                                            instant now);

/// By `msg::group_phase`, from 1.
[[nodiscard]] std::array<std::uint64_t, 6>
count_groups(const version_directory& x, instant now);

[[nodiscard]] msg::fileserver_list
report_fileservers(const version_directory& x, instant now);

} // namespace dfs::core
