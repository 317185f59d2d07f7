#pragma once

#include "admin/output.hpp"
#include "base/rights.hpp"
#include "messages/member.hpp"

#include <string>
#include <vector>

namespace dfs::admin {

// What verbs and commands of the console print alike.

/// "introducer,master"; programs get an array.
[[nodiscard]] cell roles_cell(msg::role_set x);

/// `members`: one row a member, by name.
[[nodiscard]] table member_table(std::vector<msg::member_record> members);

/// `whoami`: the node that answers, in full, and as whom it knows the asker.
[[nodiscard]] record whoami_record(const msg::member_record& x,
                                   const std::string& principal, rights right);

} // namespace dfs::admin
