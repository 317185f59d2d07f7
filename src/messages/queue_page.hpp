#pragma once

#include "messages/queue.hpp"

#include <cstdint>
#include <string>
#include <vector>

// A snapshot of the queues' state in pages. Over all pages together: one head,
// then queues by id, items by (queue, serial), sessions, answers by (session,
// number), each strictly ascending.

namespace dfs::msg {

inline constexpr std::uint16_t queue_page_format = 1;
/// A page is over with the row that reaches this, so it has at most as much
/// and one row more.
inline constexpr std::size_t queue_page_bytes = 64u << 10;

struct queue_page_head {
  std::uint64_t sequence = 0; ///< k of the last message applied.
  queue_tick clock;
  queue_id next_queue;
  // How many rows there are in all pages together.
  std::uint64_t queues = 0;
  std::uint64_t items = 0;
  std::uint64_t sessions = 0;
  std::uint64_t answers = 0;
  std::uint64_t state_hash = 0;

  bool operator==(const queue_page_head&) const = default;
};

struct queue_row {
  queue_id queue;
  std::string label;
  std::uint64_t popped = 0; ///< So many items have gone out of it.

  bool operator==(const queue_row&) const = default;
};

struct queue_item_row {
  queue_id queue;
  std::uint64_t serial = 0; ///< Number of its push in this queue, from 1.
  queue_item item;

  bool operator==(const queue_item_row&) const = default;
};

struct queue_session_row {
  queue_session session;
  std::uint64_t first = 1;
  queue_tick used;

  bool operator==(const queue_session_row&) const = default;
};

struct queue_answer_row {
  queue_session session;
  std::uint64_t number = 0;
  queue_verb verb{};
  queue_status status{};
  std::int64_t value = -1;
  queue_item item;
  queue_place place;

  bool operator==(const queue_answer_row&) const = default;
};

struct queue_page {
  std::uint16_t format = queue_page_format;
  std::uint32_t number = 0; ///< From 0.
  bool last = false;
  std::vector<queue_page_head> heads; ///< One in page 0, none elsewhere.
  std::vector<queue_row> queues;
  std::vector<queue_item_row> items;
  std::vector<queue_session_row> sessions;
  std::vector<queue_answer_row> answers;

  bool operator==(const queue_page&) const = default;
};

} // namespace dfs::msg
