#include "support/sim/membership_cuts.hpp"

#include "support/sim/membership_stage.hpp"

#include <fmt/format.h>

#include <vector>

namespace dfs::sim {

using namespace std::chrono_literals;

namespace {

constexpr std::string_view back_after = "back after it was away";
constexpr std::string_view rejoined_others = "rejoins of others";
constexpr auto patience = 60s;

double seconds(virtual_time t) {
  return std::chrono::duration<double>(t).count();
}

std::size_t lives(stage& s, const std::vector<node_index>& of) {
  std::size_t sum = 0;
  for (const auto i : of)
    sum += s.group.notes().lives(i).size();
  return sum;
}

/// Some seconds, half a minute, or much longer.
std::chrono::nanoseconds some_time(rng& random, std::chrono::seconds least) {
  switch (random.below(3)) {
    case 0:
      return least + up_to(random, 5s);
    case 1:
      return 20s + up_to(random, 40s);
    default:
      return 90s + up_to(random, 300s);
  }
}

/// Heals, and looks at who is back when, and who of the others began anew.
void mend(stage& s, const std::vector<node_index>& others, std::size_t before) {
  auto& world = s.world();
  world.net().heal();
  const auto when = world.now();
  if (!s.group.settle(patience)) {
    s.breach("cut", "lists differ a minute after a cut:"
                      + s.group.notes().difference());
    return;
  }
  s.measure(back_after, seconds(world.now() - when));
  world.run_for(10s);
  s.measure(rejoined_others, static_cast<double>(lives(s, others) - before));
  if (!s.group.settle(1s))
    s.breach("cut", "lists were equal after a cut and differ again:"
                      + s.group.notes().difference());
}

enum class fault { deaf, mute, cut_off };

// One member hears nobody, or is heard by nobody, or both.
scenario_run run_away(const scenario_options& o, fault what) {
  stage s{o};
  auto& world = s.world();
  if (!s.form())
    return s.finish();
  const auto away = s.any(s.group.running());
  std::vector<node_index> others;
  for (const auto i : s.group.running())
    if (i != away)
      others.push_back(i);
  s.group.notes().excuse_all_lives(away);
  const auto before = lives(s, others);
  for (const auto i : others) {
    if (what != fault::mute)
      world.net().cut(i, away);
    if (what != fault::deaf)
      world.net().cut(away, i);
  }
  world.run_for(some_time(world.random(), 1s));
  mend(s, others, before);
  return s.finish();
}

// Fewer than half, and more than one where there are more than four. Nobody
// need be an introducer: it may be on the other side, or gone.
scenario_run run_minority(const scenario_options& o) {
  stage s{o};
  auto& world = s.world();
  if (!s.form())
    return s.finish();
  std::vector<std::vector<node_index>> sides(2);
  auto all = s.group.running();
  const auto small = 1 + world.random().below((all.size() - 1) / 2);
  while (sides[1].size() < small) {
    const auto at = world.random().below(all.size());
    sides[1].push_back(all[at]);
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(at));
  }
  sides[0] = all;
  s.group.notes().excuse_all(); // By the other side.
  for (const auto i : sides[1])
    s.group.notes().excuse_all_lives(i);
  const auto before = lives(s, sides[0]);
  world.net().split(sides);
  // One that ends amid the verdicts has no smaller side yet.
  world.run_for(some_time(world.random(), 6s));
  mend(s, sides[0], before);
  return s.finish();
}

} // namespace

void add_cuts(std::vector<bound>& bounds) {
  bounds.push_back({back_after, "s", {}, 10});
  bounds.push_back({rejoined_others, "", {}, 0});
}

void add_cuts(std::vector<scenario>& scenarios) {
  scenarios.push_back(
    {"deaf", "one member hears nobody, for any time: it alone begins anew",
     [](const auto& o) { return run_away(o, fault::deaf); }, 3});
  scenarios.push_back(
    {"mute", "nobody hears one member, for any time: it alone begins anew",
     [](const auto& o) { return run_away(o, fault::mute); }, 3});
  scenarios.push_back(
    {"cut-off", "one member is cut off, for any time: it alone begins anew",
     [](const auto& o) { return run_away(o, fault::cut_off); }, 3});
  scenarios.push_back(
    {"minority", "the network splits and heals: the smaller side begins anew",
     run_minority, 3});
}

} // namespace dfs::sim
