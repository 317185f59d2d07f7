#pragma once

#include "messages/version_rows.hpp"

namespace dfs::core {

// What a replica keeps, and how it changes: the words of this folder and of the
// store that keeps it.
using msg::apply_rows;
using msg::become_next;
using msg::file_change;
using msg::group_row;
using msg::installed_group;
using msg::next_change;
using msg::next_part;
using msg::next_whole;
using msg::outcome_key;
using msg::past_change;
using msg::past_outcomes;
using msg::replica_role;
using msg::replica_rows;
using msg::row_change_of_group;
using msg::row_changes;
using msg::settled_change;

} // namespace dfs::core
