#include "core/groups/directory_steps.hpp"
#include "core/versions/group_placement.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

// A group moves to a server that has a better right to it.

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

/// Three servers with a group, and a fourth that has a better right.
struct DirectoryMoves : DirectorySteps {
  std::vector<std::uint64_t> old;
  std::uint64_t newcomer = 0;
  std::uint64_t leaver = 0;

  void SetUp() override {
    DirectorySteps::SetUp();
    std::vector<placement_candidate> all;
    for (const std::uint64_t i : {1, 2, 3, 4})
      all.push_back({store_id{i}, {}});
    const auto best = choose_group_servers(group, all, 4);
    newcomer = best.front().value();
    leaver = best.back().value();
    for (const auto& x : all)
      if (x.store != best.front())
        old.push_back(x.store.value());
    for (const auto i : old)
      enrol(i);
    live(8s, old);
    ASSERT_TRUE(entry().led);
    // Somebody has always put something a moment ago.
    for (const auto i : old)
      stands[store_id{i}].missing = 1;
    enrol(newcomer);
    first = entry().in_force.epoch;
  }
  [[nodiscard]] std::vector<std::uint64_t> all() const {
    return {1, 2, 3, 4};
  }
  [[nodiscard]] bool moved() const {
    return of_set(entry().in_force, store_id{newcomer});
  }
  [[nodiscard]] bool untouched() const {
    return entry().in_force.epoch == first && entry().led && !entry().change
           && std::ranges::none_of(old, [&](std::uint64_t i) {
                return stands.at(store_id{i}).sealed;
              });
  }
  group_epoch first;
};

// Under puts a copy is always on its way to somebody. SPEC V6
TEST_F(DirectoryMoves, ABusyGroupMoves) {
  live(20s, all());
  EXPECT_TRUE(moved());
  EXPECT_FALSE(of_set(entry().in_force, store_id{leaver}));
  EXPECT_GT(fills, 0u);
}

// What those that stay lack they fetch while puts wait. SPEC V2
TEST_F(DirectoryMoves, WhoStaysHasToBeMended) {
  const auto stays
    = *std::ranges::find_if(old, [&](std::uint64_t i) { return i != leaver; });
  stands[store_id{stays}].overdue = true;
  live(30s, all());
  EXPECT_TRUE(untouched());
  stands[store_id{stays}].overdue = false;
  live(10s, all());
  EXPECT_TRUE(moved());
}

// It may never be mended.
TEST_F(DirectoryMoves, WhoLeavesMayLackSomethingForGood) {
  stands[store_id{leaver}].overdue = true;
  live(20s, all());
  EXPECT_TRUE(moved());
}

// Somewhere something is always going on. SPEC V6
TEST_F(DirectoryMoves, AnotherServerThatComesAndGoesKeepsNothing) {
  enrol(5);
  for (int i = 0; i < 10; ++i) {
    live(2s, all());
    live(2s, {1, 2, 3, 4, 5});
  }
  EXPECT_TRUE(moved());
}

TEST_F(DirectoryMoves, AServerThatIsSilentGetsNothing) {
  live(9s, old);
  EXPECT_EQ(fills, 0u);
  EXPECT_TRUE(untouched());
}

TEST_F(DirectoryMoves, AServerKeepsItsPlaceWhileItIsSilent) {
  live(20s, all());
  ASSERT_TRUE(moved());
  const auto now_in = entry().in_force.servers;
  for (const auto away : now_in) {
    std::vector<std::uint64_t> rest;
    for (const auto i : all())
      if (store_id{i} != away)
        rest.push_back(i);
    live(3s, rest);
    live(12s, all());
    EXPECT_EQ(entry().in_force.servers, now_in) << away.value() << " is back";
  }
}

// A newcomer that hangs, dies, or has no room costs the group nothing. SPEC V2
TEST_F(DirectoryMoves, NothingChangesBeforeTheNewcomerIsFilled) {
  obeys_fills = false;
  live(20s, all());
  EXPECT_GT(fills, 5u);
  EXPECT_TRUE(untouched());
  live(20s, old); // It is dead.
  fills = 0;
  EXPECT_TRUE(untouched());
  live(4s, all());
  EXPECT_EQ(fills, 0u) << "it has just come back";
  live(6s, all());
  EXPECT_GT(fills, 0u);
  full.insert(store_id{newcomer}); // Its disk is full.
  live(2s, all());
  fills = 0;
  live(20s, all());
  EXPECT_EQ(fills, 0u);
  EXPECT_TRUE(untouched());
  full.clear();
  obeys_fills = true;
  live(30s, all());
  EXPECT_TRUE(moved());
}

// Nor is the primary, as long as another one is there.
TEST_F(DirectoryMoves, ASilentServerIsNoSource) {
  obeys_fills = false;
  live(8s, all());
  ASSERT_EQ(fill_sources.size(), 1u);
  const auto source = *fill_sources.begin();
  EXPECT_NE(source, entry().primary);
  auto left = all();
  std::erase(left, source.value());
  live(2s, left);
  fill_sources.clear();
  live(5s, left);
  EXPECT_FALSE(fill_sources.empty());
  EXPECT_FALSE(fill_sources.contains(source));
}

// Asked every second for 300 s; then it gets no group for 600 s.
TEST_F(DirectoryMoves, ANewcomerThatGetsNothingIsAskedForItsTimeOnly) {
  obeys_fills = false;
  live(5s, all());
  EXPECT_EQ(fills, 0u) << "it has just come";
  live(250ms, all());
  EXPECT_EQ(fills, 1u);
  live(299'750ms, all());
  EXPECT_EQ(fills, 300u);
  live(600s, all());
  EXPECT_EQ(fills, 300u);
  live(250ms, all());
  EXPECT_EQ(fills, 301u);
  EXPECT_TRUE(untouched());
}

TEST_F(DirectoryMoves, WhoGetsNothingIsLeftInPeaceForAWhile) {
  obeys_fills = false;
  live(10s, all());
  ASSERT_GT(fills, 0u);
  for (int i = 0; i < 10; ++i) { // It gets something now and then.
    stands[store_id{newcomer}].bytes += 1;
    live(200s, all());
  }
  fills = 0;
  live(5s, all());
  EXPECT_GT(fills, 0u);
  live(310s, all());
  fills = 0;
  live(60s, all());
  EXPECT_EQ(fills, 0u);
  EXPECT_TRUE(untouched());
  live(600s, all());
  EXPECT_GT(fills, 0u);
}

TEST_F(DirectoryMoves, TheNextMasterBeginsTheFillAgain) {
  obeys_fills = false;
  live(8s, all());
  ASSERT_GT(fills, 0u);
  begin(2);
  for (const auto i : all())
    enrol(i);
  fills = 0;
  live(15s, all());
  EXPECT_GT(fills, 0u);
  EXPECT_TRUE(untouched());
  obeys_fills = true;
  live(10s, all());
  EXPECT_TRUE(moved());
}

// Another one of the set is lost while the newcomer is filled. SPEC V6
TEST_F(DirectoryMoves, ARepairGoesFirst) {
  obeys_fills = false;
  live(8s, all());
  ASSERT_GT(fills, 0u);
  std::vector<std::uint64_t> rest;
  for (const auto i : all())
    if (i != leaver)
      rest.push_back(i);
  live(20s, rest);
  EXPECT_TRUE(moved());
  EXPECT_FALSE(of_set(entry().in_force, store_id{leaver}));
}

// Whom the group lost a moment ago may be lost again. SPEC V2
TEST_F(DirectoryMoves, AGroupIsInOrderForAWhileBeforeItMoves) {
  auto rest = all();
  std::erase(rest, leaver);
  live(8s, rest); // The newcomer has been here for long enough.
  ASSERT_EQ(fills, 0u);
  // It was last seen not to be in order 250 ms ago.
  live(4'750ms, all());
  EXPECT_EQ(fills, 0u);
  live(250ms, all());
  EXPECT_EQ(fills, 1u);
}

// Whoever leads, and whoever is away: the source has all of the set, and is not
// who puts go through. SPEC V2
TEST_F(DirectoryMoves, TheSourceIsAnotherThanThePrimaryWhereThatCanBe) {
  obeys_fills = false;
  const auto set = entry().in_force.servers;
  for (const auto leads : set)
    for (const auto away : set) { // Nobody, if it is who leads.
      full = {set.begin(), set.end()};
      full.erase(leads);
      live(11s, all()); // Who was full is trusted after ten seconds.
      ASSERT_EQ(entry().primary, leads);
      auto here = all();
      if (away != leads)
        std::erase(here, away.value());
      live(2s, here);
      fill_sources.clear();
      live(2s, here);
      ASSERT_EQ(entry().primary, leads);
      EXPECT_EQ(fill_sources.size(), 1u) << leads.value() << away.value();
      EXPECT_FALSE(fill_sources.contains(leads)) << away.value();
      EXPECT_FALSE(away != leads && fill_sources.contains(away));
    }
}

TEST_F(DirectoryMoves, ThePrimaryIsTheSourceWhereItIsAllThatIsThere) {
  obeys_fills = false;
  live(8s, all());
  const auto leads = primary();
  live(2s, {leads, newcomer});
  fill_sources.clear();
  live(2s, {leads, newcomer});
  EXPECT_EQ(fill_sources, std::set<store_id>{store_id{leads}});
}

// The next master has another rule for as many copies: this waits for nobody.
TEST_F(DirectoryMoves, AnotherRuleComesBeforeAnotherServer) { // SPEC V1
  const auto before = entry().in_force.servers;
  obeys_fills = false;
  rule = {3, 3, 1};
  begin(2);
  for (const auto i : all())
    enrol(i);
  live(20s, all());
  EXPECT_EQ(entry().in_force.rule, rule);
  EXPECT_EQ(entry().in_force.servers, before);
  EXPECT_TRUE(entry().led);
  EXPECT_GT(fills, 0u) << "then it moves";
  obeys_fills = true;
  live(10s, all());
  EXPECT_TRUE(moved());
  EXPECT_EQ(entry().in_force.rule, rule);
}

// More copies need other servers, which are filled first.
TEST_F(DirectoryMoves, ARuleOfMoreCopiesGetsThem) { // SPEC V1
  rule = {4, 3, 2};
  begin(2);
  for (const auto i : all())
    enrol(i);
  live(20s, all());
  EXPECT_EQ(entry().in_force.rule, rule);
  EXPECT_EQ(entry().in_force.servers.size(), 4u);
  EXPECT_GT(fills, 0u);
  EXPECT_TRUE(entry().led);
}

} // namespace
} // namespace dfs::core
