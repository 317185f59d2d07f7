#include "support/sim/versions_mutants.hpp"
#include "support/sim/versions_scenarios.hpp"

#include <gtest/gtest.h>

#include <string>

namespace dfs::sim {
namespace {

versions_options options(std::uint64_t seed, msg::quorum_rule rule) {
  auto x = brisk_versions();
  x.directory.rules[0] = rule;
  x.servers = rule.copies + 2u;
  x.world.seed = seed;
  x.world.replay = "./dev sim versions --seed " + std::to_string(seed);
  return x;
}

versions_run hold(std::string_view scenario, msg::quorum_rule rule,
                  std::uint64_t seeds, std::uint64_t first = 1) {
  versions_run sum;
  for (auto seed = first; seed < first + seeds && !sum.broken; ++seed) {
    const auto run = find_version_scenario(scenario)->run(options(seed, rule));
    sum.broken = run.broken;
    sum.puts += run.puts;
    sum.changes += run.changes;
    sum.failed += run.failed;
  }
  EXPECT_FALSE(sum.broken) << *sum.broken;
  EXPECT_GT(sum.puts, seeds * 20);
  return sum;
}

TEST(Versions, AreLinearizableUnderFaults) { // SPEC V3, V4
  hold("faults", {3, 2, 2}, 12);
}

TEST(Versions, AreLinearizableOverABadNetwork) { // SPEC V3, V4
  hold("storm", {3, 2, 2}, 12);
}

TEST(Versions, AreLinearizableWhileSetsChange) { // SPEC V4, V6, V7
  const auto sum = hold("sets", {3, 2, 2}, 12);
  EXPECT_GT(sum.changes, 12u * 5);
}

TEST(Versions, AreLinearizableWhileGroupsMove) { // SPEC V6
  hold("balance", {3, 2, 2}, 6);
}

TEST(Versions, MoveToServersThatJoinUnderPutsThatNeverStop) { // SPEC V6
  const auto sum = hold("moves", {3, 2, 2}, 6);
  EXPECT_GT(sum.changes, 6u * 2);
  hold("moves", {3, 3, 1}, 2);
  hold("moves", {5, 3, 3}, 2);
}

TEST(Versions, AreAllThereWhenAllWereDeclaredFailed) { // SPEC V7
  const auto sum = hold("split", {3, 2, 2}, 8);
  EXPECT_GT(sum.failed, 8u * 4);
  hold("power", {3, 2, 2}, 8);
}

TEST(Versions, AreLinearizableWithFormerPrimaries) { // SPEC V4
  hold("paused", {3, 2, 2}, 8);
  hold("one-way", {3, 2, 2}, 8);
}

TEST(Versions, AreListedAsTheyAre) { // SPEC S9
  hold("lists", {3, 2, 2}, 60);
  hold("lists", {3, 2, 2}, 1, 7'000'823); // Who has a purged file is slow.
  hold("purges", {3, 2, 2}, 1, 8'319);    // The same.
  hold("lists", {5, 3, 3}, 10);
}

// Of each put, from the first to the last of a run.
TEST(Versions, TellWhatBecameOfAPutThatTheirManifestsForgot) { // SPEC S11
  hold("memory", {3, 2, 2}, 9);
  hold("memory", {3, 3, 1}, 2);
  hold("memory", {5, 3, 3}, 2);
}

TEST(Versions, AreFoundWithoutTheMastersRows) { // SPEC V8
  hold("rebuild", {3, 2, 2}, 8);
}

TEST(Versions, AreFoundWhenTheirNamesWereLost) { // SPEC G2, S9
  hold("restore", {3, 2, 2}, 12);
  hold("restore", {5, 3, 3}, 4);
}

TEST(Versions, AreLinearizableWithOtherQuorums) { // SPEC V2
  hold("storm", {3, 3, 1}, 5);
  hold("storm", {4, 3, 2}, 5);
  hold("storm", {5, 3, 3}, 5);
  hold("faults", {5, 4, 2}, 5);
}

TEST(Versions, LoseNothingWhenADiskGoesBack) { // SPEC V3, V7
  hold("rollback", {3, 2, 2}, 10);
  hold("rollback", {3, 2, 2}, 1, 73'102); // Two rows, and a kill between them.
}

// A backup has names that were purged since.
TEST(Versions, AreListedThoughTheirGroupHadForgottenThem) { // SPEC S9
  hold("regained", {3, 2, 2}, 12);
  hold("regained", {3, 3, 1}, 2);
  hold("regained", {5, 3, 3}, 4);
  // A former primary has a name freed to which somebody has put.
  hold("regained", {3, 2, 2}, 1, 60'540);
  // A purge overtakes a put whose content is on its way.
  hold("regained", {3, 2, 2}, 1, 868);
}

class PlantedBug : public testing::TestWithParam<version_mutant> {};

// An oracle that misses its mutant watches nothing.
TEST_P(PlantedBug, IsCaught) {
  const auto first = GetParam().first_seed;
  for (auto seed = first; seed < first + 60; ++seed)
    for (const auto* scenario :
         {"storm", "sets", "paused", "lists", "rollback", "memory", "moves",
          "purges", "regained", "restore"}) {
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
