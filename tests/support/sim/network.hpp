#pragma once

#include "base/endpoint.hpp"
#include "support/sim/chance.hpp"
#include "support/sim/clock.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace dfs::sim {

/// A node's number in its world, from 0; it outlives the node's processes.
using node_index = std::uint32_t;

/// The address that a node has for all of its lives. The world's network is
/// 10.0.0.0/8: the number is in the address, so routing costs nothing.
[[nodiscard]] ip_address address_of(node_index node);

/// @returns nothing for an address that no node has.
[[nodiscard]] std::optional<node_index> node_at(const ip_address& ip);

struct datagram {
  endpoint from;
  endpoint to;
  std::string body;
  bool proven = false; ///< Has just passed the seal's challenge.
};

/// How packets fare on their way from one node to another. Delays are drawn per
/// packet, so packets overtake each other whenever the spread allows it.
struct link_quality {
  ppm loss = 0;
  ppm duplicate = 0;
  std::chrono::nanoseconds delay{100'000};  ///< The least; one way.
  std::chrono::nanoseconds jitter{400'000}; ///< Added to it, uniform.
  ppm straggler = 0;                        ///< Chance of a much later packet.
  std::chrono::nanoseconds lateness{50'000'000}; ///< Added to it, uniform.
};

/// What a node put on the wire and took from it, headers included.
struct traffic {
  std::uint64_t packets_out = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t packets_in = 0;
  std::uint64_t bytes_in = 0;
};

/// What a sealed datagram costs above its body, and what a first contact costs:
/// a receiver that does not know (sender, boot) asks back, and the answer
/// repeats the body (docs/protocols/seal.md).
struct packet_costs {
  std::uint32_t headers = 28;   ///< IPv4 and UDP.
  std::uint32_t seal = 42;      ///< Header and tag.
  std::uint32_t challenge = 32; ///< Body of the question.
  std::uint32_t nonce = 16;     ///< What the answer adds to the body.
  bool first_contact = true;    ///< Model it at all.
};

/// Decides what becomes of each packet. Holds no packets.
class network {
public:
  /// Sees every packet as it is sent and may change it; false drops it. For
  /// planted bugs and for faults that no quality describes.
  using filter = std::function<bool(datagram&)>;

  network(std::uint64_t seed, link_quality quality);

  void reseed(std::uint64_t seed) {
    random_ = rng{seed};
  }

  void set_quality(link_quality quality);
  /// For packets from `from` to `to` alone.
  void set_quality(node_index from, node_index to, link_quality quality);
  [[nodiscard]] const link_quality& quality() const {
    return quality_;
  }

  /// Nothing passes from `from` to `to` any more; the way back stays open.
  void cut(node_index from, node_index to);
  void mend(node_index from, node_index to);
  /// Nodes of different sides cannot reach each other. Nodes that are not
  /// named are on side 0.
  void split(const std::vector<std::vector<node_index>>& sides);
  /// Ends every cut and split.
  void heal();
  [[nodiscard]] bool reachable(node_index from, node_index to) const;

  void add_filter(filter f);

  struct fate {
    std::uint32_t copies = 0; ///< At most 2.
    std::chrono::nanoseconds delays[2];
  };

  /// May change the packet (filters).
  [[nodiscard]] fate judge(node_index from, node_index to, datagram& packet);

  /// One way of a packet that is not modelled in full: its delay, or nothing
  /// when it is lost.
  [[nodiscard]] std::optional<std::chrono::nanoseconds>
  pass(node_index from, node_index to);

private:
  const link_quality& quality_of(node_index from, node_index to) const;
  [[nodiscard]] std::chrono::nanoseconds delay(const link_quality& q);

  rng random_;
  link_quality quality_;
  std::vector<std::pair<std::pair<node_index, node_index>, link_quality>>
    special_;
  std::set<std::pair<node_index, node_index>> cuts_;
  std::vector<std::uint8_t> sides_;
  std::vector<filter> filters_;
};

} // namespace dfs::sim
