#pragma once

#include "messages/multicast_group.hpp"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

// The ordered multicast (docs/protocols/multicast.md): what the servers of a
// group tell each other by datagram.
//
//   sender -- multicast_data(q) --------> all      its messages, numbered
//   owner  -- multicast_order(k, s, q) -> all      place k belongs to that one
//   all    -- header.received ----------> all      how far each holds
//
// `multicast_group.hpp` has what is said when members come, go or fall silent.
// Every datagram is a `multicast_packet`: a header that tells how far its
// sender has come, and any number of parts.

namespace dfs::msg {

/// The first byte of every sealed body says whose it is.
inline constexpr std::uint8_t multicast_protocol = 2;
inline constexpr std::uint8_t multicast_fragment_protocol = 3;

// Limits of what a packet may hold. A sealed body has 1,452 - 53 bytes; a
// packet that is longer, for it has a long message, goes as fragments.
inline constexpr std::size_t multicast_bytes_max = 1'399;
inline constexpr std::size_t fragment_header_bytes = 13;
inline constexpr std::size_t fragment_bytes_max
  = multicast_bytes_max - fragment_header_bytes;
inline constexpr std::size_t fragments_max = 6;
inline constexpr std::size_t multicast_packet_bytes_max
  = fragments_max * fragment_bytes_max;
/// Of a message; of one whose packet is a single datagram.
inline constexpr std::size_t multicast_body_bytes_max = 8'100;
inline constexpr std::size_t multicast_body_bytes_short = 1'302;
inline constexpr std::size_t nack_places_max = 64;
inline constexpr std::size_t items_per_packet_max = 64;
inline constexpr std::size_t parts_per_packet_max = 255;
/// What answers one NACK or FETCH is about so much: buffers are small.
inline constexpr std::size_t resend_bytes_max = 128u << 10;
/// Attempts that one server tells of: with those of 16 servers a packet still
/// fits into its fragments.
inline constexpr std::size_t group_attempts_max = 24;

/// Names a message for good. `q` counts from 1 in each life of the sender.
struct message_number {
  server_id server;
  life_id life;
  std::uint64_t q = 0;

  auto operator<=>(const message_number&) const = default;
};

/// What is in the bytes of a message.
enum class body_kind : std::uint8_t {
  packed = 1, ///< Payloads, each after its length (two bytes, little endian).
  first = 2,  ///< A piece of one large payload: the first …
  middle = 3, ///< … one between …
  last = 4,   ///< … and the last.
};

struct message_body {
  message_number number;
  body_kind kind = body_kind::packed;
  std::string bytes;

  bool operator==(const message_body&) const = default;
};

/// A message without its place, from its sender.
struct multicast_data {
  message_body body;
  bool operator==(const multicast_data&) const = default;
};

/// Place `k` of this configuration belongs to that message. Immutable; decided
/// by the owner of k, repeated by anyone.
struct multicast_order {
  std::uint64_t k = 0;
  message_number number;
  bool operator==(const multicast_order&) const = default;
};

/// What the sender of this lacks.
struct multicast_nack {
  std::vector<std::uint64_t> orders; ///< Who is at these places?
  std::vector<std::uint64_t> bodies; ///< The bodies of these places, please.
  bool operator==(const multicast_nack&) const = default;
};

/// A message with its place: what a nack asked for.
struct multicast_resend {
  std::uint64_t k = 0;
  message_body body;
  bool operator==(const multicast_resend&) const = default;
};

/// "Place k is yours, and here is what could stand there."
struct multicast_nudge {
  std::uint64_t k = 0;
  message_body body;
  bool operator==(const multicast_nudge&) const = default;
};

/// "I have the order up to `after`: what comes next?" Within a change, or by
/// one who is behind (then `ballot` is none, and only what is final is told).
struct fetch_items {
  configuration_id lineage;
  configuration_id ballot;
  std::uint64_t after = 0;
  std::uint64_t chain = 0; ///< Of the order up to there.
  bool joined = false;     ///< The log of the one who asks is of that lineage.
  bool operator==(const fetch_items&) const = default;
};

struct items_fetched {
  configuration_id lineage;
  configuration_id ballot;
  std::uint64_t after = 0; ///< As asked for …
  std::uint64_t chain = 0; ///< … so that a late answer is known as one.
  std::uint64_t final = 0; ///< Of the one who tells.
  group_history history;   ///< To one who has not joined its lineage yet.
  std::vector<multicast_resend> items;
  bool operator==(const items_fetched&) const = default;
};

/// "You are too far behind, or elsewhere: take my state as a whole."
struct snapshot_offered {
  configuration_id lineage;
  std::uint64_t snapshot = 0; ///< Its number at the one who offers.
  std::uint64_t k = 0;        ///< It holds the order up to there.
  std::uint64_t bytes = 0;
  std::uint64_t hash = 0;
  bool operator==(const snapshot_offered&) const = default;
};

struct fetch_pages {
  std::uint64_t snapshot = 0;
  std::vector<std::uint32_t> pages;
  bool operator==(const fetch_pages&) const = default;
};

struct page_fetched {
  std::uint64_t snapshot = 0;
  std::uint32_t page = 0;
  std::string bytes;
  bool operator==(const page_fetched&) const = default;
};

/// What a server reads, of parts and of what the services of the group write
/// into payloads. It rises with each change that the former version does not
/// read; whoever writes keeps to what all servers read.
///   1  VERSION
///   2  requests for queues of format 3
inline constexpr std::uint8_t group_version = 2;

/// In a packet of its own: who does not know it drops the packet.
struct server_version {
  std::uint8_t version = group_version;
  bool answer = false; ///< "I do not know yours."
  bool operator==(const server_version&) const = default;
};

using multicast_part
  = std::variant<multicast_data, multicast_order, multicast_nack,
                 multicast_resend, multicast_nudge, group_beacon,
                 gather_members, members_gathered, commit_members, member_ready,
                 install_members, fetch_items, items_fetched, snapshot_offered,
                 fetch_pages, page_fetched, server_version>;

/// One datagram. With no parts it is a STATUS.
struct multicast_packet {
  std::uint64_t group = 0; ///< Fingerprint of the configured servers and rule.
  server_id sender;
  life_id life;
  configuration_id configuration; ///< The sender acts in it; epoch 0: in none.
  std::uint64_t received
    = 0;                    ///< It holds all places of it up to here, durably.
  std::uint64_t stable = 0; ///< All members do, as far as it knows.
  std::uint64_t last = 0;   ///< The highest place that it knows of.
  std::vector<multicast_part> parts;

  bool operator==(const multicast_packet&) const = default;
};

/// Could somebody have meant this? Counts and numbers within their limits,
/// members ascending; not whether it fits what the receiver knows.
[[nodiscard]] bool is_valid(const multicast_packet& x);

} // namespace dfs::msg
