#pragma once

#include "messages/queue.hpp"

namespace dfs::msg {

/// The verb behind those of messages/queue.hpp: a client has all answers of its
/// session, and is done with it. Its number is the next one, and so is `first`.
/// In batches of format 3 only (docs/protocols/queues.md, Sessions).
inline constexpr queue_verb queue_end_session{9};

} // namespace dfs::msg
