#include "support/sim/chunks_mutants.hpp"
#include "support/sim/chunks_scenarios.hpp"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>

// The promises about chunks on whole clusters, a few seeds each; `dfs-sim` runs
// many more. What the witness watches is proved by planted bugs.

namespace dfs::sim {
namespace {

struct setup {
  std::string_view scenario;
  std::uint64_t first_seed = 1;
  std::uint64_t seeds = 5;
  node_index servers = 4;
  node_index clients = 3;
  std::uint32_t files = 4;
};

chunks_run run(const setup& s, std::uint64_t seed, std::string_view mutant) {
  auto x = brisk_chunks();
  x.servers = s.servers;
  x.clients = s.clients;
  x.files = s.files;
  x.world.seed = seed;
  x.world.replay = fmt::format(
    "./dev sim chunks --scenario {} --servers {} --clients {} --files {} "
    "--seeds 1 --seed {} --trace 60",
    s.scenario, s.servers, s.clients, s.files, seed);
  if (!mutant.empty())
    x.world.mutants.insert(std::string{mutant});
  return find_chunk_scenario(s.scenario)->run(x);
}

struct Chunks : ::testing::TestWithParam<setup> {};

TEST_P(Chunks, KeepTheirPromises) { // SPEC G3, G4, G5, G9, G12
  const auto& s = GetParam();
  for (auto seed = s.first_seed; seed < s.first_seed + s.seeds; ++seed) {
    const auto x = run(s, seed, {});
    EXPECT_FALSE(x.broken) << *x.broken;
    EXPECT_GT(x.changes, 0u);
    EXPECT_GT(x.reads, 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(
  Scenarios, Chunks,
  ::testing::Values(
    setup{"calm", 1, 2}, setup{"faults"}, setup{"islands"}, setup{"storm"},
    setup{"steps"}, setup{"restarts"}, setup{"removals"}, setup{"hangs"},
    setup{"full"}, setup{"older", 1, 10}, setup{"restored", 1, 10},
    setup{"settings"}, setup{"torn", 1, 10}, setup{"rot", 1, 10},
    setup{"lapsed"},
    setup{"rot", 101, 10, 3, 2, 1}, // No other server can take a copy.
    setup{"rot", 201, 5, 5, 6, 2},
    setup{"torn", 101, 5, 3, 4, 1},        // No other server can take a copy.
    setup{"faults", 101, 5, 3, 6, 1},      // Three servers are all there are.
    setup{"storm", 866, 1, 4, 6, 1},       // A copy between two attempts.
    setup{"restarts", 4693, 1, 4, 3, 4},   // Revoked by a former master.
    setup{"storm", 7706, 1, 4, 6, 1},      // A fresh chunk, and other masters.
    setup{"restarts", 22'163, 1, 4, 6, 1}, // Made after a report.
    setup{"removals", 81'224, 1, 4, 6, 1}, // Told of as empty, after changes.
    setup{"torn", 236, 1, 4, 6, 1},        // Two links, one after the other.
    setup{"steps", 201, 5, 5, 6, 1}),      // Fresh chunks, and other masters.
  [](const auto& x) {
    return fmt::format("{}{}", x.param.scenario, x.param.first_seed);
  });

struct proof {
  std::string_view mutant;
  setup where;
};

struct ChunkWitness : ::testing::TestWithParam<proof> {};

TEST_P(ChunkWitness, SeesThePlantedBug) {
  const auto& [mutant, s] = GetParam();
  ASSERT_TRUE(
    std::any_of(chunk_mutants.begin(), chunk_mutants.end(),
                [&](const auto& x) { return x.name == GetParam().mutant; }));
  bool broken = false;
  for (auto seed = s.first_seed; seed < s.first_seed + s.seeds && !broken;
       ++seed)
    broken = run(s, seed, mutant).broken && !run(s, seed, {}).broken;
  EXPECT_TRUE(broken) << "in " << s.seeds << " runs of " << s.scenario;
}

INSTANTIATE_TEST_SUITE_P(
  Planted, ChunkWitness,
  // Runs until it is seen: most of these need few of them.
  ::testing::Values(
    proof{"late-lease", {"islands", 1, 100, 4, 6, 1}},
    proof{"long-lease", {"islands", 1, 50}},
    proof{"no-echo", {"islands", 1, 50, 4, 6, 1}},
    proof{"hasty", {"islands", 1, 50, 4, 6, 1}},
    proof{"sleepy", {"faults", 1, 400}}, proof{"undead", {"steps", 700, 20}},
    proof{"unleased", {"faults", 1, 100}}, proof{"deaf", {"faults", 1, 50}},
    proof{"credulous", {"faults", 1, 50}}, proof{"no-fence", {"faults", 1, 10}},
    proof{"present-bytes", {"storm", 1, 50, 4, 6, 1}},
    proof{"amnesia", {"faults", 1, 20, 4, 6, 1}},
    proof{"lost-record", {"faults", 1, 20, 4, 6, 1}},
    proof{"forgetful", {"faults", 1, 20, 4, 6, 1}},
    proof{"believer", {"steps", 1, 100, 4, 6, 1}},
    proof{"shortest", {"faults", 1, 50}}, proof{"no-intent", {"steps", 1, 50}},
    proof{"no-wait", {"steps", 1, 1000}},
    proof{"overtaken", {"faults", 230, 10}},
    proof{"hollow", {"faults", 1, 100}},
    proof{"mute-delete", {"faults", 88, 1, 4, 6, 1}},
    proof{"no-probe", {"torn", 1000, 5}},
    proof{"full-acks", {"full", 1, 20, 4, 6, 1}},
    proof{"unsynced", {"hangs", 1, 20, 4, 6, 1}},
    proof{"undated", {"storm", 4588, 1, 5, 4, 4}},
    proof{"over-busy", {"storm", 2112, 1, 5, 6, 1}},
    proof{"old-grants", {"faults", 20'492, 1, 4, 6, 1}},
    proof{"going-listed", {"removals", 1, 100, 4, 6, 1}},
    proof{"no-mark", {"older", 1, 10}}, proof{"no-branch", {"restored", 1, 20}},
    proof{"empty-proof", {"restored", 170, 20}},
    proof{"proud", {"restored", 37, 1, 4, 4, 2}},
    proof{"proud", {"lapsed", 1, 20}},
    proof{"short-wait", {"settings", 1, 50, 4, 6, 1}},
    proof{"unchecked", {"rot", 1, 10}}, proof{"rotten-source", {"rot", 1, 10}},
    proof{"rotten-level", {"rot", 1, 50, 4, 6, 1}},
    proof{"rotten-base", {"rot", 1, 50}}, proof{"counted-bad", {"rot", 1, 10}},
    proof{"kept-dark", {"rot", 1, 50}}, proof{"condemned", {"rot", 1, 50}},
    proof{"remade", {"rot", 1, 50, 4, 6, 1}}),
  [](const auto& x) {
    auto name = fmt::format("{}_{}", x.param.mutant, x.param.where.scenario);
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
  });

} // namespace
} // namespace dfs::sim
