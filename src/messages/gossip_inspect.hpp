#pragma once

#include "messages/gossip.hpp"

#include <algorithm>
#include <utility>

// How gossip becomes bytes: the functions that `wire::encoder` and
// `wire::decoder` call. Include messages/gossip.hpp instead. Gossip never
// travels as a CAF message, so these know the two codecs only.

namespace dfs::msg::detail {

// In the byte of the kind.
inline constexpr std::uint8_t has_suspicion = 0x40;
inline constexpr std::uint8_t has_news = 0x80;

/// Eight bytes that a varint would make nine or ten.
template <class Inspector>
void pack_fixed(Inspector& f, std::uint64_t& x) {
  std::array<std::uint8_t, 8> bytes{};
  if constexpr (Inspector::reads_state)
    for (std::size_t i = 0; i < bytes.size(); ++i)
      bytes[i] = static_cast<std::uint8_t>(x >> (8 * i));
  f(bytes);
  if constexpr (Inspector::writes_state) {
    x = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i)
      x |= std::uint64_t{bytes[i]} << (8 * i);
  }
}

template <class Inspector>
void pack_fixed(Inspector& f, std::uint32_t& x) {
  auto low = static_cast<std::uint16_t>(x);
  auto high = static_cast<std::uint16_t>(x >> 16);
  f(low, high);
  x = (std::uint32_t{high} << 16) | low;
}

/// 4 and 4 bytes, or 6 and 16: an IPv4 address is not sent as a mapped one.
template <class Inspector>
void pack(Inspector& f, ip_address& x) {
  std::uint8_t family = x.is_v4() ? 4 : 6;
  f(family);
  if (family != 4) {
    f(x.bytes);
    // Only one spelling per address: a mapped one under 6 is no address.
    if constexpr (Inspector::writes_state)
      if (family != 6 || x.is_v4())
        x = ip_address{};
    return;
  }
  std::array<std::uint8_t, 4> low{};
  std::copy(x.bytes.begin() + 12, x.bytes.end(), low.begin());
  f(low);
  if constexpr (Inspector::writes_state) {
    x = ip_address{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}};
    std::copy(low.begin(), low.end(), x.bytes.begin() + 12);
  }
}

template <class Inspector>
void pack(Inspector& f, member_id& x) {
  pack(f, x.ip);
  f(x.group_port, x.start_ms);
}

/// Without the address of the sender's other planes, which is `id.ip`.
template <class Inspector>
void pack(Inspector& f, member_record& x) {
  pack(f, x.id);
  f(x.name, x.roles, x.store, x.ping_port, x.control_port, x.stream_port,
    x.http_port, x.zone, x.version, x.term);
}

template <class Inspector>
void pack(Inspector& f, news_item& x) {
  f(x.change, x.reason);
  if (x.change == member_change::joined)
    pack(f, x.member);
  else
    pack(f, x.member.id);
  pack(f, x.by);
}

/// A count byte and the elements: a datagram has no room for 256 of them.
template <class Inspector, class T>
void pack(Inspector& f, std::vector<T>& xs) {
  auto count = static_cast<std::uint8_t>(xs.size());
  f(count);
  if constexpr (Inspector::writes_state) {
    // No element is smaller than a byte: what cannot be takes little memory,
    // and one element too many is left, whose reading fails.
    if (count > f.left().size())
      count = static_cast<std::uint8_t>(f.left().size() + 1);
    xs.assign(count, T{});
  }
  for (auto& x : xs)
    pack(f, x);
}

template <class Inspector>
void pack_suspicion(Inspector& f, std::uint8_t flags,
                    std::optional<std::uint32_t>& x) {
  if ((flags & has_suspicion) == 0)
    return;
  if constexpr (Inspector::writes_state)
    x.emplace();
  f(*x);
}

template <class Inspector>
void pack_news(Inspector& f, std::uint8_t flags, std::vector<news_item>& xs) {
  if ((flags & has_news) != 0)
    pack(f, xs);
}

// One overload per kind. `flags` is the kind's byte without the kind.

template <class Inspector>
void pack(Inspector&, std::uint8_t, std::monostate&) {
  // Its bytes stay unread, and the decoder refuses what is left over.
}

template <class Inspector>
void pack(Inspector& f, std::uint8_t flags, gossip_ping& x) {
  f(x.number);
  pack_fixed(f, x.target);
  pack_fixed(f, x.digest);
  pack_suspicion(f, flags, x.suspected);
  pack_news(f, flags, x.news);
}

template <class Inspector>
void pack(Inspector& f, std::uint8_t flags, gossip_ack& x) {
  f(x.number, x.refutations);
  pack_fixed(f, x.digest);
  pack_news(f, flags, x.news);
}

template <class Inspector>
void pack(Inspector& f, std::uint8_t flags, gossip_ping_request& x) {
  f(x.number);
  pack(f, x.target);
  pack_suspicion(f, flags, x.suspected);
}

template <class Inspector>
void pack(Inspector& f, std::uint8_t, gossip_relayed_ack& x) {
  f(x.number);
  pack(f, x.target);
  f(x.refutations);
}

template <class Inspector>
void pack(Inspector& f, std::uint8_t, gossip_suspicion& x) {
  pack(f, x.about);
  f(x.refutations, x.age_ms);
}

template <class Inspector>
void pack(Inspector& f, std::uint8_t, gossip_alive& x) {
  pack(f, x.about);
  f(x.refutations);
}

template <class Inspector>
void pack(Inspector&, std::uint8_t, gossip_watch_request&) {
  // The sender is all it says.
}

template <class Inspector>
void pack(Inspector& f, std::uint8_t, gossip_introduction& x) {
  f(x.kind);
  pack(f, x.record);
  pack_fixed(f, x.digest);
  f(x.members, x.oldest_ms);
  pack_fixed(f, x.oldest_hash);
  f(x.over_ms);
}

template <class Inspector>
void pack(Inspector& f, std::uint8_t, gossip_refusal& x) {
  pack(f, x.whom);
  f(x.code, x.text, x.passes);
}

template <class Inspector>
void pack(Inspector& f, std::uint8_t, gossip_news& x) {
  f(x.number);
  pack(f, x.items);
}

template <class Inspector>
void pack(Inspector& f, std::uint8_t, gossip_news_ack& x) {
  f(x.number);
}

template <class Inspector>
void pack(Inspector& f, std::uint8_t, gossip_digests& x) {
  for (auto& bucket : x.buckets)
    pack_fixed(f, bucket);
}

template <class Inspector>
void pack(Inspector& f, std::uint8_t, gossip_page& x) {
  pack_fixed(f, x.digest);
  pack_fixed(f, x.first);
  pack_fixed(f, x.last);
  f(x.more);
  pack(f, x.records);
}

/// The bits that tell which optional fields follow.
[[nodiscard]] std::uint8_t flags_of(const gossip_body& x);

/// Makes `x` the alternative of that index; an unknown one the first.
template <std::size_t... Is>
void emplace_kind(gossip_body& x, std::size_t kind,
                  std::index_sequence<Is...>) {
  x.emplace<0>();
  ((kind == Is ? void(x.emplace<Is>()) : void()), ...);
}

} // namespace dfs::msg::detail

namespace dfs::msg {

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, gossip_packet& x) {
  std::uint8_t protocol = membership_protocol;
  std::uint8_t kind = kind_of(x);
  if constexpr (Inspector::reads_state)
    kind = static_cast<std::uint8_t>(kind | detail::flags_of(x.body));
  f(protocol, kind);
  constexpr std::uint8_t all_flags = detail::has_suspicion | detail::has_news;
  if constexpr (Inspector::writes_state)
    detail::emplace_kind(
      x.body, protocol == membership_protocol ? kind & ~all_flags : 0,
      std::make_index_sequence<std::variant_size_v<gossip_body>>{});
  detail::pack(f, x.from);
  const auto flags = static_cast<std::uint8_t>(kind & all_flags);
  std::visit([&](auto& body) { detail::pack(f, flags, body); }, x.body);
}

} // namespace dfs::msg
