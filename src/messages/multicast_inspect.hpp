#pragma once

#include "messages/multicast.hpp"
#include "messages/multicast_group_inspect.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <variant>

// How packets of the ordered multicast become bytes, for `wire::encode` and
// `wire::decode`; they never travel as CAF messages. Layout and bounds:
// docs/protocols/multicast.md, Bytes. `is_valid` judges what was decoded.

namespace dfs::msg::detail {

template <class Inspector>
void pack(Inspector& f, message_number& x) {
  pack(f, x.server);
  f(x.life, x.q);
}

template <class Inspector>
void pack(Inspector& f, message_body& x) {
  pack(f, x.number);
  f(x.kind, x.bytes);
}

// -- parts --------------------------------------------------------------------

template <class Inspector>
void pack(Inspector& f, multicast_data& x) {
  pack(f, x.body);
}

template <class Inspector>
void pack(Inspector& f, multicast_order& x) {
  f(x.k);
  pack(f, x.number);
}

template <class Inspector>
void pack(Inspector& f, multicast_nack& x) {
  f(x.orders, x.bodies);
}

template <class Inspector>
void pack(Inspector& f, multicast_resend& x) {
  f(x.k);
  pack(f, x.body);
}

template <class Inspector>
void pack(Inspector& f, multicast_nudge& x) {
  f(x.k);
  pack(f, x.body);
}

template <class Inspector>
void pack(Inspector& f, group_beacon& x) {
  pack(f, x.standing);
  pack_each(f, x.heard);
  pack(f, x.follows);
  pack(f, x.operating);
  f(x.final, x.answer);
}

template <class Inspector>
void pack(Inspector& f, gather_members& x) {
  pack(f, x.ballot);
}

template <class Inspector>
void pack(Inspector& f, members_gathered& x) {
  pack(f, x.ballot);
  pack(f, x.standing);
  f(x.received);
}

template <class Inspector>
void pack(Inspector& f, commit_members& x) {
  pack(f, x.next);
  pack(f, x.known);
  pack_each(f, x.attempts);
  pack_each(f, x.history);
  pack(f, x.donor);
}

template <class Inspector>
void pack(Inspector& f, member_ready& x) {
  pack(f, x.ballot);
  pack_hash(f, x.chain);
}

template <class Inspector>
void pack(Inspector& f, install_members& x) {
  pack(f, x.ballot);
}

template <class Inspector>
void pack(Inspector& f, fetch_items& x) {
  pack(f, x.lineage);
  pack(f, x.ballot);
  f(x.after);
  pack_hash(f, x.chain);
  f(x.joined);
}

template <class Inspector>
void pack(Inspector& f, items_fetched& x) {
  pack(f, x.lineage);
  pack(f, x.ballot);
  f(x.after);
  pack_hash(f, x.chain);
  pack_near(f, x.after, x.final);
  pack_each(f, x.history);
  auto count = static_cast<std::uint8_t>(x.items.size());
  f(count);
  if constexpr (Inspector::writes_state)
    x.items.resize(count);
  auto near = x.after;
  for (auto& item : x.items) {
    pack_near(f, near, item.k);
    pack(f, item.body);
    near = item.k;
  }
}

template <class Inspector>
void pack(Inspector& f, snapshot_offered& x) {
  pack(f, x.lineage);
  pack_hash(f, x.snapshot);
  f(x.k, x.bytes);
  pack_hash(f, x.hash);
}

template <class Inspector>
void pack(Inspector& f, fetch_pages& x) {
  pack_hash(f, x.snapshot);
  f(x.pages);
}

template <class Inspector>
void pack(Inspector& f, page_fetched& x) {
  pack_hash(f, x.snapshot);
  f(x.page, x.bytes);
}

template <class Inspector>
void pack(Inspector& f, server_version& x) {
  f(x.version, x.answer);
}

/// Makes `x` the alternative of that index. @returns false: there is none.
template <std::size_t... Is>
bool emplace_part(multicast_part& x, std::size_t index,
                  std::index_sequence<Is...>) {
  return ((index == Is && (x.emplace<Is>(), true)) || ...);
}

template <class Inspector>
void pack(Inspector& f, multicast_part& x) {
  auto kind = static_cast<std::uint8_t>(x.index() + 1);
  f(kind);
  if constexpr (Inspector::writes_state)
    if (!emplace_part(
          x, kind - 1u,
          std::make_index_sequence<std::variant_size_v<multicast_part>>{}))
      return f.refuse();
  std::visit([&](auto& part) { pack(f, part); }, x);
}

} // namespace dfs::msg::detail

namespace dfs::msg {

/// @pre `stable` and `last` are 0 outside a configuration; at most
///      `parts_per_packet_max` parts.
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, multicast_packet& x) {
  std::uint8_t protocol = multicast_protocol;
  f(protocol);
  if constexpr (Inspector::writes_state)
    if (protocol != multicast_protocol)
      return f.refuse();
  detail::pack_hash(f, x.group);
  detail::pack(f, x.sender);
  f(x.life);
  detail::pack(f, x.configuration);
  f(x.received);
  if (x.configuration.epoch != 0) {
    detail::pack_near(f, x.received, x.stable);
    detail::pack_near(f, x.received, x.last);
  }
  auto parts = static_cast<std::uint8_t>(x.parts.size());
  f(parts);
  if constexpr (Inspector::writes_state) {
    x.parts.clear();
    while (x.parts.size() < parts && f.ok())
      detail::pack(f, x.parts.emplace_back());
  } else {
    for (auto& part : x.parts)
      detail::pack(f, part);
  }
}

} // namespace dfs::msg
