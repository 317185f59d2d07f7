#pragma once

#include "base/result.hpp"
#include "messages/version.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace dfs::client {

/// What is needed to ask what became of a put: the request id that people see
/// (SPEC S7).
struct put_name {
  msg::put_id put;
  inode_id file;
  group_id group;
  std::uint64_t looked_up_at = 0; ///< Position of the master's log.

  bool operator==(const put_name&) const = default;
};

/// "9.1@1042.7.388-5f3a": writer, sequence, file, group, position, and a check
/// of these, for people copy it: of another put nothing true could be told.
[[nodiscard]] std::string to_string(const put_name& x);

/// Errors: `ec::invalid_argument` (no such text, or a slip of the pen).
[[nodiscard]] result<put_name> parse_put_name(std::string_view text);

} // namespace dfs::client
