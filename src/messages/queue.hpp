#pragma once

#include "base/ids.hpp"

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

// Replicated queues: what a client asks, and what it is told. Rules, statuses
// and sessions: docs/protocols/queues.md.
//
//   client -- queue_request --> any server       repeated anywhere until final
//             server -- queue_batch --> group    the body of one message
//             every server applies it, at its place
//          <-- queue_answer -- server
//
// Bytes of these structs stand in logs: numbers of verbs and statuses are
// frozen, fields are append only with a new `queue_format`.

namespace dfs {

struct queue_tag : counter {};
struct queue_tick_tag : counter {};

/// A queue, from 1; below 2^63; never given twice.
using queue_id = strong_id<queue_tag>;

/// The clock of the queues' state: how many ordered ticks there have been.
using queue_tick = strong_id<queue_tick_tag>;

namespace msg {

inline constexpr std::uint16_t queue_format = 1;

// Equal on all servers: they decide what is refused.
inline constexpr std::size_t queue_label_bytes_max = 255;
inline constexpr std::size_t queue_item_bytes_max = 1u << 20;
inline constexpr std::size_t queue_batch_requests_max = 1'024;
/// Of an encoded batch: an item of the largest size and much besides.
inline constexpr std::size_t queue_batch_bytes_max = 2u << 20;

enum class queue_verb : std::uint8_t {
  create = 1,
  find = 2,
  destroy = 3,
  push = 4,
  pop = 5,
  top = 6,
  size = 7,
  tick = 8, ///< A server's, not a client's.
};

enum class queue_status : std::uint8_t {
  done = 1,
  empty = 2,
  no_queue = 3,
  full = 4,
  unread = 5,
  invalid = 6,
  session_expired = 7,
  outside_window = 8,
  busy = 9,
  waiting = 10,
};

/// A 64-bit integer, or bytes.
struct queue_item {
  bool is_bytes = false;
  std::int64_t number = 0; ///< 0 if it is bytes.
  std::string bytes;       ///< Empty if it is a number.

  bool operator==(const queue_item&) const = default;
};

/// One client process. A client takes a new one when it is told that this one
/// has expired, and never uses it again.
struct queue_session {
  std::array<std::uint8_t, 16> random{}; ///< Unpredictable to others.
  queue_tick birth; ///< What a server said before the first request.

  auto operator<=>(const queue_session&) const = default;
};

/// Where in the one order something was executed.
struct queue_place {
  std::uint64_t sequence = 0; ///< The message's k.
  std::uint32_t index = 0;    ///< In its body, from 0.

  auto operator<=>(const queue_place&) const = default;
};

struct queue_request {
  queue_session session;
  /// Of what the client asks for, from 1. Every repetition has the same one.
  /// Of a tick: what the clock shall be.
  std::uint64_t number = 0;
  /// The client has the final answers of all numbers below. At most `number`.
  std::uint64_t first = 1;
  queue_verb verb{};
  bool wait = false; ///< pop: finding nothing is no answer.
  queue_id queue;    ///< destroy, push, pop, top, size.
  std::string label; ///< create, find.
  queue_item item;   ///< push.

  bool operator==(const queue_request&) const = default;
};

struct queue_answer {
  queue_session session;
  std::uint64_t number = 0;
  queue_verb verb{};
  queue_status status{};
  std::int64_t value = -1; ///< -1 unless done.
  queue_item item;         ///< pop, top; if done.
  queue_place place;       ///< Of the execution, also in a repeated answer.
  /// From a server that is not primary: others may have gone on.
  bool stale = false;

  bool operator==(const queue_answer&) const = default;
};

/// The body of a message of the queues' group.
struct queue_batch {
  std::uint16_t format = queue_format;
  std::vector<queue_request> requests;

  bool operator==(const queue_batch&) const = default;
};

} // namespace msg
} // namespace dfs
