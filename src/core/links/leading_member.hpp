#pragma once

#include "messages/member.hpp"

#include <optional>
#include <vector>

namespace dfs::core {

/// Whether `x` is the cluster's master rather than `y`: the one rule, of the
/// group, of servers and of clients (docs/protocols/membership.md, "One
/// master"). The higher term decides; clocks decide nothing. Lives at one
/// address follow one another by their stamps, which are durable there.
/// @pre Both have the role.
/// @returns false both ways for equal terms at different addresses: that is one
/// store twice, or two new ones, and the sides of the group settle it.
[[nodiscard]] bool
is_master_rather_than(const msg::member_record& x, const msg::member_record& y);

/// Who leads, of these members: none of them is master rather than that one. Of
/// equal ones that of the lowest address. Pure.
[[nodiscard]] std::optional<msg::member_record>
leading_member(const std::vector<msg::member_record>& members);

} // namespace dfs::core
