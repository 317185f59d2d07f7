#include "support/sim/sessions_mutants.hpp"
#include "support/sim/sessions_scenarios.hpp"

#include <gtest/gtest.h>

#include <string>

namespace dfs::sim {
namespace {

sessions_options options(std::uint64_t seed) {
  sessions_options x;
  x.world.seed = seed;
  x.world.replay = "./dev sim sessions --seed " + std::to_string(seed);
  return x;
}

/// A tenth of the clients, of servers that are a tenth as fast.
sessions_options tenth(std::uint64_t seed) {
  auto x = options(seed);
  x.clients /= 10;
  x.handshakes /= 10;
  x.backlog /= 10;
  return x;
}

sessions_run hold(std::string_view scenario, std::uint64_t seeds) {
  sessions_run last;
  for (std::uint64_t seed = 1; seed <= seeds && !last.broken; ++seed)
    last = find_sessions_scenario(scenario)->run(tenth(seed));
  EXPECT_FALSE(last.broken) << *last.broken;
  return last;
}

TEST(Sessions, TenThousandAreBackAfterARestart) { // SPEC S7, M2
  const auto run = find_sessions_scenario("restart")->run(options(1));
  EXPECT_FALSE(run.broken) << *run.broken;
  EXPECT_EQ(run.answered, 10'000u);
}

TEST(Sessions, ACrowdWithoutAMasterLeavesContactsTheirBreath) { // SPEC S10
  EXPECT_EQ(hold("outage", 1).answered, 1'000u);
}

TEST(Sessions, CommandsShareATenthOfThePlaces) { // SPEC S7
  EXPECT_EQ(hold("commands", 1).answered, 1'000u);
}

TEST(Sessions, OneGoodContactIsEnough) { // SPEC M2
  hold("contacts", 200);
}

TEST(Sessions, AMasterWithoutPowerCostsSeconds) { // SPEC S7
  hold("half-open", 20);
}

TEST(Sessions, AFormerMasterSaysWhereToGo) { // SPEC S7
  hold("handover", 20);
}

TEST(Sessions, TermsDecideNotAnswers) { // SPEC M2
  hold("two-masters", 20);
}

TEST(Sessions, ATermThatNoServerKnowsIsGivenUp) { // SPEC S7
  hold("new-metadata", 20);
}

// Each planted bug is seen by the scenario that looks for it.
TEST(Sessions, SeesEachPlantedBug) {
  for (const auto& bug : sessions_mutants) {
    SCOPED_TRACE(bug.name);
    auto broken = false;
    for (std::uint64_t seed = 1; seed <= 10 && !broken; ++seed) {
      // A small crowd is lost in what falls together by chance.
      auto x = bug.name == "no-jitter" ? options(seed) : tenth(seed);
      x.world.mutants.emplace(bug.name);
      broken = find_sessions_scenario(bug.scenario)->run(x).broken.has_value();
    }
    EXPECT_TRUE(broken);
  }
}

} // namespace
} // namespace dfs::sim
