#include "support/sim/versions_trouble.hpp"

#include "support/sim/versions_master.hpp"

namespace dfs::sim {

using namespace std::chrono_literals;

version_trouble::version_trouble(version_cluster& cluster)
  : cluster_{cluster},
    world_{cluster.world()} {
  // nop
}

node_index version_trouble::any_server() {
  return version_cluster::first_server()
         + static_cast<node_index>(
           world_.random().below(cluster_.options().servers));
}

node_index version_trouble::any_client() {
  return cluster_.first_client()
         + static_cast<node_index>(
           world_.random().below(cluster_.options().clients));
}

node_index version_trouble::other(node_index server) {
  const auto n = cluster_.options().servers;
  const auto step = 1 + static_cast<node_index>(world_.random().below(n - 1));
  return version_cluster::first_server()
         + (server - version_cluster::first_server() + step) % n;
}

node_index version_trouble::any_primary() {
  std::vector<node_index> all;
  if (auto* master = cluster_.master())
    for (const auto& [group, x] : master->machine().groups())
      if (x.primary != store_id{})
        all.push_back(version_cluster::node_of(x.primary));
  return all.empty() ? any_server() : all[world_.random().below(all.size())];
}

version_trouble::duration version_trouble::up_to(duration x) {
  return sim::up_to(world_.random(), x);
}

void version_trouble::wait(duration least, duration spread) {
  world_.run_for(least + up_to(spread));
}

// -- faults -------------------------------------------------------------------

void version_trouble::crash(node_index i, duration lasts, bool power) {
  if (world_.at(i).state() == node_state::down)
    return;
  cluster_.crash(i, power);
  world_.after(lasts, [this, i] { cluster_.start(i); });
}

void version_trouble::crash_all(duration lasts, bool power) {
  for (node_index i = 0; i < cluster_.options().servers; ++i)
    crash(version_cluster::first_server() + i, 50ms + up_to(lasts), power);
}

void version_trouble::pause(node_index i, duration lasts) {
  if (world_.at(i).state() == node_state::running)
    world_.pause(i, lasts);
}

void version_trouble::cut_one_way(node_index from, node_index to,
                                  duration lasts) {
  world_.net().cut(from, to);
  world_.after(lasts, [this, from, to] { world_.net().mend(from, to); });
}

void version_trouble::cut(node_index a, node_index b, duration lasts) {
  const auto which = world_.random().below(3);
  if (which != 0)
    cut_one_way(a, b, lasts);
  if (which != 1)
    cut_one_way(b, a, lasts);
}

void version_trouble::mute(node_index i, duration lasts) {
  for (node_index j = 0; j < cluster_.first_client(); ++j)
    if (j != i)
      cut_one_way(i, j, lasts);
}

void version_trouble::shatter(duration lasts) {
  for (node_index i = 0; i < cluster_.first_client(); ++i)
    for (node_index j = 0; j < cluster_.first_client(); ++j)
      if (i != j)
        cut_one_way(i, j, lasts);
}

void version_trouble::break_link(node_index i) {
  const auto master = version_cluster::master_node();
  if (world_.at(master).state() != node_state::running)
    return;
  world_.act(master, [this, i] {
    cluster_.master()->link_lost(version_cluster::store_of(i),
                                 cluster_.boot_of(i));
  });
}

void version_trouble::strike() {
  const auto i = any_server();
  switch (world_.random().below(14)) {
    case 0:
    case 1:
      return crash(i, 50ms + up_to(3s), false);
    case 2:
      return crash(i, 50ms + up_to(3s), true);
    case 3:
      return pause(i, 100ms + up_to(4s));
    case 4:
    case 5:
      return crash(version_cluster::master_node(), 50ms + up_to(2s), false);
    case 6:
      return cut(i, version_cluster::master_node(), up_to(5s));
    case 7:
      return cut(i, other(i), up_to(4s));
    case 8:
      return mute(i, up_to(4s));
    case 9:
      return cut(i, any_client(), up_to(3s));
    case 10:
      return crash_all(1s, true);
    case 11:
      crash(i, 50ms + up_to(3s), false);
      return crash(other(i), 50ms + up_to(3s), false);
    case 12:
      crash(version_cluster::master_node(), 50ms + up_to(1s), false);
      return crash(i, 50ms + up_to(3s), world_.random().one_in(2));
    default:
      return break_link(i);
  }
}

void version_trouble::end() {
  world_.net().heal();
  for (node_index i = 0; i < cluster_.first_client(); ++i)
    cluster_.start(i);
}

} // namespace dfs::sim
