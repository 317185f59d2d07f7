#pragma once

#include "core/multicast/multicast_effects.hpp"
#include "support/sim/network.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace dfs::sim {

class multicast_cluster;

/// Sees what all servers say, deliver and install, over all their lives, and
/// knows what must never be (docs/protocols/multicast.md, M1 …).
class multicast_witness {
public:
  explicit multicast_witness(multicast_cluster& cluster) : cluster_{cluster} {
    // nop
  }

  void sends(node_index who, const msg::multicast_packet& x);
  /// @param hash The service's, after it.
  void
  delivers(node_index who, const core::deliver_payload& x, std::uint64_t hash);
  void
  takes_over(node_index who, const core::replace_state& x, std::uint64_t hash);
  void installs(node_index who, const msg::group_configuration& x);
  void submits(node_index who, const std::string& payload);
  void refuses(const std::string& payload);
  /// Reported safe to its sender, as what that has submitted.
  void promises(const std::string& payload, const std::string& submitted);

  /// From here on all servers must have all of it.
  [[nodiscard]] std::uint64_t last() const;
  [[nodiscard]] std::uint64_t promised() const {
    return promised_.size();
  }
  [[nodiscard]] std::uint64_t submitted() const {
    return submitted_.size();
  }
  [[nodiscard]] std::uint64_t configurations() const {
    return installed_.size();
  }
  [[nodiscard]] std::uint64_t snapshots() const {
    return snapshots_;
  }
  [[nodiscard]] std::uint64_t discarded() const {
    return discarded_;
  }
  /// Of what was promised, something is nowhere in the order. At rest.
  [[nodiscard]] std::string lost() const;

private:
  using place = std::pair<std::uint64_t, std::uint32_t>;
  struct delivery {
    server_id sender;
    std::string payload;
    std::uint64_t hash = 0;
  };

  void breach(std::string what);
  [[nodiscard]] bool diverges() const;

  multicast_cluster& cluster_;
  std::map<msg::configuration_id, std::map<std::uint64_t, msg::message_number>>
    orders_;
  std::map<place, delivery> order_;
  std::map<std::string, place> places_;
  std::map<std::uint64_t, msg::group_configuration> configurations_;
  std::set<msg::configuration_id> installed_;
  std::set<std::string> submitted_;
  std::set<std::string> refused_;
  std::set<std::string> promised_;
  std::uint64_t snapshots_ = 0;
  std::uint64_t discarded_ = 0;
};

} // namespace dfs::sim
