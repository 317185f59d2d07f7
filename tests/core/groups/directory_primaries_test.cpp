#include "core/groups/directory_steps.hpp"

#include <gtest/gtest.h>

// Who leads, when a master or a file server begins a new life.

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

struct DirectoryPrimaries : LedGroup {
  void reborn(std::uint64_t i) {
    ++lives[i];
    beats[store_id{i}] = 0;
    enrol(i);
  }
};

TEST_F(DirectoryPrimaries, WhoLeadsGoesOnUnderTheNextMaster) { // SPEC V6
  const auto leads = entry().ballot;
  const auto before = takeovers;
  begin(2);
  for (const std::uint64_t i : {1, 2, 3})
    enrol(i);
  live(3s, {1, 2, 3});
  EXPECT_TRUE(entry().led);
  EXPECT_EQ(entry().ballot, leads);
  EXPECT_EQ(takeovers, before);
}

TEST_F(DirectoryPrimaries, WhereNobodyLeadsSomebodyIsAppointedAtOnce) { // V6
  begin(2);
  for (const std::uint64_t i : {1, 2, 3}) {
    stands[store_id{i}].leads = {};
    enrol(i);
  }
  for (int i = 0; i < 12; ++i) {
    live(250ms, {1, 2, 3});
    if (entry().ready && !entry().adopt_until) {
      EXPECT_NE(entry().primary, store_id{}) << i;
    }
  }
  EXPECT_TRUE(entry().led);
}

TEST_F(DirectoryPrimaries, ANewLifeOfThePrimaryLeadsNothing) { // SPEC V6
  const auto leads = entry().ballot;
  reborn(primary());
  EXPECT_NE(entry().ballot, leads) << "somebody is appointed at once";
  EXPECT_FALSE(entry().led) << "it has not said that it leads";
}

TEST_F(DirectoryPrimaries, ANewLifeOfAnotherServerChangesNothing) { // SPEC V6
  const auto leads = entry().ballot;
  reborn(primary() == 1 ? 2 : 1);
  EXPECT_TRUE(entry().led);
  EXPECT_EQ(entry().ballot, leads);
}

// Nobody has said that a part of what was put may be given up.
TEST_F(DirectoryPrimaries, ANewMasterDoesNotForceAGroup) { // SPEC V2
  const auto set = entry().in_force;
  begin(2);
  for (const std::uint64_t i : {1, 4, 5})
    enrol(i);
  live(60s, {1, 4, 5});
  EXPECT_EQ(entry().in_force.servers, set.servers);
  EXPECT_FALSE(entry().ready);
}

// Its files are counted on while it is refilled.
TEST_F(DirectoryPrimaries, WhoComesBackKeepsWhatItToldOfItsFiles) {
  live(15s, {1, 2});
  obeys_rejoins = false;
  stands[store_id{3}].files = 7;
  live(1s, {1, 2, 3});
  ASSERT_TRUE(entry().rejoining.contains(store_id{3}));
  msg::group_news said;
  said.rejoined.push_back(
    {group, entry().in_force.epoch, msg::rejoin_order::quarantine});
  news(store_id{3}, said);
  const auto* stood = machine->standing(store_id{3}, group);
  ASSERT_NE(stood, nullptr);
  EXPECT_TRUE(stood->quarantined);
  EXPECT_EQ(stood->files, 7u);
}

TEST_F(DirectoryPrimaries, NewsOfGroupsThatAreNotKnownChangeNothing) {
  const auto before = entry().in_force.epoch;
  msg::group_news said;
  said.activated.push_back({group_id{99}, group_epoch{1}});
  said.sealed.push_back({group_id{99}, group_epoch{1}, {}});
  news(store_id{2}, said);
  EXPECT_EQ(entry().in_force.epoch, before);
  EXPECT_TRUE(entry().led);
}

} // namespace
} // namespace dfs::core
