#include "support/sim/multicast_mutants.hpp"
#include "support/sim/multicast_scenarios.hpp"

#include <gtest/gtest.h>

#include <string>

namespace dfs::sim {
namespace {

using core::primary_rule;

multicast_options options(std::uint64_t seed, node_index servers,
                          primary_rule rule = primary_rule::majority) {
  multicast_options x;
  x.servers = servers;
  x.config.rule = rule;
  x.world.seed = seed;
  x.world.trace_depth = 0;
  x.world.replay = "./dev sim multicast --seed " + std::to_string(seed);
  return x;
}

multicast_run hold(std::string_view scenario, node_index servers,
                   std::uint64_t seeds,
                   primary_rule rule = primary_rule::majority) {
  multicast_run sum;
  for (std::uint64_t seed = 1; seed <= seeds && !sum.broken; ++seed) {
    const auto run
      = find_multicast_scenario(scenario)->run(options(seed, servers, rule));
    sum.broken = run.broken;
    sum.safe += run.safe;
    sum.configurations += run.configurations;
    sum.snapshots += run.snapshots;
    sum.discarded += run.discarded;
  }
  EXPECT_FALSE(sum.broken) << *sum.broken;
  EXPECT_GT(sum.safe, seeds * 100);
  return sum;
}

TEST(Multicast, HasOneOrder) { // SPEC Q2
  for (const node_index n : {1, 2, 3, 5})
    hold("calm", n, 2);
}

TEST(Multicast, RepairsLoss) { // SPEC Q3
  hold("loss", 3, 3);
  hold("loss", 5, 3);
}

TEST(Multicast, SurvivesCrashes) { // SPEC Q4, Q10
  hold("faults", 3, 4);
  hold("storm", 3, 4);
  hold("messages", 3, 4);
  hold("power", 3, 3);
}

TEST(Multicast, SurvivesEachStageOfAChange) { // SPEC Q4
  hold("stages", 3, 4);
  hold("stages", 5, 1);
  hold("halves", 5, 2);
}

// Only one server has heard that a configuration is formed, and is torn away.
TEST(Multicast, KeepsWhatOneInstallerHad) { // SPEC Q4, Q10
  hold("successions", 3, 4);
  hold("successions", 4, 4);
  hold("successions", 5, 2);
  hold("successions", 4, 2, primary_rule::highest_id);
}

TEST(Multicast, TakesBackWhoWasAway) { // SPEC Q5
  EXPECT_GT(hold("rejoin", 3, 3).snapshots, 0u);
  EXPECT_GT(hold("empty", 3, 3).snapshots, 0u);
  hold("memory", 3, 3);
}

TEST(Multicast, TakesNoVoteFromADiskThatWentBack) { // SPEC Q4, Q10
  for (const auto rule : {primary_rule::majority, primary_rule::highest_id,
                          primary_rule::highest_id_literal})
    hold("older", 3, 4, rule);
  hold("older", 5, 2);
}

TEST(Multicast, TakesInSeveralNewDisks) { // SPEC Q4, Q5, Q10
  for (const auto rule : {primary_rule::majority, primary_rule::highest_id})
    for (const node_index n : {3, 4})
      hold("new-disks", n, 3, rule);
}

TEST(Multicast, HasOnePrimary) { // SPEC Q6
  for (const auto rule : {primary_rule::majority, primary_rule::highest_id}) {
    hold("split", 3, 2, rule);
    hold("one-way", 3, 2, rule);
    hold("flapping", 3, 2, rule);
  }
}

TEST(Multicast, CountsWhatAMergeDiscards) { // SPEC Q6, Q7
  const auto sum = hold("split", 3, 3, primary_rule::highest_id_literal);
  EXPECT_GT(sum.discarded, 0u);
}

TEST(Multicast, OneHungDiskStopsTheOthersOnce) { // SPEC Q4, Q6
  hold("hung-disk", 3, 4);
  hold("hung-disk", 5, 2);
  for (const auto rule :
       {primary_rule::highest_id, primary_rule::highest_id_literal})
    hold("hung-disk", 3, 2, rule);
}

TEST(Multicast, GoesOnWithSlowDisks) { // SPEC Q4, Q6
  hold("slow-disks", 3, 3);
  hold("slow-disks", 5, 2);
}

// Halves that are no majority, and more members than most have.
TEST(Multicast, HasManyServers) { // SPEC Q2, Q4
  for (const node_index n : {6, 9, 10, 16}) {
    hold("faults", n, 1);
    hold("stages", n, 1);
  }
  hold("loss", 9, 1);
  hold("successions", 6, 1);
  hold("successions", 10, 1);
  hold("rejoin", 16, 1);
}

TEST(Multicast, HasOnePrimaryWhileItsSettingsChange) { // SPEC Q6, Q10
  hold("settings", 3, 6);
  hold("settings", 4, 3);
  hold("settings", 5, 3);
  hold("settings", 3, 3, primary_rule::highest_id);
}

TEST(Multicast, ObeysAnOperator) { // SPEC Q10
  hold("force", 3, 4);
  hold("force", 4, 2);
  hold("force", 5, 2);
  hold("force", 3, 2, primary_rule::highest_id);
}

TEST(Multicast, DoesNotWrap) {
  hold("wrap", 3, 2);
}

// What is planted in small groups below is seen in large ones, too.
TEST(Multicast, SeesBugsOfManyServers) {
  struct {
    node_index servers;
    std::string_view mutant;
    std::string_view scenario;
  } const planted[] = {{6, "both-sides", "split"},
                       {6, "final-at-install", "successions"},
                       {9, "double-send", "calm"},
                       {10, "no-attempts", "halves"},
                       {16, "fickle-owner", "calm"}};
  for (const auto& [servers, mutant, scenario] : planted) {
    bool seen = false;
    for (std::uint64_t seed = 1; seed <= 5 && !seen; ++seed) {
      auto x = options(seed, servers);
      x.world.mutants.insert(std::string{mutant});
      seen = find_multicast_scenario(scenario)->run(x).broken.has_value();
    }
    EXPECT_TRUE(seen) << mutant << " among " << servers;
  }
}

class PlantedMulticastBug : public testing::TestWithParam<multicast_mutant> {};

// An oracle that misses its mutant watches nothing.
TEST_P(PlantedMulticastBug, IsCaught) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed)
    for (const node_index n : {3, 4, 5}) {
      auto x = options(seed, n);
      x.world.mutants.insert(std::string{GetParam().name});
      if (find_multicast_scenario(GetParam().scenario)->run(x).broken)
        return;
    }
  FAIL() << GetParam().what << ": nobody noticed";
}

INSTANTIATE_TEST_SUITE_P(Multicast, PlantedMulticastBug,
                         testing::ValuesIn(multicast_mutants),
                         [](const auto& info) {
                           std::string name{info.param.name};
                           std::erase(name, '-');
                           return name;
                         });

} // namespace
} // namespace dfs::sim
