#include "support/sim/membership_sides.hpp"

#include "support/sim/membership_stage.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace dfs::sim {

using namespace std::chrono_literals;

namespace {

constexpr std::string_view merged_after = "merged after a split with changes";
constexpr std::string_view larger_rejoins = "rejoins on the larger side";
constexpr std::string_view stalled_detection = "crash under stalls, less them";
constexpr std::string_view crowded_detection = "crash while many join";
constexpr std::string_view merging_detection = "crash amid a merge";
constexpr auto patience = 60s;

double seconds(std::chrono::nanoseconds t) {
  return std::chrono::duration<double>(t).count();
}

/// From just past all verdicts to a day.
std::chrono::nanoseconds split_time(rng& random) {
  switch (random.below(5)) {
    case 0:
      return 8s + up_to(random, 10s);
    case 1:
      return 28s + up_to(random, 8s);
    case 2:
      return 85s + up_to(random, 20s);
    case 3:
      return 300s;
    default:
      return random.one_in(100) ? std::chrono::nanoseconds{23h} : 40s;
  }
}

struct two_sides {
  std::vector<node_index> larger;
  std::vector<node_index> smaller; ///< Two at least.
};

two_sides choose_sides(stage& s) {
  two_sides chosen;
  auto all = s.group.running();
  auto& random = s.world().random();
  const auto most = (all.size() - 1) / 2;
  const auto count = most < 2 ? most : 2 + random.below(most - 1);
  while (chosen.smaller.size() < count) {
    const auto at = random.below(all.size());
    chosen.smaller.push_back(all[at]);
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(at));
  }
  chosen.larger = std::move(all);
  return chosen;
}

void excuse(stage& s, const two_sides& sides) {
  s.group.notes().excuse_all(); // By the other side.
  for (const auto i : sides.smaller)
    s.group.notes().excuse_all_lives(i);
}

std::size_t lives(stage& s, const std::vector<node_index>& of) {
  std::size_t sum = 0;
  for (const auto i : of)
    sum += s.group.notes().lives(i).size();
  return sum;
}

scenario_run mend(stage& s, const two_sides& sides, std::size_t before) {
  auto& world = s.world();
  world.net().heal();
  const auto when = world.now();
  if (!s.group.settle(patience)) {
    s.breach("sides", "lists differ a minute after a split:"
                        + s.group.notes().difference());
    return s.finish();
  }
  s.measure(merged_after, seconds(world.now() - when));
  world.run_for(10s);
  s.measure(larger_rejoins,
            static_cast<double>(lives(s, sides.larger) - before));
  if (!s.group.settle(1s))
    s.breach("sides", "lists were equal after a split and differ again:"
                        + s.group.notes().difference());
  return s.finish();
}

// On the smaller side one restarts, while it is split, and comes in by whom it
// knew; perhaps one of the larger side dies, too, and nobody is an introducer
// any more.
scenario_run run_newcomers(const scenario_options& o) {
  stage s{o};
  auto& world = s.world();
  if (!s.form())
    return s.finish();
  if (o.group.nodes > 5 && world.random().one_in(2)) {
    s.group.crash(0);
    if (!s.group.settle(patience))
      s.breach("sides", "a crash is not in all lists");
  }
  auto sides = choose_sides(s);
  excuse(s, sides);
  world.net().split({sides.larger, sides.smaller});
  world.run_for(8s + up_to(world.random(), 2s));
  const auto again = s.any(sides.smaller);
  s.group.crash(again);
  world.run_for(up_to(world.random(), 2s));
  world.start(again);
  // Still the smaller one by two: so it is the smaller one at all times.
  if (sides.larger.size() > sides.smaller.size() + 2) {
    s.group.crash(sides.larger.back());
    sides.larger.pop_back();
  }
  const auto before = lives(s, sides.larger);
  world.run_for(split_time(world.random()));
  return mend(s, sides, before);
}

/// That with the oldest member counts as the larger one.
two_sides choose_halves(stage& s) {
  auto& random = s.world().random();
  auto all = s.group.running();
  two_sides chosen;
  const auto age = [&](node_index i) {
    const auto start = s.group.notes().current(i).start_ms;
    return std::pair{start,
                     msg::stable_hash({address_of(i), group_port, start})};
  };
  const auto oldest = std::min_element(
    all.begin(), all.end(), [&](auto x, auto y) { return age(x) < age(y); });
  chosen.larger.push_back(*oldest);
  all.erase(oldest);
  while (chosen.larger.size() < all.size()) {
    const auto at = random.below(all.size());
    chosen.larger.push_back(all[at]);
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(at));
  }
  chosen.smaller = std::move(all);
  return chosen;
}

// Datagrams pass to one rack and not back, or only back.
scenario_run run_rack(const scenario_options& o, bool hears) {
  stage s{o};
  auto& world = s.world();
  if (!s.form())
    return s.finish();
  const auto halves = o.group.nodes % 2 == 0 && world.random().one_in(2);
  const auto sides = halves ? choose_halves(s) : choose_sides(s);
  excuse(s, sides);
  const auto before = lives(s, sides.larger);
  for (const auto x : sides.smaller)
    for (const auto y : sides.larger)
      hears ? world.net().cut(x, y) : world.net().cut(y, x);
  world.run_for(split_time(world.random()));
  return mend(s, sides, before);
}

// Everybody who is left stands still for up to half a second every few seconds:
// a crash is found as late as they stood still, and no later.
scenario_run run_hiccups(const scenario_options& o) {
  stage s{o};
  auto& world = s.world();
  if (!s.form())
    return s.finish();
  const auto victim = s.any(s.group.running());
  const auto when = world.now();
  s.group.crash(victim);
  std::chrono::nanoseconds stalled{0};
  const auto gone
    = [&] { return s.group.notes().current(victim).holders == 0; };
  while (!gone() && world.now() < when + patience) {
    const auto stall = 300ms + up_to(world.random(), 200ms);
    for (const auto i : s.group.running())
      world.pause(i, stall);
    stalled += stall;
    world.run_until(gone, world.now() + stall + 1s + up_to(world.random(), 1s));
  }
  if (gone())
    s.measure(stalled_detection,
              seconds(*s.group.notes().current(victim).gone - when - stalled));
  else
    s.breach("hiccups", "a crash is not found while the others stand still "
                        "now and then");
  return s.finish();
}

// As many as there are join within two seconds, and a member dies amid it.
scenario_run run_crowd(const scenario_options& options) {
  auto o = options;
  o.group.spares = o.group.nodes;
  stage s{o};
  auto& world = s.world();
  if (!s.form())
    return s.finish();
  for (node_index i = 0; i < o.group.spares; ++i)
    world.after(up_to(world.random(), 2s),
                [&world, i, &o] { world.start(o.group.nodes + i); });
  world.run_for(up_to(world.random(), 2s));
  const auto victim // Not the only one whom they may ask.
    = 1 + static_cast<node_index>(world.random().below(o.group.nodes - 1));
  const auto when = world.now();
  s.group.crash(victim);
  if (!s.group.settle(patience)) {
    s.breach("crowd", "lists differ long after a crash while many joined:"
                        + s.group.notes().difference());
    return s.finish();
  }
  s.measure(crowded_detection,
            seconds(*s.group.notes().current(victim).gone - when));
  return s.finish();
}

// A split heals, and while the sides meet a member of either dies.
scenario_run run_merge_crash(const scenario_options& o) {
  stage s{o};
  auto& world = s.world();
  if (!s.form())
    return s.finish();
  auto sides = choose_sides(s);
  excuse(s, sides);
  world.net().split({sides.larger, sides.smaller});
  world.run_for(split_time(world.random()));
  auto& side = world.random().one_in(2) ? sides.larger : sides.smaller;
  const auto victim = side.back();
  side.pop_back();
  const auto before = lives(s, sides.larger);
  world.net().heal();
  world.run_for(up_to(world.random(), 2s));
  const auto when = world.now();
  s.group.crash(victim);
  if (!s.group.settle(patience)) {
    s.breach("sides", "lists differ long after a crash amid a merge:"
                        + s.group.notes().difference());
    return s.finish();
  }
  if (const auto gone = s.group.notes().current(victim).gone)
    s.measure(merging_detection, seconds(*gone - when));
  world.run_for(10s);
  s.measure(larger_rejoins,
            static_cast<double>(lives(s, sides.larger) - before));
  return s.finish();
}

} // namespace

void add_sides(std::vector<bound>& bounds) {
  bounds.push_back({merged_after, "s", {}, 10});     // SPEC M2
  bounds.push_back({larger_rejoins, "", {}, 0});     // SPEC M5
  bounds.push_back({stalled_detection, "s", {}, 6}); // SPEC M4
  bounds.push_back({crowded_detection, "s", {}, 6}); // SPEC M4
  bounds.push_back({merging_detection, "s", {}, 6}); // SPEC M4
}

void add_sides(std::vector<scenario>& scenarios) {
  scenarios.push_back({"newcomers",
                       "a split while nodes restart: the smaller side and who "
                       "came to it begin anew",
                       run_newcomers, 5});
  scenarios.push_back({"mute-rack",
                       "nobody hears some members: they alone begin anew",
                       [](const auto& o) { return run_rack(o, true); }, 4});
  scenarios.push_back({"deaf-rack",
                       "some members hear none of the others: they alone begin "
                       "anew",
                       [](const auto& o) { return run_rack(o, false); }, 4});
  scenarios.push_back({"hiccups",
                       "a crash while all others stand still now and then",
                       run_hiccups, 2});
  scenarios.push_back(
    {"crowd", "a crash while as many nodes join as there are", run_crowd, 2});
  scenarios.push_back(
    {"merge-crash", "a crash while two sides meet again", run_merge_crash, 5});
}

} // namespace dfs::sim
