#include "core/groups/directory_steps.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <utility>
#include <vector>

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

/// The next master of a group that is led.
struct NextMaster : DirectoryPrimaries {
  store_id leads;
  group_ballot ballot;

  void SetUp() override {
    DirectoryPrimaries::SetUp();
    leads = entry().primary;
    ballot = entry().ballot;
  }
  void nobody_leads() {
    for (const std::uint64_t i : {1, 2, 3})
      stands[store_id{i}].leads = {};
  }
  void take_over(const std::vector<std::uint64_t>& who) {
    begin(2);
    for (const auto i : who)
      enrol(i);
  }
  /// Steps until the set is active again.
  void ready(const std::vector<std::uint64_t>& who) {
    for (int i = 0; i < 8 && !entry().ready; ++i)
      live(250ms, who);
    ASSERT_TRUE(entry().ready);
  }
  /// The others are active, and `leads` has told of nothing yet.
  void ready_without() {
    obeys_installs = obeys_activations = false;
    untold = {leads};
    take_over({1, 2, 3});
    live(250ms, {1, 2, 3});
    for (const auto i : others())
      activated(i);
    ASSERT_TRUE(entry().ready);
  }
  [[nodiscard]] std::vector<std::uint64_t> others() const {
    std::vector<std::uint64_t> rest{1, 2, 3};
    std::erase(rest, leads.value());
    return rest;
  }
};

// All have said that they do not lead: there is nothing to wait for.
TEST_F(NextMaster, WaitsForNobodyWhenAllHaveToldThatTheyDoNotLead) { // SPEC V6
  nobody_leads();
  tells_all = false; // Of this group they have.
  take_over({1, 2, 3});
  ready({1, 2, 3});
  EXPECT_NE(entry().primary, store_id{});
}

TEST_F(NextMaster, WaitsForNobodyWhoIsAway) { // SPEC V6
  take_over(others());
  ready(others());
  EXPECT_NE(entry().primary, store_id{});
}

// Who has not told of the group may lead it: for 700 ms.
TEST_F(NextMaster, WaitsForAWhileForWhoHasNotTold) { // SPEC V6
  ready_without();
  ASSERT_TRUE(entry().adopt_until);
  const auto until = *entry().adopt_until;
  now = until - 1ms;
  machine->tick(now);
  EXPECT_EQ(entry().primary, store_id{});
  now = until;
  machine->tick(now);
  EXPECT_NE(entry().primary, store_id{});
  EXPECT_GT(entry().ballot, ballot);
}

TEST_F(NextMaster, HearsInTimeWhoLeads) { // SPEC V6
  ready_without();
  untold.clear();
  live(250ms, {1, 2, 3});
  EXPECT_EQ(entry().primary, leads);
  EXPECT_EQ(entry().ballot, ballot);
  EXPECT_TRUE(entry().led);
}

// Of two that believe that they lead: the other one's puts are refused.
TEST_F(NextMaster, KeepsWhoHasTheHighestBallot) { // SPEC V4
  const group_ballot highest{ballot.value() + 9};
  stands[leads].leads = highest;
  for (const auto other : others()) {
    stands[store_id{other}].leads = ballot;
    take_over({1, 2, 3});
    ready({1, 2, 3});
    EXPECT_EQ(entry().primary, leads) << other;
    EXPECT_EQ(entry().ballot, highest);
  }
}

// A primary of the set before this one has no say in it. D1
TEST_F(NextMaster, KeepsNobodyWhoLedAnEarlierSet) {
  nobody_leads();
  stands[leads].leads = group_ballot{entry().in_force.epoch.value() - 1};
  take_over({1, 2, 3});
  ready({1, 2, 3});
  EXPECT_GT(entry().ballot, ballot);
}

// What it said is not what is: no order would get to it. SPEC V6
TEST_F(NextMaster, KeepsNobodyWhoseLinkIsLost) {
  take_over({1, 2, 3});
  live(250ms, {1, 2, 3});
  ASSERT_FALSE(entry().ready);
  ASSERT_EQ(machine->standing(leads, group)->leads, ballot);
  machine->link_lost(leads, boot(leads.value()), now);
  ready(others());
  EXPECT_NE(entry().primary, leads);
  EXPECT_GT(entry().ballot, ballot);
}

// It led once, and was declared failed since; who was appointed after it may
// have gone on without it. SPEC V7
TEST_F(NextMaster, KeepsNobodyWhoHasToBeRefilled) {
  live(15s, others());
  ASSERT_TRUE(entry().led);
  ASSERT_NE(entry().primary, leads);
  const auto second = entry().primary.value();
  const auto third
    = others().front() == second ? others().back() : others().front();
  obeys_rejoins = false;
  take_over({leads.value(), third});
  ready({leads.value(), third});
  EXPECT_EQ(entry().primary, store_id{third});
  EXPECT_GT(entry().ballot, ballot);
}

// Others need not find out by themselves. SPEC V6
TEST_F(DirectoryPrimaries, WhoResignsIsFollowedAtOnce) {
  const auto leads = entry().primary;
  const auto ballot = entry().ballot;
  const auto resigns = [&](store_id who, group_id of, group_ballot which) {
    msg::group_news said;
    said.resigned.push_back({of, which});
    news(who, std::move(said));
  };
  resigns(leads, group_id{99}, ballot);
  resigns(leads, group, group_ballot{ballot.value() - 1});
  resigns(store_id{leads == store_id{1} ? 2u : 1u}, group, ballot);
  EXPECT_EQ(entry().ballot, ballot);
  EXPECT_TRUE(entry().led);
  resigns(leads, group, ballot);
  EXPECT_GT(entry().ballot, ballot);
  EXPECT_NE(entry().primary, store_id{});
  EXPECT_NE(entry().primary, leads);
  EXPECT_FALSE(entry().led) << "it has not said that it leads";
}

TEST_F(DirectoryPrimaries, LeadsOfGroupsThatAreNotKnownChangeNothing) {
  const auto ballot = entry().ballot;
  msg::group_news said;
  said.led.push_back({group_id{99}, group_ballot{1}});
  said.rejoined.push_back(
    {group_id{99}, group_epoch{1}, msg::rejoin_order::refill});
  news(entry().primary, std::move(said));
  EXPECT_EQ(entry().ballot, ballot);
  EXPECT_TRUE(entry().led);
}

// If it does not say so, another one is tried.
TEST_F(DirectoryPrimaries, WhoIsAppointedLeadsWhenItSaysSo) { // SPEC V6
  const auto leads = entry().primary;
  const auto ballot = entry().ballot;
  kill(leads.value());
  EXPECT_GT(entry().ballot, ballot);
  EXPECT_FALSE(entry().led);
  obey();
  EXPECT_TRUE(entry().led);
}

} // namespace
} // namespace dfs::core
