#pragma once

#include "admin/output.hpp"
#include "messages/member.hpp"

#include <string>
#include <vector>

namespace dfs::admin {

/// One row a member, by name: `members` and the console print the same.
[[nodiscard]] table member_table(std::vector<msg::member_record> members);

/// One member in full: `whoami`.
[[nodiscard]] record member_details(const msg::member_record& x);

/// "2026-11-21T13:05:07.123Z" of a start stamp.
[[nodiscard]] std::string time_text(std::uint64_t unix_ms);

} // namespace dfs::admin
