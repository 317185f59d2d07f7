#pragma once

#include "support/sim/multicast.hpp"

#include <chrono>
#include <vector>

namespace dfs::sim {

/// Does harm to a multicast group; all of it heals.
class multicast_trouble {
public:
  using duration = std::chrono::nanoseconds;

  explicit multicast_trouble(multicast_cluster& cluster);

  /// One fault of any kind now, and its end later.
  void strike();

  void crash(node_index i, duration lasts, bool power);
  void crash_all(duration lasts, bool power);
  /// Its disk is gone, too: it comes back with nothing.
  void empty(node_index i, duration lasts);
  /// Whoever is down comes back at once.
  void bring_back();
  /// It comes back with an older copy of its disk.
  void put_back(node_index i, const multicast_disk& older, duration lasts);
  void pause(node_index i, duration lasts);
  /// Its disk hangs: it is heard as before, and no write of it ends.
  void hang(node_index i, duration lasts);
  void cut_one_way(node_index from, node_index to, duration lasts);
  void cut(node_index a, node_index b, duration lasts);
  /// It hears, and is not heard.
  void mute(node_index i, duration lasts);
  /// Up and down, and up again.
  void flap(node_index i, duration lasts);
  /// A verdict of the failure detector, which may be wrong.
  void accuse(node_index who, node_index of);
  void split(std::size_t sides, duration lasts);
  /// It ends when it does what `kinds` names, or something like it.
  void doom(node_index i, const std::vector<multicast_doom>& kinds,
            std::uint32_t count, duration lasts);
  /// While attempts are made, the logs of some are slow, and processes die: so
  /// many of them fail in a row, if so many are made in that time.
  void fail_attempts(std::uint64_t count, duration at_most);
  void end();

  [[nodiscard]] node_index any();
  [[nodiscard]] node_index other(node_index i);
  /// Who may lose its state: under `highest-id` the highest server may not.
  [[nodiscard]] node_index expendable();
  [[nodiscard]] duration up_to(duration x);
  void wait(duration least, duration spread);
  /// How many are running now.
  [[nodiscard]] std::size_t up() const;

private:
  /// Whoever died of its doom comes back.
  void revive();
  /// The last one that any server has on its way to the disk.
  [[nodiscard]] msg::configuration_id last_attempt();

  multicast_cluster& cluster_;
  sim::world& world_;
  std::vector<virtual_time> back_; ///< When a node shall be started; or max.
  bool over_ = false;
};

/// Deaths at each message and effect of a change.
[[nodiscard]] const std::vector<multicast_doom>& deaths_in_changes();
/// At any message and effect.
[[nodiscard]] const std::vector<multicast_doom>& all_deaths();

} // namespace dfs::sim
