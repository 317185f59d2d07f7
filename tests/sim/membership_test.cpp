#include "support/sim/membership_mutants.hpp"
#include "support/sim/membership_scenarios.hpp"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <map>

// The promises about the group on whole groups, a few seeds each; `dfs-sim`
// runs many more. Each bound and each oracle is proved by a planted bug.

namespace dfs::sim {
namespace {

using namespace std::chrono_literals;

struct setup {
  std::string_view scenario;
  node_index nodes = 5;
  ppm loss = 0;
  node_index victims = 1;
  bool neighbours = false;
  std::uint64_t seeds = 5;
  int rounds = 1;
  std::chrono::minutes idle{5};
  std::string mutant = {};
};

struct outcome {
  std::map<std::string_view, figure> figures;
  std::string stories;

  // In words, every promise that was not kept.
  std::string complaints() const {
    auto text = stories;
    for (const auto& [name, x] : figures)
      if (!x.holds())
        text += fmt::format("{}: max {} at seed {}\n", name, x.max(),
                            x.worst_seed());
    return text;
  }
};

outcome run(const setup& s) {
  const auto* chosen = find_scenario(s.scenario);
  EXPECT_NE(chosen, nullptr);
  outcome sum;
  for (std::uint64_t seed = 1; seed <= s.seeds; ++seed) {
    scenario_options o;
    o.victims = s.victims;
    o.neighbours = s.neighbours;
    o.rounds = s.rounds;
    o.idle = s.idle;
    o.group.nodes = s.nodes;
    o.group.world.seed = seed;
    o.group.world.network.loss = s.loss;
    if (!s.mutant.empty())
      o.group.world.mutants.insert(s.mutant);
    const auto x = chosen->run(o);
    if (x.broken)
      sum.stories += *x.broken;
    for (const auto& value : x.measured)
      for (const auto& limits : membership_bounds())
        if (limits.name == value.name)
          sum.figures.try_emplace(value.name, limits)
            .first->second.add(value.value, seed);
  }
  return sum;
}

class Groups : public ::testing::TestWithParam<setup> {};

TEST_P(Groups, KeepTheirBounds) { // SPEC M2 M3 M4 M5
  const auto result = run(GetParam());
  EXPECT_EQ(result.complaints(), "");
  EXPECT_FALSE(result.figures.empty()); // It did measure something.
}

std::string name_of(const ::testing::TestParamInfo<setup>& info) {
  const auto& s = info.param;
  std::string name{s.scenario};
  std::replace(name.begin(), name.end(), '-', '_');
  return fmt::format("{}_{}_nodes_{}_percent_{}{}", name, s.nodes,
                     s.loss / 10'000, s.victims,
                     s.neighbours ? "_neighbours" : "");
}

INSTANTIATE_TEST_SUITE_P(
  Crashes, Groups,
  ::testing::Values(setup{"crash", 2, 0, 1, false, 20},
                    setup{"crash", 2, percent(10), 1, false, 40},
                    setup{"crash", 5, 0, 1, false, 20},
                    setup{"crash", 5, percent(10), 1, false, 40},
                    setup{"crash", 5, percent(10), 3, false, 20},
                    setup{"crash", 5, percent(10), 3, true, 20},
                    setup{"crash", 100, 0, 1, false, 2},
                    setup{"crash", 100, percent(10), 1, false, 2},
                    setup{"crash", 100, percent(10), 3, false, 2, 2},
                    setup{"crash", 100, percent(10), 3, true, 2, 2}),
  name_of);

INSTANTIATE_TEST_SUITE_P(
  Changes, Groups,
  ::testing::Values(setup{"join", 1, percent(10), 1, false, 200, 1},
                    setup{"join", 5, percent(10), 1, false, 200, 1},
                    setup{"join", 100, percent(10), 1, false, 2, 5},
                    setup{"leave", 2, percent(10), 1, false, 10},
                    setup{"leave", 5, percent(10), 1, false, 20, 2},
                    setup{"leave", 100, percent(10), 1, false, 2, 5}),
  name_of);

INSTANTIATE_TEST_SUITE_P(
  Troubles, Groups,
  ::testing::Values(setup{"stall", 2, percent(10), 1, false, 5},
                    setup{"stall", 5, percent(10), 1, false, 10},
                    setup{"stall", 50, percent(10), 1, false, 1},
                    setup{"rejoin", 2, percent(10), 1, false, 5},
                    setup{"rejoin", 5, percent(10), 1, false, 10},
                    setup{"rejoin", 50, percent(10), 1, false, 1},
                    setup{"deaf", 3, percent(10), 1, false, 10},
                    setup{"deaf", 5, percent(10), 1, false, 20},
                    setup{"mute", 4, percent(10), 1, false, 20},
                    setup{"mute", 9, percent(10), 1, false, 5},
                    setup{"cut-off", 5, percent(10), 1, false, 20},
                    setup{"minority", 5, percent(10), 1, false, 20},
                    setup{"minority", 40, percent(10), 1, false, 2},
                    setup{"newcomers", 5, percent(10), 1, false, 20},
                    setup{"newcomers", 9, percent(10), 1, false, 10},
                    setup{"mute-rack", 5, percent(10), 1, false, 10},
                    setup{"mute-rack", 9, percent(10), 1, false, 5},
                    setup{"deaf-rack", 4, percent(10), 1, false, 20},
                    setup{"deaf-rack", 5, percent(10), 1, false, 20},
                    setup{"deaf-rack", 6, percent(10), 1, false, 10},
                    setup{"deaf-rack", 9, percent(10), 1, false, 10},
                    setup{"deaf-rack", 40, percent(10), 1, false, 2},
                    setup{"hiccups", 2, percent(10), 1, false, 20},
                    setup{"hiccups", 5, percent(10), 1, false, 10},
                    setup{"merge-crash", 5, percent(10), 1, false, 20},
                    setup{"merge-crash", 9, percent(10), 1, false, 10},
                    setup{"crowd", 5, percent(10), 1, false, 10},
                    setup{"crowd", 50, percent(10), 1, false, 1},
                    setup{"two-masters", 5, percent(10), 1, false, 20},
                    setup{"two-masters", 9, percent(10), 1, false, 10},
                    setup{"split", 5, percent(10), 1, false, 10},
                    setup{"split", 50, percent(10), 1, false, 2},
                    setup{"chaos", 3, percent(10), 1, false, 30},
                    setup{"chaos", 5, percent(10), 1, false, 20},
                    setup{"chaos", 40, percent(10), 1, false, 1},
                    setup{"introducers", 5, percent(10), 1, false, 10},
                    setup{"restart", 2, percent(10), 1, false, 5},
                    setup{"restart", 5, percent(10), 1, false, 10}),
  name_of);

INSTANTIATE_TEST_SUITE_P(
  Idle, Groups,
  ::testing::Values(setup{"idle-hour", 20, percent(10), 1, false, 1},
                    setup{"idle-hour", 2, 0, 1, false, 1},
                    setup{"load", 60, 0, 1, false, 1}),
  name_of);

// -- proofs -------------------------------------------------------------------

struct proof {
  setup run;
  std::string_view complaint; ///< What has to be said about it.
};

class PlantedBugs : public ::testing::TestWithParam<proof> {};

TEST_P(PlantedBugs, AreCaught) {
  auto s = GetParam().run;
  const auto complaints = run(s).complaints();
  EXPECT_NE(complaints.find(GetParam().complaint), std::string::npos)
    << complaints;
  s.mutant.clear();
  EXPECT_EQ(run(s).complaints(), ""); // And only because of the bug.
}

setup with(std::string mutant, setup s) {
  s.mutant = std::move(mutant);
  return s;
}

INSTANTIATE_TEST_SUITE_P(
  Each, PlantedBugs,
  ::testing::Values(
    proof{with("hasty", {"idle-hour", 10, percent(10), 1, false, 1}),
          "no-false-verdict"},
    proof{with("sluggish", {"crash", 10, 0, 1, false, 2}), "first detection"},
    proof{with("chatty", {"idle-hour", 10, 0, 1, false, 1}),
          "bytes/s per node"},
    proof{with("undead", {"crash", 10, 0, 1, false, 1}), "over-is-final"},
    proof{with("ghost", {"join", 10, 0, 1, false, 1}), "no-ghosts"},
    proof{with("modest", {"minority", 5, 0, 1, false, 3}), "rejoins of others"},
    proof{with("meek", {"newcomers", 7, 0, 1, false, 6}), "lists differ"},
    proof{with("credulous", {"deaf-rack", 5, 0, 1, false, 4}),
          "rejoins on the larger side"},
    proof{with("ageless", {"two-masters", 5, 0, 1, false, 4}), "one-master"},
    proof{with("sluggish", {"merge-crash", 5, 0, 1, false, 3}),
          "crash amid a merge"},
    proof{with("amnesty", {"hiccups", 2, 0, 1, false, 3}),
          "crash under stalls"},
    proof{with("deaf", {"crash", 10, 0, 1, false, 3}), "crash"}),
  [](const auto& info) {
    auto name
      = info.param.run.mutant + "_" + std::string{info.param.run.scenario};
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
  });

} // namespace
} // namespace dfs::sim
