#include "support/sim/membership_masters.hpp"

#include "support/sim/membership_stage.hpp"

#include <fmt/format.h>

#include <vector>

namespace dfs::sim {

using namespace std::chrono_literals;

namespace {

constexpr std::string_view one_master_after = "one master after a split";
constexpr auto patience = 60s;
constexpr std::uint64_t years_ms = 1'000'000'000'000;

/// A clock of either was years ahead once, in half of the runs each.
void skew_clocks(world& w, node_index a, node_index b) {
  for (const auto i : {a, b})
    if (w.random().one_in(2))
      set_last_stamp(w.at(i), static_cast<std::uint64_t>(w.at(i).wall().count())
                                + years_ms + w.random().below(1'000));
}

// A second master is started on the other side of a split: with metadata that
// were restored, so of a higher term; with an old copy; or with a copy, or a
// new directory, of the same term.
scenario_run run_two_masters(const scenario_options& options) {
  auto o = options;
  constexpr node_index first = 0;
  const node_index second = o.group.nodes;
  o.group.introducers = 2;
  o.group.spares = 1;
  o.group.masters = {first, second};
  stage s{o};
  auto& world = s.world();
  auto& random = world.random();
  skew_clocks(world, first, second);
  const auto terms = 10 + random.below(5);
  set_last_term(world.at(first), terms);
  const auto relation = random.below(3);
  set_last_term(world.at(second), terms + relation - 1);
  if (!s.form())
    return s.finish();
  // The other side with its master is still the smaller one.
  std::vector<node_index> here{first};
  std::vector<node_index> there{1, second};
  for (node_index i = 2; i < o.group.nodes; ++i)
    (there.size() * 2 + 1 < o.group.nodes && random.one_in(2) ? there : here)
      .push_back(i);
  s.group.notes().excuse_all();
  for (const auto i : there)
    if (i != second)
      s.group.notes().excuse_all_lives(i);
  world.net().split({here, there});
  world.run_for(8s + up_to(random, 2s));
  world.start(second);
  s.group.notes().excuse_all_lives(second);
  world.run_for(6s + up_to(random, 60s));
  world.net().heal();
  const auto when = world.now();
  const auto stays = relation == 2 ? second : first;
  const auto goes = relation == 2 ? first : second;
  const auto alone = [&] { return s.group.member(goes) == nullptr; };
  world.run_until(alone, world.now() + patience);
  if (!alone())
    s.breach("one-master", "two masters stand a minute after a split");
  else if (!s.group.settle(patience))
    s.breach("one-master", "lists differ long after a master has gone:"
                             + s.group.notes().difference());
  else
    s.measure(one_master_after,
              std::chrono::duration<double>(world.now() - when).count());
  world.run_for(10s);
  if (s.group.member(stays) == nullptr)
    s.breach("one-master",
             fmt::format("the rightful master has gone: terms {} and {}",
                         terms + 1, terms + relation));
  return s.finish();
}

} // namespace

void add_masters(std::vector<bound>& bounds) {
  bounds.push_back({one_master_after, "s", {}, 10}); // SPEC M2, G6
}

void add_masters(std::vector<scenario>& scenarios) {
  scenarios.push_back({"two-masters",
                       "a second master beyond a split: that of the lower term "
                       "goes",
                       run_two_masters, 5});
}

} // namespace dfs::sim
