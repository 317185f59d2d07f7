#pragma once

#include "base/rng.hpp"
#include "wire/seal.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

namespace dfs::test {

inline wire::key_ring ring_of(const std::string& text) {
  return *wire::key_ring::parse(text);
}

inline wire::key_ring cluster_ring() {
  return ring_of("1 " + std::string(64, 'a'));
}

/// A node as far as its seal goes. `restart` forgets all, as a process does.
struct sealed_node {
  endpoint address;
  std::uint64_t boot = 0;
  wire::key_ring ring = cluster_ring();
  wire::opener_config config{};
  std::unique_ptr<wire::group_seal> seal{};

  sealed_node(const std::string& where, std::uint64_t first_boot)
    : address{*endpoint::parse(where)},
      boot{first_boot} {
    restart();
  }

  void restart(std::uint64_t first = 1) {
    ++boot;
    std::string secret(32, '\0');
    for (std::size_t i = 0; i < 8; ++i)
      secret[i] = static_cast<char>(boot >> (8 * i));
    seal = std::make_unique<wire::group_seal>(
      ring,
      wire::group_seal::identity{wire::sender_of(address), boot_id{boot},
                                 secret, first},
      config);
  }

  std::string
  say(const sealed_node& to, std::string_view body, instant now = instant{}) {
    const auto datagram = seal->seal(socket_kind::ping, to.address, body, now);
    EXPECT_TRUE(datagram);
    return std::string{datagram.value_or("")};
  }

  /// What became of it, with copies instead of views.
  struct heard {
    wire::open_outcome outcome;
    std::string body;
    std::string reply;
    endpoint to;
  };

  heard hear(const sealed_node& from, std::string_view datagram,
             instant now = instant{}) {
    const auto x = seal->open(socket_kind::ping, from.address, datagram, now);
    return {x.outcome, std::string{x.body}, std::string{x.reply}, x.to};
  }
};

/// Says `body` and carries challenge and answer if there are any.
/// @returns what was delivered, or nothing.
inline std::string carry(sealed_node& from, sealed_node& to,
                         std::string_view body, instant now = instant{}) {
  const auto first = to.hear(from, from.say(to, body, now), now);
  if (first.outcome != wire::open_outcome::unproven)
    return first.body;
  EXPECT_EQ(first.to, from.address);
  const auto challenged = from.hear(to, first.reply, now);
  EXPECT_EQ(challenged.to, to.address);
  return to.hear(from, challenged.reply, now).body;
}

} // namespace dfs::test
