#pragma once

#include "admin/output.hpp"
#include "messages/admin.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace dfs::admin {

[[nodiscard]] std::string_view to_string(msg::actor_activity x);

/// "busy 7.02s", "idle"; programs get the word.
[[nodiscard]] cell activity_cell(const msg::actor_stats& x);

/// What `--sort` takes; the first is the default.
[[nodiscard]] const std::vector<std::string>& actor_sort_keys();

/// Largest first, except by name. @pre `key` is one of those.
void sort_actors(std::vector<msg::actor_stats>& actors, std::string_view key);

} // namespace dfs::admin
