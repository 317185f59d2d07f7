#include "core/groups/directory_steps.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

TEST_F(DirectorySteps, WhoWasDeclaredFailedIsNotFitBecauseItWasActivated) {
  // SPEC V7
  for (const auto i : {1, 2, 3})
    enrol(static_cast<std::uint64_t>(i));
  live(5s, {1, 2, 3});
  ASSERT_TRUE(entry().led);
  live(15s, {1, 2});
  ASSERT_TRUE(machine->servers().at(store_id{3}).row.failed);
  obeys_rejoins = false;
  live(500ms, {1, 2, 3});
  ASSERT_FALSE(machine->fit(entry(), store_id{3}));
  activated(3);
  EXPECT_FALSE(machine->fit(entry(), store_id{3})) << "that came late";
  obeys_rejoins = true;
  live(3s, {1, 2, 3});
  EXPECT_TRUE(machine->fit(entry(), store_id{3})) << "it is refilled";
  EXPECT_FALSE(machine->servers().at(store_id{3}).row.failed);
}

TEST_F(DirectorySteps, WhoFailsWhileASetComesInForceIsRefilled) { // SPEC V7
  for (const auto i : {1, 2, 3})
    enrol(static_cast<std::uint64_t>(i));
  obeys_activations = false;
  live(2s, {1, 2, 3});
  ASSERT_FALSE(entry().in_force.servers.empty());
  ASSERT_FALSE(entry().ready);
  live(15s, {1, 2});
  ASSERT_TRUE(machine->servers().at(store_id{3}).row.failed);
  activated(3); // It said so before it fell silent.
  activated(1);
  ASSERT_TRUE(entry().ready);
  EXPECT_TRUE(machine->fit(entry(), store_id{1}));
  EXPECT_FALSE(machine->fit(entry(), store_id{3}));
}

// Puts go on where others have room; nothing moves to and fro. SPEC V2, O3
// Clients of a cluster that has just been started wait; they do not look for
// servers that are missing.
TEST_F(DirectorySteps, TheFirstSetIsWaitedForWhereEnoughServersAreUp) {
  for (const std::uint64_t i : {1, 2})
    enrol(i);
  msg::locate_group asked;
  asked.group = group;
  EXPECT_EQ(machine->locate(asked, now).error().code, ec::too_few_servers);
  enrol(3);
  EXPECT_EQ(machine->locate(asked, now).error().code, ec::unavailable);
}

// It joins no set before it has been there for a while.
TEST_F(LedGroup, WhoRegistersAnewHasJustCome) { // SPEC V7
  enrol(4);
  live(10s, {1, 2, 3, 4});
  const auto came = [&] { return machine->servers().at(store_id{4}).came; };
  ASSERT_LT(came(), now);
  enrol(4); // A new connection of the same life.
  EXPECT_LT(came(), now);
  ++lives[4];
  enrol(4);
  EXPECT_EQ(came(), now);
  live(30s, {1, 2, 3}); // Not a word of it.
  ASSERT_LT(came(), now);
  enrol(4);
  EXPECT_EQ(came(), now);
}

TEST_F(LedGroup, WhoWasActivatedIsBackInItsSet) { // SPEC V6
  obeys_rejoins = false;
  stands[store_id{3}].quarantined = true; // By a former master.
  live(500ms, {1, 2, 3});
  stands[store_id{3}].quarantined = false;
  live(500ms, {1, 2, 3});
  ASSERT_TRUE(entry().rejoining.contains(store_id{3}));
  activated(3);
  EXPECT_FALSE(entry().rejoining.contains(store_id{3}));
}

TEST_F(DirectorySteps, LeadsLeaveAServerWithoutRoom) {
  for (const std::uint64_t i : {1, 2, 3})
    enrol(i);
  live(10s, {1, 2, 3});
  const auto first = primary();
  ASSERT_NE(first, 0u);
  full.insert(store_id{first});
  live(1s, {1, 2, 3});
  const auto second = primary();
  EXPECT_NE(second, first);
  EXPECT_TRUE(entry().led);
  // It comes and goes, as removals make room and puts use it up.
  const auto before = takeovers;
  for (int i = 0; i < 10; ++i) {
    full.erase(store_id{first});
    live(3s, {1, 2, 3});
    full.insert(store_id{first});
    live(3s, {1, 2, 3});
  }
  EXPECT_EQ(takeovers, before);
  // The other one dies: the third leads, not the full one.
  std::vector<std::uint64_t> rest;
  for (const std::uint64_t i : {1, 2, 3})
    if (i != second)
      rest.push_back(i);
  live(4s, rest);
  const auto third = primary();
  EXPECT_TRUE(third != 0 && third != first && third != second) << third;
  // Nobody has room: it is led all the same, and by whom it was.
  for (const std::uint64_t i : {1, 2, 3})
    full.insert(store_id{i});
  live(3s, rest);
  EXPECT_EQ(primary(), third);
}

TEST_F(DirectorySteps, WhoHasHadRoomForAWhileLeadsAgain) {
  for (const std::uint64_t i : {1, 2, 3})
    enrol(i);
  for (const std::uint64_t i : {1, 2})
    full.insert(store_id{i});
  live(10s, {1, 2, 3});
  ASSERT_EQ(primary(), 3u);
  full = {store_id{3}};
  live(5s, {1, 2, 3});
  EXPECT_EQ(primary(), 3u) << "too soon";
  live(8s, {1, 2, 3});
  EXPECT_NE(primary(), 3u);
}

TEST_F(DirectorySteps, RoomCountsWhenItHasLastedForTenSeconds) { // O3
  enrol(1);
  const store_id store{1};
  live(1s, {1});
  EXPECT_TRUE(machine->has_room(store, now));
  full.insert(store);
  live(250ms, {1});
  const auto told = now - 250ms;
  EXPECT_FALSE(machine->has_room(store, told + 60s)) << "it is full";
  full.clear();
  live(250ms, {1});
  EXPECT_FALSE(machine->has_room(store, told + 9'999ms));
  EXPECT_TRUE(machine->has_room(store, told + 10s));
}

// What was last told is not what is. SPEC V7
TEST_F(DirectorySteps, NobodyDropsAGroupThatASilentServerCountsFor) {
  for (const std::uint64_t i : {1, 2, 3})
    enrol(i);
  live(3s, {1, 2, 3});
  ASSERT_TRUE(entry().led);
  enrol(4); // Has something of an older epoch.
  stands[store_id{4}].epoch = group_epoch{1};
  live(2s, {1, 2, 4}); // One of the set is silent, and not yet declared failed.
  drops = 0;
  stands[store_id{4}].files = 1;
  live(3s, {1, 2, 4});
  EXPECT_EQ(drops, 0u);
  live(2s, {1, 2, 3, 4});
  EXPECT_GT(drops, 0u) << "all have everything, and are there";
}

TEST_F(DirectorySteps, AFileServerIsForgottenWhenNoGroupCountsOnIt) { // S9
  for (const auto i : {1, 2, 3, 4})
    enrol(static_cast<std::uint64_t>(i));
  live(3s, {1, 2, 3, 4});
  ASSERT_TRUE(entry().ready);
  const auto gone = entry().in_force.servers.front();
  std::vector<std::uint64_t> left;
  for (const auto i : {1, 2, 3, 4})
    if (store_id{static_cast<std::uint64_t>(i)} != gone)
      left.push_back(static_cast<std::uint64_t>(i));
  const auto forget = [&](const std::string& who) {
    const auto said = machine->forget({who}, now);
    drain();
    return said ? std::optional<ec>{} : said.error().code;
  };
  const auto id = fmt::format("{:016x}", gone.value());
  EXPECT_EQ(forget("nobody"), ec::not_found);
  EXPECT_EQ(forget(id), ec::exists);
  live(4s, left);
  EXPECT_EQ(forget(id), ec::not_empty) << "its group counts on it yet";
  live(15s, left);
  ASSERT_FALSE(of_set(entry().in_force, gone));
  EXPECT_TRUE(rows.contains(gone));
  EXPECT_EQ(forget(id), std::nullopt);
  EXPECT_FALSE(rows.contains(gone));
  EXPECT_FALSE(machine->servers().contains(gone));
  EXPECT_TRUE(machine->repairs().empty());
  EXPECT_EQ(forget(id), ec::not_found);
  live(3s, left);
  EXPECT_TRUE(machine->whole(entry()));
  begin(2);
  EXPECT_FALSE(machine->servers().contains(gone));
  for (const auto i : {1, 2, 3, 4})
    enrol(static_cast<std::uint64_t>(i)); // It, too, all the same.
  live(3s, {1, 2, 3, 4});
  EXPECT_TRUE(machine->servers().contains(gone));
}

// Its promises and acceptances may be gone: it counts when it is refilled, and
// keeps to every ballot that was ever given.
TEST_F(DirectorySteps, AStoreThatWentBackIsRefilled) { // SPEC V7, G12
  for (const std::uint64_t i : {1, 2, 3}) {
    stores[i] = 100;
    enrol(i);
  }
  EXPECT_FALSE(told_back);
  stores[3] = 200;
  live(3s, {1, 2, 3});
  ASSERT_TRUE(entry().led);
  EXPECT_EQ(ages.at(store_id{3}).rows, 200u);
  stores[3] = 199;
  enrol(3);
  EXPECT_FALSE(told_back) << "what was told in one life came late";
  ++lives[3];
  beats[store_id{3}] = 0;
  obeys_rejoins = false;
  enrol(3);
  EXPECT_TRUE(told_back);
  EXPECT_FALSE(machine->fit(entry(), store_id{3}));
  EXPECT_TRUE(rows.at(store_id{3}).failed);
  live(60s, {1, 3}); // It is not taken back as it is.
  for (const auto& x : rejoins)
    EXPECT_NE(x.order, msg::rejoin_order::take_back);
  // Nor by the next master, whatever was written meanwhile.
  stores[3] = 1'000;
  begin(2);
  for (const std::uint64_t i : {1, 2, 3})
    enrol(i);
  EXPECT_TRUE(told_back);
  obeys_rejoins = true;
  rejoins.clear();
  live(5s, {1, 2, 3});
  ASSERT_TRUE(machine->fit(entry(), store_id{3}));
  ASSERT_FALSE(rejoins.empty());
  EXPECT_EQ(rejoins.back().order, msg::rejoin_order::refill);
  EXPECT_GE(rejoins.back().floor, entry().ballot);
  EXPECT_FALSE(rows.at(store_id{3}).failed);
  enrol(3);
  EXPECT_FALSE(told_back);
}

// It may have the set after all, and is told to stay aside first. If it does
// not answer, its set is installed anew.
TEST_F(DirectorySteps, WhoWentBackHasAWhileToAnswer) { // SPEC V7
  for (const std::uint64_t i : {1, 2, 3}) {
    stores[i] = 100;
    enrol(i);
  }
  live(3s, {1, 2, 3});
  ASSERT_TRUE(entry().led);
  const auto before = entry().in_force.epoch;
  stores[3] = 50;
  ++lives[3];
  beats[store_id{3}] = 0;
  obeys_rejoins = false;
  enrol(3);
  live(750ms, {1, 2, 3}); // Three beats.
  EXPECT_FALSE(rejoins.empty());
  EXPECT_EQ(entry().in_force.epoch, before);
  live(250ms, {1, 2, 3});
  EXPECT_GT(entry().in_force.epoch, before);
}

// A former primary may not know that it is none: its file may have been
// forgotten since, and put again after a restore. SPEC V4, S9
TEST_F(DirectorySteps, OnlyWhoLeadsHasANameFreed) {
  for (const std::uint64_t i : {1, 2, 3})
    enrol(i);
  live(4s, {1, 2, 3});
  ASSERT_TRUE(entry().led);
  const auto asked = [&](store_id who, group_ballot ballot) {
    msg::group_news x;
    x.store = who;
    x.boot = boot(who.value());
    x.unlink = {{group, inode_id{7}, ballot}};
    return machine->news(x, now).size();
  };
  const auto primary = entry().primary;
  const auto ballot = entry().ballot;
  EXPECT_EQ(asked(primary, ballot), 1u);
  EXPECT_EQ(asked(primary, group_ballot{ballot.value() - 1}), 0u);
  for (const std::uint64_t i : {1, 2, 3})
    if (store_id{i} != primary) {
      EXPECT_EQ(asked(store_id{i}, ballot), 0u);
    }
}

} // namespace
} // namespace dfs::core
