#pragma once

#include "support/sim/versions.hpp"

#include <chrono>
#include <vector>

namespace dfs::sim {

/// Does harm to a cluster with versioned files; all of it heals.
class version_trouble {
public:
  using duration = std::chrono::nanoseconds;

  explicit version_trouble(version_cluster& cluster);

  /// One fault of any kind now, and its end later.
  void strike();

  void crash(node_index i, duration lasts, bool power);
  /// @param power Of all servers, at one moment.
  void crash_all(duration lasts, bool power);
  void pause(node_index i, duration lasts);
  /// One way or both, as it happens.
  void cut(node_index a, node_index b, duration lasts);
  void cut_one_way(node_index from, node_index to, duration lasts);
  /// It hears, and is not heard.
  void mute(node_index i, duration lasts);
  /// Nobody of servers and master hears another one.
  void shatter(duration lasts);
  /// The control link to the master breaks, and nothing else.
  void break_link(node_index i);
  /// Everything is up and connected again.
  void end();

  [[nodiscard]] node_index any_server();
  [[nodiscard]] node_index any_client();
  /// Another one than that.
  [[nodiscard]] node_index other(node_index server);
  /// Of some group; any server when there is none.
  [[nodiscard]] node_index any_primary();
  [[nodiscard]] duration up_to(duration x);
  /// Time passes, between `least` and `least + spread`.
  void wait(duration least, duration spread);

private:
  version_cluster& cluster_;
  sim::world& world_;
};

} // namespace dfs::sim
