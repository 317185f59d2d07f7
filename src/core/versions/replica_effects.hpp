#pragma once

#include "core/versions/replica_rows.hpp"
#include "messages/version_orders.hpp"

#include <cstdint>
#include <variant>
#include <vector>

namespace dfs::core {

/// Somebody who waits for an answer; chosen by the shell.
using version_asker = std::uint64_t;

// Effects of a replica, to be performed in order.

/// Make these durable, all or none, and after what was issued before ->
/// `stored`, in the order of their tickets. Contents that `content_held` told
/// of have to be durable first: syncs may run side by side.
struct store_rows {
  std::uint64_t ticket = 0;
  row_changes changes;
};

using replica_answer
  = std::variant<msg::group_refused, msg::ballot_promised,
                 msg::manifest_accepted, msg::file_state_read,
                 msg::files_listed, msg::file_forgotten, msg::group_sealed,
                 msg::group_installed, msg::group_activated, msg::group_fetched,
                 msg::group_rejoined, msg::outcome_found>;

/// May be lost: it is asked again.
struct answer_asker {
  version_asker asker = 0;
  replica_answer what;
};

/// -> `on_state` or `on_fetched`; may be lost, is asked again.
struct ask_replica {
  store_id to;
  std::variant<msg::read_file_state, msg::fetch_group> what;
};

/// Get these bytes from that server -> `content_held`. Asked again, of others,
/// while they do not come; what is on its way need not be begun again.
struct fetch_content {
  msg::file_version version; ///< Whose content it is.
  store_id from;
};

/// No manifest here names them any more. May be lost: at a start what no row
/// names goes.
struct drop_contents {
  std::vector<msg::put_id> contents;
};

using replica_effect = std::variant<store_rows, answer_asker, ask_replica,
                                    fetch_content, drop_contents>;
using replica_effects = std::vector<replica_effect>;

} // namespace dfs::core
