#include "support/sim/multicast_trouble.hpp"

#include <algorithm>

namespace dfs::sim {

using namespace std::chrono_literals;

multicast_trouble::multicast_trouble(multicast_cluster& cluster)
  : cluster_{cluster},
    world_{cluster.world()},
    back_(cluster.options().servers, virtual_time::max()) {
  revive();
}

node_index multicast_trouble::any() {
  return static_cast<node_index>(
    world_.random().below(cluster_.options().servers));
}

node_index multicast_trouble::other(node_index i) {
  const auto n = cluster_.options().servers;
  if (n == 1)
    return i;
  return (i + 1 + static_cast<node_index>(world_.random().below(n - 1))) % n;
}

node_index multicast_trouble::expendable() {
  const auto i = any();
  const auto& options = cluster_.options();
  const bool needed = options.config.rule == core::primary_rule::highest_id
                      && i + 1 == options.servers;
  return needed ? other(i) : i;
}

multicast_trouble::duration multicast_trouble::up_to(duration x) {
  return sim::up_to(world_.random(), x);
}

void multicast_trouble::wait(duration least, duration spread) {
  world_.run_for(least + up_to(spread));
}

std::size_t multicast_trouble::up() const {
  std::size_t count = 0;
  for (node_index i = 0; i < cluster_.options().servers; ++i)
    count += world_.at(i).state() == node_state::running ? 1 : 0;
  return count;
}

void multicast_trouble::revive() {
  if (over_)
    return;
  for (node_index i = 0; i < back_.size(); ++i) {
    if (world_.at(i).state() != node_state::down)
      continue;
    if (back_[i] == virtual_time::max()) {
      back_[i] = world_.now() + 10ms + up_to(1'500ms);
      if (world_.random().one_in(2))
        cluster_.lose_power(i);
    } else if (back_[i] <= world_.now()) {
      back_[i] = virtual_time::max();
      cluster_.start(i);
    }
  }
  world_.after(10ms, [this] { revive(); });
}

// -- faults -------------------------------------------------------------------

void multicast_trouble::crash(node_index i, duration lasts, bool power) {
  if (world_.at(i).state() == node_state::down)
    return;
  cluster_.crash(i, power);
  back_[i] = world_.now() + lasts;
}

void multicast_trouble::crash_all(duration lasts, bool power) {
  for (node_index i = 0; i < cluster_.options().servers; ++i)
    crash(i, 50ms + up_to(lasts), power);
}

void multicast_trouble::empty(node_index i, duration lasts) {
  crash(i, lasts, false);
  cluster_.wipe(i);
}

void multicast_trouble::bring_back() {
  for (auto& x : back_)
    if (x != virtual_time::max())
      x = world_.now();
}

void multicast_trouble::put_back(node_index i, const multicast_disk& older,
                                 duration lasts) {
  crash(i, lasts, false);
  cluster_.put_back(i, older);
}

void multicast_trouble::pause(node_index i, duration lasts) {
  if (world_.at(i).state() == node_state::running)
    world_.pause(i, lasts);
}

void multicast_trouble::hang(node_index i, duration lasts) {
  cluster_.disk(i).hangs_until = world_.now() + lasts;
}

void multicast_trouble::cut_one_way(node_index from, node_index to,
                                    duration lasts) {
  world_.net().cut(from, to);
  world_.after(lasts, [this, from, to] { world_.net().mend(from, to); });
}

void multicast_trouble::cut(node_index a, node_index b, duration lasts) {
  cut_one_way(a, b, lasts);
  cut_one_way(b, a, lasts);
}

void multicast_trouble::mute(node_index i, duration lasts) {
  for (node_index j = 0; j < cluster_.options().servers; ++j)
    if (j != i)
      cut_one_way(i, j, lasts);
}

void multicast_trouble::flap(node_index i, duration lasts) {
  const auto period = 100ms + up_to(1'200ms);
  for (auto t = 0ns; t < lasts; t += 2 * period)
    world_.after(t, [this, i, period] {
      for (node_index j = 0; j < cluster_.options().servers; ++j)
        if (j != i)
          cut(i, j, period);
    });
}

void multicast_trouble::split(std::size_t sides, duration lasts) {
  std::vector<std::vector<node_index>> all(sides);
  for (node_index i = 0; i < cluster_.options().servers; ++i)
    all[world_.random().below(sides)].push_back(i);
  world_.net().split(all);
  world_.after(lasts, [this] { world_.net().heal(); });
}

void multicast_trouble::accuse(node_index who, node_index of) {
  if (world_.at(who).state() != node_state::running)
    return;
  const life_id life{world_.at(of).life()};
  world_.act(who, [this, who, of, life] {
    cluster_.server(who)->suspect(cluster_.server_of(of), life);
  });
}

void multicast_trouble::doom(node_index i,
                             const std::vector<multicast_doom>& kinds,
                             std::uint32_t count, duration lasts) {
  auto x = kinds[world_.random().below(kinds.size())];
  x.count = 1 + static_cast<std::uint32_t>(world_.random().below(count));
  cluster_.doom(i, x);
  world_.after(lasts, [this, i] {
    if (auto* program = cluster_.server(i))
      program->doom().reset();
  });
}

void multicast_trouble::strike() {
  const auto i = any();
  auto& random = world_.random();
  switch (random.below(11)) {
    case 0:
    case 1:
      crash(i, 20ms + up_to(2s), random.one_in(2));
      break;
    case 2:
      pause(i, 50ms + up_to(2'500ms));
      break;
    case 3:
      cut(i, other(i), 100ms + up_to(3s));
      break;
    case 4:
      cut_one_way(i, other(i), 100ms + up_to(3s));
      break;
    case 5:
      mute(i, 100ms + up_to(2s));
      break;
    case 6:
      flap(i, up_to(4s));
      break;
    case 7:
      split(2 + random.below(2), 200ms + up_to(3s));
      break;
    case 8:
      accuse(i, other(i));
      break;
    case 9:
      hang(i, 50ms + up_to(4s));
      break;
    default:
      doom(i, all_deaths(), 4, 2s);
      break;
  }
}

msg::configuration_id multicast_trouble::last_attempt() {
  msg::configuration_id last;
  for (node_index i = 0; i < cluster_.options().servers; ++i)
    if (auto* program = cluster_.server(i))
      for (const auto& x : program->machine().record().attempts)
        last = std::max(last, x.id);
  return last;
}

void multicast_trouble::fail_attempts(std::uint64_t count, duration at_most) {
  auto& random = world_.random();
  const auto end = world_.now() + at_most;
  auto before = last_attempt();
  while (count > 0 && world_.now() < end && !world_.broken()) {
    world_.run_for(200us);
    const auto last = last_attempt();
    if (last <= before)
      continue;
    before = last;
    --count;
    world_.run_for(up_to(8ms)); // It is at some, or at all.
    for (node_index i = 0; i < cluster_.options().servers; ++i)
      if (random.one_in(2))
        hang(i, 300ms + up_to(300ms));
    if (random.one_in(4))
      crash(any(), 10ms + up_to(1s), random.one_in(2));
  }
}

void multicast_trouble::end() {
  over_ = true;
  world_.net().heal();
  for (node_index i = 0; i < cluster_.options().servers; ++i) {
    if (auto* program = cluster_.server(i))
      program->doom().reset();
    cluster_.start(i);
  }
}

namespace {

using deed = multicast_doom::deed;

// Parts by their place in `msg::multicast_part`.
constexpr std::size_t first_of_change = 6;
constexpr std::size_t last_of_change = 10;

std::vector<multicast_doom> between(std::size_t first, std::size_t last) {
  std::vector<multicast_doom> all;
  for (auto part = first; part <= last; ++part) {
    all.push_back({deed::sends, part, 1});
    all.push_back({deed::hears, part, 1});
  }
  all.push_back({deed::stores, 2, 1}); // A record.
  all.push_back({deed::is_stored, 0, 1});
  all.push_back({deed::takes_input, 0, 1});
  return all;
}

} // namespace

const std::vector<multicast_doom>& deaths_in_changes() {
  static const auto all = between(first_of_change, last_of_change);
  return all;
}

const std::vector<multicast_doom>& all_deaths() {
  static const auto all = [] {
    auto x = between(0, std::variant_size_v<msg::multicast_part> - 1);
    x.push_back({deed::stores, 1, 1}); // Places.
    x.push_back({deed::stores, 3, 1}); // A whole state.
    x.push_back({deed::delivers, 0, 1});
    return x;
  }();
  return all;
}

} // namespace dfs::sim
