#pragma once

#include "client/connection.hpp"
#include "core/sessions/leader_search.hpp"

#include <chrono>
#include <functional>
#include <memory>

namespace dfs::client {

/// Asks the server of `link` who leads. `then` is called once, within
/// `patience`. Errors: those of `connection`; `ec::unavailable` when the server
/// has left the group and knows nothing of it; `ec::denied` when it says that
/// it leads itself and its certificate lacks the role master.
void ask_leader(const std::shared_ptr<connection>& link,
                std::chrono::milliseconds patience,
                std::function<void(result<core::leader_answer>)> then);

} // namespace dfs::client
