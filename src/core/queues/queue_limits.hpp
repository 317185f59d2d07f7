#pragma once

#include "messages/queue.hpp"

#include <cstddef>
#include <cstdint>

namespace dfs::core {

/// What the queues' state may hold. Equal on all servers, for ever: these
/// decide what is refused. Others than the defaults are for tests.
struct queue_limits {
  std::size_t queues = 65'536;
  std::uint64_t items = 4u << 20; ///< A copy of so many takes some 50 ms.
  std::uint64_t bytes = 1u << 30; ///< Of items, and answers that are kept.
  std::size_t sessions = 65'536;
  std::uint64_t window = 128; ///< Numbers of a session under way at once.
  std::uint64_t unread_bytes = 4u << 20; ///< Of a session's kept answers.
  std::uint64_t session_ticks = 60;      ///< Unused for longer: it expires.
};

/// What an item or a kept answer counts besides its bytes: about what it costs
/// in memory.
inline constexpr std::uint64_t queue_row_bytes = 64;

[[nodiscard]] inline std::uint64_t cost_of(const msg::queue_item& x) {
  return queue_row_bytes + x.bytes.size();
}

} // namespace dfs::core
