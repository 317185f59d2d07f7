#include "support/sim/versions_mutants.hpp"
#include "support/sim/versions_scenarios.hpp"

#include <gtest/gtest.h>

#include <string>

namespace dfs::sim {
namespace {

versions_options options(std::uint64_t seed, msg::quorum_rule rule) {
  auto x = brisk_versions();
  x.rule = rule;
  x.servers = rule.copies + 2u;
  x.world.seed = seed;
  x.world.replay = "./dev sim versions --seed " + std::to_string(seed);
  return x;
}

void hold(std::string_view scenario, msg::quorum_rule rule,
          std::uint64_t seeds) {
  const auto* what = find_version_scenario(scenario);
  std::uint64_t puts = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const auto run = what->run(options(seed, rule));
    ASSERT_FALSE(run.broken) << *run.broken;
    puts += run.puts;
  }
  EXPECT_GT(puts, seeds * 50);
}

TEST(Versions, AreLinearizableUnderFaults) { // SPEC V3, V4
  hold("faults", {3, 2, 2}, 15);
}

TEST(Versions, AreLinearizableOverABadNetwork) { // SPEC V3, V4
  hold("storm", {3, 2, 2}, 15);
}

TEST(Versions, AreLinearizableWhileSetsChange) { // SPEC V4, V6, V7
  hold("sets", {3, 2, 2}, 15);
}

TEST(Versions, AreLinearizableWithOtherQuorums) { // SPEC V2
  hold("storm", {4, 3, 2}, 6);
  hold("storm", {5, 3, 3}, 6);
  hold("faults", {5, 4, 2}, 6);
}

class PlantedBug : public testing::TestWithParam<version_mutant> {};

// An oracle that misses its mutant watches nothing.
TEST_P(PlantedBug, IsCaught) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed)
    for (const auto* scenario : {"storm", "sets"}) {
      auto x = options(seed, {3, 2, 2});
      x.world.mutants.insert(std::string{GetParam().name});
      if (find_version_scenario(scenario)->run(x).broken)
        return;
    }
  FAIL() << GetParam().what << ": nobody noticed";
}

INSTANTIATE_TEST_SUITE_P(Versions, PlantedBug,
                         testing::ValuesIn(version_mutants),
                         [](const auto& info) {
                           std::string name{info.param.name};
                           std::erase(name, '-');
                           return name;
                         });

} // namespace
} // namespace dfs::sim
