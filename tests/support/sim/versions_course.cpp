#include "support/sim/versions_course.hpp"

#include "support/sim/rest.hpp"
#include "support/sim/versions_client.hpp"

#include <fmt/format.h>

namespace dfs::sim {

using namespace std::chrono_literals;

namespace {

constexpr auto rest_at_most = 60s;
constexpr auto lists_true_within = 5s;
constexpr auto told_within = 60s;

version_client& client(version_cluster& cluster, node_index i) {
  return static_cast<version_client&>(*cluster.world().at(i).program());
}

std::uint64_t operations(version_cluster& cluster) {
  std::uint64_t sum = 0;
  for (auto i = cluster.first_client(); i < cluster.clients_end(); ++i)
    sum += client(cluster, i).puts();
  return sum;
}

} // namespace

bool idle(version_cluster& cluster) {
  for (auto i = cluster.first_client(); i < cluster.clients_end(); ++i)
    if (!client(cluster, i).idle())
      return false;
  return true;
}

versions_run finish(version_cluster& cluster) {
  using note = core::version_note_line::kind;
  versions_run run;
  auto& world = cluster.world();
  for (auto i = cluster.first_client(); i < cluster.clients_end(); ++i)
    client(cluster, i).conclude();
  if (!world.broken())
    if (auto why = cluster.judge())
      world.report("history", *why);
  run.events = world.events();
  for (const auto& x : cluster.past()) {
    const bool put = x.op == history::verb::write;
    run.puts += put && x.result == history::outcome::done ? 1 : 0;
    run.gets += put ? 0 : 1;
    run.unknown += x.result == history::outcome::unknown ? 1 : 0;
  }
  run.changes = cluster.notes()[note::set_in_force];
  run.failed = cluster.notes()[note::server_failed];
  if (world.broken()) {
    std::vector<node_index> about;
    for (node_index i = 0; i < world.size(); ++i)
      about.push_back(i);
    run.broken = world.story(about);
  }
  return run;
}

versions_run under(const versions_options& options, link_quality quality,
                   const versions_harm& harm) {
  version_cluster cluster{options};
  auto& world = cluster.world();
  world.net().set_quality(quality);
  cluster.start_all();
  world.run_for(3s);
  version_trouble faults{cluster};
  const auto end = world.now() + 20s;
  while (world.now() < end && !world.broken())
    harm(cluster, faults);
  faults.end();
  world.net().set_quality(link_quality{});
  come_to_rest(cluster);
  return finish(cluster);
}

link_quality bad_network() {
  return {.loss = percent(3),
          .duplicate = percent(2),
          .straggler = percent(3),
          .lateness = 3s};
}

link_quality poor_network() {
  return {.loss = percent(1),
          .duplicate = percent(1),
          .straggler = percent(1),
          .lateness = 1s};
}

void come_to_rest(version_cluster& cluster) {
  auto& world = cluster.world();
  const auto before = operations(cluster);
  const auto works
    = [&] { return cluster.resting() || operations(cluster) > before + 10; };
  if (!rests(
        cluster, rest_at_most, works, [&] { return idle(cluster); },
        "clients cannot change files any more"))
    return;
  const auto told_by = world.now() + told_within; // SPEC S11
  while (!world.broken() && cluster.next_untold() && world.now() < told_by)
    world.run_for(97ms);
  if (!world.broken() && cluster.next_untold())
    world.report("memory", "S11: nobody tells what became of a put");
  const auto true_by = world.now() + lists_true_within; // SPEC S9
  while (!world.broken() && !cluster.untrue_lists().empty()
         && world.now() < true_by)
    world.run_for(97ms);
  if (const auto why = cluster.untrue_lists(); !why.empty())
    world.report("lists", fmt::format("S9:{}", why));
  world.check_now();
}

} // namespace dfs::sim
