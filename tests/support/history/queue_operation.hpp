#pragma once

#include "support/history/operation.hpp"

#include <compare>
#include <cstdint>
#include <string>

// What one client of queues asked and was told. Like `operation`, with what
// queues have besides: replies, and places in the one order.

namespace dfs::history {

enum class queue_verb : std::uint8_t {
  create,
  find,
  destroy,
  push,
  pop,
  top,
  size
};

/// Of an operation that is done.
enum class queue_reply : std::uint8_t {
  ok,
  empty,   ///< pop, top.
  no_queue ///< All but create.
};

struct queue_operation {
  std::uint32_t proc = 0; ///< Client thread.
  queue_verb op = queue_verb::push;
  std::int64_t queue = 0; ///< destroy, push, pop, top, size.
  std::string label;      ///< create, find.
  std::string item;       ///< push: unique in the history. pop, top: if ok.
  std::int64_t call_ns = 0;
  std::int64_t ret_ns = 0; ///< Meaningless when unknown: it stays open.
  outcome result = outcome::unknown;

  // If done.
  queue_reply reply = queue_reply::ok;
  std::int64_t value = -1;    ///< As the system says it; -1 unless ok.
  std::uint64_t sequence = 0; ///< k of the message it was executed in.
  std::uint32_t index = 0;    ///< In that message.

  bool operator==(const queue_operation&) const = default;
};

/// For people: "pop of queue 1 by proc 2 [10 .. 20]".
[[nodiscard]] std::string to_text(const queue_operation& x);

} // namespace dfs::history
