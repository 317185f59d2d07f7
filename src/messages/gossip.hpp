#pragma once

#include "base/socket_kind.hpp"
#include "messages/member.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// What members tell each other by datagram: docs/protocols/membership.md draws
// the exchanges. A packet is one datagram's sealed body:
//
//   protocol 1 | kind and flags 1 | sender | fields of the kind
//
// Ids, addresses and digests are packed tighter than `wire::codec` would by
// itself: 18 packets a second leave 30 bytes for an idle ping and 26 for an
// ack.

namespace dfs::msg {

/// The socket that a packet travels by, to the receiver's of the same kind.
using dfs::socket_kind;

/// The first byte of every body on the group plane says whose it is.
inline constexpr std::uint8_t membership_protocol = 1;

inline constexpr std::size_t digest_bucket_count = 64;

// Limits of what a packet may hold; `validate` enforces them. A datagram body
// has 1,452 - 53 bytes; the senders stop at 1,150, so that with the seal (53)
// and the headers of UDP and IPv6 (48) a packet passes every tunnel of 1,280.
inline constexpr std::size_t gossip_bytes_max = 1'150;
inline constexpr std::size_t record_name_bytes_max = 32;
inline constexpr std::size_t record_zone_bytes_max = 32;
inline constexpr std::size_t record_version_bytes_max = 16;
inline constexpr std::size_t refusal_text_bytes_max = 200;
/// The year 10889: a stamp above it is noise, and no life could follow it.
inline constexpr std::uint64_t start_ms_max = (std::uint64_t{1} << 48) - 1;
/// A suspicion is settled within seconds; an older one is noise.
inline constexpr std::uint32_t suspicion_age_ms_max = 60'000;

/// Why a member left the lists. The numbers travel: append only.
enum class news_reason : std::uint8_t {
  admitted = 1,        ///< Joined.
  goodbye = 2,         ///< Left by its own will.
  silent_for_one = 3,  ///< One monitor heard nothing, for long.
  silent_for_two = 4,  ///< Two monitors heard nothing.
  silent_for_last = 5, ///< Its monitor had nobody else to ask.
  replaced = 6,        ///< A newer incarnation has its address.
  retired = 7,         ///< Known to be over; the reason is forgotten.
};

/// One change of the list. `joined` carries the whole record, the others only
/// its id (the rest of `member` is then at its defaults).
struct news_item {
  member_change change = member_change::joined;
  news_reason reason = news_reason::admitted;
  member_record member;
  member_id by; ///< Who decided or admitted it.

  bool operator==(const news_item&) const = default;
};

/// "Are you there?" Answered by `gossip_ack` with the same number.
struct gossip_ping {
  std::uint16_t number = 0;
  std::uint32_t target = 0; ///< `id_tag` of the incarnation that is meant.
  std::uint64_t digest = 0; ///< Of the sender's list.
  /// Set while the sender suspects the target: the refutation counter that
  /// the target must exceed.
  std::optional<std::uint32_t> suspected;
  std::vector<news_item> news;

  bool operator==(const gossip_ping&) const = default;
};

struct gossip_ack {
  std::uint16_t number = 0;
  std::uint32_t refutations = 0; ///< The sender's counter.
  std::uint64_t digest = 0;
  std::vector<news_item> news;

  bool operator==(const gossip_ack&) const = default;
};

/// "Ping that one for me." Answered by `gossip_relayed_ack`, if it answers.
struct gossip_ping_request {
  std::uint16_t number = 0;
  member_id target;
  std::optional<std::uint32_t> suspected; ///< As in the ping.

  bool operator==(const gossip_ping_request&) const = default;
};

struct gossip_relayed_ack {
  std::uint16_t number = 0; ///< Of the request.
  member_id target;
  std::uint32_t refutations = 0; ///< The target's.

  bool operator==(const gossip_relayed_ack&) const = default;
};

/// To the suspect's other monitors and to the suspect, with each probe.
struct gossip_suspicion {
  member_id about;
  std::uint32_t refutations = 0; ///< What the suspect must exceed.
  std::uint32_t age_ms = 0;      ///< How long the sender has suspected it.

  bool operator==(const gossip_suspicion&) const = default;
};

/// Refutes every suspicion of `about` with a smaller counter.
struct gossip_alive {
  member_id about;
  std::uint32_t refutations = 0;

  bool operator==(const gossip_alive&) const = default;
};

/// "Nobody pings me: you should."
struct gossip_watch_request {
  bool operator==(const gossip_watch_request&) const = default;
};

enum class introduction_kind : std::uint8_t {
  join = 1,    ///< A node that is in no group asks to be taken in.
  hello = 2,   ///< A member that may be unknown to the receiver shows itself.
  welcome = 3, ///< Answer to both: I hear you, and here is who I am.
};

struct gossip_introduction {
  introduction_kind kind = introduction_kind::join;
  member_record record; ///< The sender's. Its id is the packet's sender.
  std::uint64_t digest = 0;
  /// The sender's side, should two sides hold each other for dead: how many it
  /// counts, and the start stamp and the hash of the oldest of them.
  std::uint32_t members = 0;
  std::uint64_t oldest_ms = 0;
  std::uint64_t oldest_hash = 0;
  /// The receiver's lives up to this stamp are over for the sender; 0: none.
  std::uint64_t over_ms = 0;

  bool operator==(const gossip_introduction&) const = default;
};

/// Answer to a join that cannot be. Between members: the cluster has another
/// master than the receiver.
struct gossip_refusal {
  member_id whom;
  std::uint8_t code = 0; ///< An `ec`.
  std::string text;
  bool passes = false; ///< Whether it may be otherwise in a while: ask on.

  bool operator==(const gossip_refusal&) const = default;
};

/// Changes. With a number other than zero it wants a `gossip_news_ack`.
struct gossip_news {
  std::uint16_t number = 0;
  std::vector<news_item> items;

  bool operator==(const gossip_news&) const = default;
};

struct gossip_news_ack {
  std::uint16_t number = 0;

  bool operator==(const gossip_news_ack&) const = default;
};

/// "My list, in 64 numbers: what do you have that differs?"
struct gossip_digests {
  std::array<std::uint64_t, digest_bucket_count> buckets{};

  bool operator==(const gossip_digests&) const = default;
};

/// All live members of the sender whose hash lies in [first, last]; what the
/// receiver has there and misses here, it sends back as news.
struct gossip_page {
  std::uint64_t digest = 0; ///< Of the sender's whole list.
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  bool more
    = false; ///< Last page of this answer, and there is more: ask again.
  std::vector<member_record> records;

  bool operator==(const gossip_page&) const = default;
};

using gossip_body
  = std::variant<std::monostate, gossip_ping, gossip_ack, gossip_ping_request,
                 gossip_relayed_ack, gossip_suspicion, gossip_alive,
                 gossip_watch_request, gossip_introduction, gossip_refusal,
                 gossip_news, gossip_news_ack, gossip_digests, gossip_page>;

/// What `from` says in one datagram. The kind on the wire is the index of the
/// body's alternative: append only. `std::monostate` stands for an unknown one.
struct gossip_packet {
  member_id from;
  gossip_body body;

  bool operator==(const gossip_packet&) const = default;
};

/// Index of the body's alternative; smaller than `gossip_kind_count`.
[[nodiscard]] std::uint8_t kind_of(const gossip_packet& x);
inline constexpr std::size_t gossip_kind_count
  = std::variant_size_v<gossip_body>;

/// "ping", "ack", …: the classes that `bandwidth` counts by.
[[nodiscard]] std::string_view gossip_kind_name(std::uint8_t kind);

/// The socket that packets of this kind travel by.
[[nodiscard]] socket_kind socket_of(const gossip_packet& x);

/// Whether every field is within its limits and of use. A packet that is not
/// must change nothing, whoever sealed it.
/// @returns `ec::malformed`.
[[nodiscard]] result<nothing> validate(const gossip_packet& x);
[[nodiscard]] result<nothing> validate(const member_record& x);

/// Upper bounds of the encoded size, for filling pages.
[[nodiscard]] std::size_t encoded_bytes_max(const member_record& x);
[[nodiscard]] std::size_t encoded_bytes_max(const news_item& x);

/// Stable across platforms and releases: positions on the ring, digests and
/// tags are made of it (never of `std::hash`).
[[nodiscard]] std::uint64_t stable_hash(const member_id& x);

/// Names an incarnation in a ping, where 4 bytes must do. Never zero.
[[nodiscard]] std::uint32_t id_tag(const member_id& x);

} // namespace dfs::msg

#include "messages/gossip_inspect.hpp"
