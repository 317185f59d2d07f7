#pragma once

#include <string_view>

namespace dfs::actors {

// Rows of the version directory: docs/formats/metadata.md.
inline constexpr std::string_view group_rows = "g";
inline constexpr std::string_view group_count_row = "gcount";
inline constexpr std::string_view fileserver_rows = "f";
inline constexpr std::string_view store_age_rows = "h";
inline constexpr std::string_view class_rows = "q";

} // namespace dfs::actors
