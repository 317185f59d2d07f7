#pragma once

#include "base/endpoint.hpp"
#include "base/ids.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// The bytes of sealed datagrams: docs/formats/datagram.md.

namespace dfs::wire {

struct sender_tag {};

/// Names a node to those who open its datagrams; see `sender_of`.
using sender_id = strong_id<sender_tag>;

/// With the headers of UDP and IPv6 1,500: what Ethernet carries in one piece.
inline constexpr std::size_t datagram_bytes_max = 1'452;
inline constexpr std::size_t datagram_header_bytes = 26;
inline constexpr std::size_t seal_tag_bytes = 16;
inline constexpr std::size_t seal_bytes
  = datagram_header_bytes + seal_tag_bytes;
inline constexpr std::size_t cookie_bytes = 8;
inline constexpr std::size_t challenge_body_bytes = 1 + 4 + 2 + cookie_bytes;
inline constexpr std::size_t answer_prefix_bytes = 1 + cookie_bytes + 2;

/// Of a body that can be said again in an answer, if need be.
inline constexpr std::size_t body_bytes_max
  = datagram_bytes_max - seal_bytes - answer_prefix_bytes;

inline constexpr std::uint64_t datagram_counter_max
  = (std::uint64_t{1} << 48) - 1;

/// First bytes of bodies that belong to the seal itself.
inline constexpr std::uint8_t challenge_protocol = 0;
inline constexpr std::uint8_t answer_protocol = 255;

/// From the group address that a node tells others, so equal in all its lives.
[[nodiscard]] sender_id sender_of(const endpoint& advertised_group_address);

struct datagram_header {
  std::uint8_t generation = 0; ///< 1 to 255.
  sender_id sender;
  boot_id boot;
  std::uint64_t counter = 0; ///< 1 to `datagram_counter_max`.

  bool operator==(const datagram_header&) const = default;
};

using header_bytes = std::array<std::uint8_t, datagram_header_bytes>;

[[nodiscard]] header_bytes encode_header(const datagram_header& x);

/// Nothing for bytes that cannot be a datagram of ours.
[[nodiscard]] std::optional<datagram_header>
decode_header(std::string_view datagram);

/// Proof of freshness: made by a receiver, given back by a sender.
using cookie = std::array<std::uint8_t, cookie_bytes>;

/// "I do not know your boot: say that once more with this cookie."
struct challenge {
  std::uint32_t boot = 0;    ///< Low half of the challenged sender's boot.
  std::uint16_t counter = 0; ///< Low part of the dropped datagram's.
  cookie proof{};

  bool operator==(const challenge&) const = default;
};

[[nodiscard]] std::string encode_challenge(const challenge& x);
[[nodiscard]] std::optional<challenge> decode_challenge(std::string_view body);

/// What stands before the body that is said again.
struct answer_prefix {
  cookie proof{};
  std::uint16_t counter = 0; ///< Low part of the original's.

  bool operator==(const answer_prefix&) const = default;
};

/// Makes `out` the prefix and `body`.
void encode_answer(const answer_prefix& x, std::string_view body,
                   std::string& out);

/// Nothing for what is no answer, or one around a body of the seal's own.
[[nodiscard]] std::optional<answer_prefix> decode_answer(std::string_view body);

} // namespace dfs::wire
