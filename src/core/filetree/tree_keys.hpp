#pragma once

#include "base/ids.hpp"
#include "core/chunks/chunk_row.hpp"

#include <cstdint>
#include <string>
#include <string_view>

// The keys of the rows of tree_rows.hpp.

namespace dfs::core {

namespace tree_keys {

inline constexpr std::string_view nodes = "n";
inline constexpr std::string_view pieces = "p";
inline constexpr std::string_view versions = "v";
inline constexpr std::string_view released_versions = "w";
inline constexpr std::string_view released_deletions = "y";
inline constexpr std::string_view told = "l";
inline constexpr std::string_view orphans = "o";
inline constexpr std::string_view branches = "b";
inline constexpr std::string_view trash = "t";
inline constexpr std::string_view uploads = "u";
inline constexpr std::string_view requests = "r";
inline constexpr std::string_view purged = "xpurged";
inline constexpr std::string_view clock = "xclock";

[[nodiscard]] inline std::string node(inode_id parent, std::string_view name) {
  auto key = numbered_key(nodes, parent.value());
  return key += name;
}

[[nodiscard]] inline std::string
piece_group(inode_id inode, std::uint32_t index) {
  auto key = numbered_key(pieces, inode.value());
  for (int shift = 24; shift >= 0; shift -= 8)
    key += static_cast<char>(index >> shift);
  return key;
}

[[nodiscard]] inline std::string
request(std::uint64_t period, std::uint64_t number) {
  auto key = numbered_key(requests, period);
  return key += numbered_key({}, number);
}

} // namespace tree_keys

} // namespace dfs::core
