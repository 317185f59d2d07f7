#pragma once

#include "admin/output.hpp"
#include "base/result.hpp"
#include "settings/table.hpp"

#include <string>

namespace dfs::admin {

/// @param roles As in --role, "client" included; empty: whoever the sections of
///              `file` concern.
/// @returns `ec::invalid_argument`, `ec::configuration` (no such file, no
/// TOML).
[[nodiscard]] result<settings::audience>
parse_audience(const std::string& roles, const std::string& file);

/// "introducer,master", "servers and clients", …; programs get an array of
/// roles, "client" among them.
[[nodiscard]] cell audience_cell(settings::audience x);

} // namespace dfs::admin
