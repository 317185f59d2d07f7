#pragma once

#include "messages/member.hpp"

#include <caf/atom.hpp>
#include <caf/type_id.hpp>

// Every type that is a message element of its own, and no other. Released names
// and positions are frozen: CAF 0.17 sends the names, 0.18 sends the numbers.
// Nothing checks at compile time that a type stands here; the round trip test
// does. Include this wherever typed interfaces are declared.

CAF_BEGIN_TYPE_ID_BLOCK(dfs_messages, caf::first_custom_type_id)
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::member_record))
  CAF_ADD_TYPE_ID(dfs_messages, (dfs::msg::member_changed))
CAF_END_TYPE_ID_BLOCK(dfs_messages)

namespace dfs::msg {

/// Marks a `dfs::ec` inside a `caf::error`. Atoms hold 10 characters at most.
inline constexpr auto error_category = caf::atom("dfs");

} // namespace dfs::msg
