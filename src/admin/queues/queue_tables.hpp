#pragma once

#include "admin/output.hpp"
#include "base/result.hpp"
#include "messages/queue_admin.hpp"

#include <functional>
#include <vector>

// What `group` and `queues` show, as verbs and in the console.

namespace dfs::admin {

/// The view of one server: configuration, owner, marks, buffers.
[[nodiscard]] record group_record(const msg::queue_group_status& x);

/// One row a configured server.
[[nodiscard]] table group_member_table(const msg::queue_group_status& x);

/// One row a configured server: how far it was heard to be last.
[[nodiscard]] table last_heard_table(const msg::queue_primary_forced& x);

struct all_queues {
  std::vector<msg::listed_queue> queues;
  bool stale = false; ///< From a server that is not primary.
};

/// All pages. @param ask One of them.
[[nodiscard]] result<all_queues> list_all_queues(
  const std::function<result<msg::queue_list>(const msg::list_queues&)>& ask);

[[nodiscard]] table queue_table(const all_queues& x);

/// For people: what a stale list means.
inline constexpr std::string_view stale_note
  = "stale: from a server that is not primary; others may have gone on";

} // namespace dfs::admin
