#pragma once

#include "base/rng.hpp"
#include "messages/multicast.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace dfs::msg {

/// Packets of the ordered multicast; every value is within what their format is
/// made for.
struct random_packets {
  rng random;

  std::uint64_t below(std::uint64_t limit) {
    return random.below(limit);
  }
  /// Small ones, and those with every bit.
  std::uint64_t up_to_bits(unsigned bits) {
    return any() >> (64 - (1 + below(bits)));
  }
  std::uint64_t any() {
    return random.below(~std::uint64_t{0});
  }
  bool flag() {
    return below(2) == 1;
  }
  std::uint64_t place() {
    return 1 + up_to_bits(48);
  }
  server_id server() {
    return server_id{1 + below(65'535)};
  }
  life_id life() {
    return life_id{1 + up_to_bits(48)};
  }
  std::string bytes(std::size_t most) {
    std::string x(below(most + 1), '\0');
    for (auto& c : x)
      c = static_cast<char>(below(256));
    return x;
  }
  configuration_id id() {
    if (below(4) == 0)
      return {};
    return {1 + up_to_bits(34), server()};
  }
  group_configuration configuration() {
    group_configuration x;
    x.id = {1 + up_to_bits(34), server()};
    x.previous = id();
    x.first = place();
    auto next = below(1'000) + 1;
    for (auto left = 1 + below(group_servers_max); left > 0; --left) {
      x.members.push_back({server_id{next}, store_id{any()}, life()});
      next += 1 + below(1'000);
    }
    return x;
  }
  std::vector<group_configuration> attempts() {
    std::vector<group_configuration> all(below(4));
    for (auto& x : all) {
      x.id = id();
      x.members = configuration().members;
      for (auto& member : x.members)
        member.life = {};
    }
    return all;
  }
  group_history history() {
    group_history all(below(group_history_max + 1));
    for (auto& x : all)
      x = {id(), place()};
    return all;
  }
  message_body body(std::size_t most = multicast_body_bytes_max) {
    return {{server(), life(), place()},
            static_cast<body_kind>(1 + below(4)),
            bytes(most)};
  }
  member_standing standing() {
    return {{server(), store_id{any()}, life()},
            id(),
            configuration(),
            id(),
            attempts(),
            flag(),
            flag(),
            flag(),
            flag(),
            std::vector<std::uint64_t>(below(group_servers_max + 1), place())};
  }
  group_beacon beacon() {
    group_beacon x{standing(), {}, server(), id(), place(), flag()};
    x.heard.resize(below(group_servers_max + 1), server());
    return x;
  }
  items_fetched items() {
    items_fetched x{id(), id(), place(), any(), 0, history(), {}};
    x.final = x.after + below(8'192);
    auto k = x.after;
    for (auto left = below(5); left > 0; --left)
      x.items.push_back({++k, body(200)});
    return x;
  }
  multicast_nack nack() {
    multicast_nack x;
    x.orders.resize(below(nack_places_max), place());
    x.bodies.resize(below(nack_places_max), place());
    return x;
  }
  fetch_pages pages() {
    fetch_pages x{any(), {}};
    x.pages.resize(below(33), static_cast<std::uint32_t>(up_to_bits(32)));
    return x;
  }
  multicast_part part() {
    switch (below(17)) {
      case 16:
        return server_version{static_cast<std::uint8_t>(below(256)), flag()};
      case 0:
        return multicast_data{body()};
      case 1:
        return multicast_order{place(), {server(), life(), place()}};
      case 2:
        return nack();
      case 3:
        return multicast_resend{place(), body()};
      case 4:
        return multicast_nudge{place(), body()};
      case 5:
        return beacon();
      case 6:
        return gather_members{id()};
      case 7:
        return members_gathered{id(), standing(), place()};
      case 8:
        return commit_members{configuration(), configuration(), attempts(),
                              history(), server()};
      case 9:
        return member_ready{id(), any()};
      case 10:
        return install_members{id()};
      case 11:
        return fetch_items{id(), id(), place(), any(), flag()};
      case 12:
        return items();
      case 13:
        return snapshot_offered{id(), any(), place(), place(), any()};
      case 14:
        return pages();
      default:
        return page_fetched{any(), static_cast<std::uint32_t>(up_to_bits(32)),
                            bytes(1'250)};
    }
  }
  multicast_packet header() {
    multicast_packet x;
    x.group = any();
    x.sender = server();
    x.life = life();
    x.configuration = id();
    x.received = (1u << 20) + up_to_bits(47);
    if (x.configuration.epoch != 0) {
      x.stable = x.received - below(1u << 20);
      x.last = x.received + below(1u << 20);
    }
    return x;
  }
  multicast_packet packet() {
    auto x = header();
    for (auto left = below(4); left > 0; --left)
      x.parts.push_back(part());
    return x;
  }
};

} // namespace dfs::msg
