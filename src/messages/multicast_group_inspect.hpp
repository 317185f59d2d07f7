#pragma once

#include "messages/multicast_group.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

// How what servers of a group say of configurations becomes bytes: in packets
// (multicast_inspect.hpp) and in logs. Layout: docs/protocols/multicast.md,
// Bytes.

namespace dfs::msg::detail {

/// What a varint would make nine or ten bytes of.
template <class Inspector>
void pack_hash(Inspector& f, std::uint64_t& x) {
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

/// @pre below 2^16, as settings have it.
template <class Inspector>
void pack(Inspector& f, server_id& x) {
  auto number = static_cast<std::uint16_t>(x.value());
  f(number);
  x = server_id{number};
}

template <class Inspector>
void pack(Inspector& f, store_id& x) {
  auto number = x.value();
  pack_hash(f, number);
  x = store_id{number};
}

/// A place as its distance from another one, which is near.
template <class Inspector>
void pack_near(Inspector& f, std::uint64_t near, std::uint64_t& x) {
  auto distance = static_cast<std::int64_t>(x - near);
  f(distance);
  x = near + static_cast<std::uint64_t>(distance);
}

template <class Inspector>
void pack(Inspector& f, configuration_id& x) {
  f(x.epoch);
  pack(f, x.leader);
}

// What follows in sequences.
template <class Inspector>
void pack(Inspector& f, group_member& x);
template <class Inspector>
void pack(Inspector& f, group_configuration& x);
template <class Inspector>
void pack(Inspector& f, std::pair<configuration_id, std::uint64_t>& x);

/// At most 255 elements.
template <class Inspector, class T>
void pack_each(Inspector& f, std::vector<T>& all) {
  auto count = static_cast<std::uint8_t>(all.size());
  f(count);
  if constexpr (Inspector::writes_state)
    all.resize(count);
  for (auto& x : all)
    pack(f, x);
}

template <class Inspector>
void pack(Inspector& f, group_member& x) {
  pack(f, x.server);
  pack(f, x.store);
  f(x.life);
}

template <class Inspector>
void pack(Inspector& f, group_configuration& x) {
  pack(f, x.id);
  pack(f, x.previous);
  f(x.first);
  pack_each(f, x.members);
}

template <class Inspector>
void pack(Inspector& f, std::pair<configuration_id, std::uint64_t>& x) {
  pack(f, x.first);
  f(x.second);
}

template <class Inspector>
void pack(Inspector& f, member_standing& x) {
  pack(f, x.who);
  pack(f, x.promised);
  pack(f, x.known);
  pack(f, x.lineage);
  pack_each(f, x.attempts);
  f(x.fit, x.forced, x.stalled, x.forgetful, x.marks);
}

} // namespace dfs::msg::detail
