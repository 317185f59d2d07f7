#pragma once

#include "base/ids.hpp"
#include "messages/member.hpp"

#include <optional>
#include <vector>

namespace dfs::core {

/// That a member leads in a term; all zero: not known of any.
struct leadership {
  msg::member_id who;
  master_term term;
};

/// Who leads, of these members: the one rule of servers and clients
/// (docs/protocols/leader.md). Who is known to lead in a term does. Where that
/// is nobody of these, of the lives at one address the last one, and of several
/// addresses the one whose life began first, as the group settles two masters:
/// a newcomer takes nobody away from a master that stands. Pure.
[[nodiscard]] std::optional<msg::member_record>
leading_member(const std::vector<msg::member_record>& members,
               const leadership& known = {});

} // namespace dfs::core
