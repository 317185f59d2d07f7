#include "core/groups/directory_report.hpp"
#include "core/groups/directory_steps.hpp"
#include "core/versions/group_placement.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

// When a group needs another set, and when not.

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

struct DirectoryChanges : DirectorySteps {
  void enrol_all(std::uint64_t count) {
    for (std::uint64_t i = 1; i <= count; ++i) {
      enrol(i);
      all.push_back(i);
    }
  }
  void leave_out(std::uint64_t x) {
    std::erase(all, x);
  }
  std::vector<std::uint64_t> all; ///< That live.
};

// The change that is under way takes up the only place, and must not wait for
// itself behind a group that has fewer copies. SPEC V6
TEST_F(DirectoryChanges, AnotherServerIsFoundWhileMoreUrgentGroupsWait) {
  groups = 2;
  repair_parallel = 1;
  begin(2);
  enrol_all(6);
  live(5s, all);
  const group_id urgent{0};
  const group_id late{1};
  ASSERT_TRUE(entry(urgent).led);
  ASSERT_TRUE(entry(late).led);
  const auto set = entry(late).in_force;
  const auto gone = *std::ranges::find_if(
    set.servers, [&](store_id x) { return of_set(entry(urgent).in_force, x); });
  const auto lacks = [&](group_id which, bool something) {
    for (const auto x : entry(which).in_force.servers)
      stand(x, which).missing = something ? 1 : 0;
  };
  lacks(late, true);
  live(500ms, all);
  obeys_installs = false;
  leave_out(gone.value());
  kill(gone.value());
  ASSERT_FALSE(entry(late).ready);
  ASSERT_TRUE(entry(urgent).ready) << "one at a time";
  const auto newcomer
    = *std::ranges::find_if(entry(late).change->to().servers,
                            [&](store_id x) { return !of_set(set, x); });
  lacks(late, false);
  lacks(urgent, true);
  live(500ms, all);
  leave_out(newcomer.value());
  kill(newcomer.value());
  ASSERT_TRUE(entry(late).change);
  EXPECT_FALSE(of_set(entry(late).change->to(), newcomer));
  obeys_installs = true;
  lacks(urgent, false);
  live(5s, all);
  for (const auto x : {urgent, late}) {
    EXPECT_TRUE(entry(x).led);
    EXPECT_FALSE(of_set(entry(x).in_force, gone));
    EXPECT_FALSE(of_set(entry(x).in_force, newcomer));
  }
}

// It is sealed for a change that is over, and the order that makes it active
// was lost.
TEST_F(DirectoryChanges, AMemberThatIsLateNeedsNoOtherSet) { // SPEC V2
  enrol_all(3);
  live(3s, all);
  ASSERT_TRUE(entry().led);
  const auto epoch = entry().in_force.epoch;
  stands[store_id{3}].epoch = group_epoch{1};
  stands[store_id{3}].sealed = true;
  live(2s, all);
  EXPECT_EQ(entry().in_force.epoch, epoch);
  EXPECT_FALSE(entry().change);
}

TEST_F(DirectoryChanges, AMemberThatIsSealedNeedsAnotherSet) { // SPEC V6
  enrol_all(3);
  live(3s, all);
  const auto epoch = entry().in_force.epoch;
  stands[store_id{3}].sealed = true;
  live(2s, all);
  EXPECT_GT(entry().in_force.epoch, epoch);
  EXPECT_TRUE(entry().led);
}

// A port that refuses may be a server that has not opened it yet, and a broken
// link may be the network: only both together prove a death.
TEST_F(DirectoryChanges, ARefusedProbeOfALinkedServerProvesNothing) { // V6
  enrol_all(3);
  live(3s, all);
  const auto failed
    = [&] { return machine->servers().at(store_id{3}).row.failed; };
  machine->probed(store_id{3}, boot(3), true, now);
  EXPECT_FALSE(failed());
  EXPECT_TRUE(machine->alive(store_id{3}, now));
  machine->link_lost(store_id{3}, boot(3), now);
  machine->probed(store_id{3}, boot_id{77}, true, now);
  EXPECT_FALSE(failed()) << "an answer about another life";
  machine->probed(store_id{3}, boot(3), false, now);
  EXPECT_FALSE(failed()) << "the port answers";
  machine->probed(store_id{3}, boot(3), true, now);
  EXPECT_TRUE(failed());
  EXPECT_FALSE(machine->alive(store_id{3}, now));
}

// It may be the one that has a set of the group, which is not known here.
TEST_F(DirectoryChanges, NoFirstSetBeforeEveryServerHasToldAll) { // SPEC V8
  enrol_all(4);
  untold = {store_id{4}};
  live(10s, all);
  EXPECT_TRUE(entry().in_force.servers.empty());
  EXPECT_FALSE(entry().change);
  untold.clear();
  live(3s, all);
  EXPECT_TRUE(entry().led);
}

TEST_F(DirectoryChanges, NoFirstSetForAGroupThatHasOne) { // SPEC V8
  enrol_all(4);
  stands[store_id{4}].epoch = group_epoch{7};
  untold = {store_id{4}};
  live(10s, all);
  untold.clear();
  live(60s, all);
  EXPECT_TRUE(entry().in_force.servers.empty());
  EXPECT_FALSE(entry().change);
}

// The master may not know the newest set: what is in a later epoch than it
// knows may be all that is left. SPEC V7, D4
TEST_F(DirectoryChanges, OnlyWhatIsOfAnEarlierEpochIsDropped) {
  enrol_all(3);
  live(3s, all);
  enrol(4);
  auto& outside = stands[store_id{4}];
  const auto epoch = entry().in_force.epoch;
  for (const std::uint64_t ahead : {0, 1}) {
    outside.epoch = group_epoch{epoch.value() + ahead};
    live(1s, {1, 2, 3, 4});
    ASSERT_TRUE(machine->whole(entry(), now));
    EXPECT_EQ(drops, 0u) << ahead;
  }
  outside.epoch = group_epoch{epoch.value() - 1};
  live(1s, {1, 2, 3, 4});
  EXPECT_GT(drops, 0u);
}

// In what state a server is that has no part in the set is its own matter.
TEST_F(DirectoryChanges, WhoIsOutsideOfASetDoesNotChangeIt) { // SPEC V6
  enrol_all(3);
  live(3s, all);
  const auto epoch = entry().in_force.epoch;
  enrol(4);
  auto& outside = stands[store_id{4}];
  outside.epoch = epoch;
  outside.sealed = outside.quarantined = true;
  live(3s, {1, 2, 3, 4});
  EXPECT_EQ(entry().in_force.epoch, epoch);
  EXPECT_FALSE(entry().change);
  EXPECT_FALSE(entry().rejoining.contains(store_id{4}));
}

/// A master that has an old state of the metadata: of the group's two sets it
/// knows the first.
struct DirectoryOutrun : DirectoryChanges {
  msg::group_set newest;

  void SetUp() override {
    DirectoryChanges::SetUp();
    enrol_all(3);
    live(3s, all);
    enrol(4);
    const auto first = logged;
    leave_out(3);
    all.push_back(4);
    live(500ms, all);
    kill(3);
    obey();
    live(3s, all);
    ASSERT_TRUE(entry().led);
    newest = entry().in_force;
    ASSERT_TRUE(of_set(newest, store_id{4}));
    logged = first;
    obeys_installs = obeys_activations = false;
    begin(2);
    ASSERT_LT(entry().in_force.epoch, newest.epoch);
    for (const auto i : all)
      enrol(i);
  }
};

// One server's word is enough, whatever the others say after it.
TEST_F(DirectoryOutrun, ALaterEpochThanIsKnownIsReported) { // SPEC S9
  untold = {store_id{1}, store_id{2}};
  EXPECT_FALSE(entry().outrun);
  live(250ms, {4});
  EXPECT_TRUE(entry().outrun);
  for (const std::uint64_t i : {1, 2})
    stands[store_id{i}].epoch = entry().in_force.epoch;
  untold.clear();
  live(1s, {1, 2});
  EXPECT_TRUE(entry().outrun);
  const auto told = report_group(*machine, group, now);
  EXPECT_EQ(told.phase, msg::group_phase::lost);
  EXPECT_EQ(told.detail, "a server is in a later epoch than is known here: "
                         "admin rebuild-directory");
}

// An operator who has done what the report asks for is not asked again.
TEST_F(DirectoryOutrun, ARebuildEndsIt) { // SPEC S9, V8
  live(500ms, all);
  ASSERT_TRUE(entry().outrun);
  machine->rebuild(5, now);
  drain();
  for (const auto i : all) {
    msg::group_news said;
    said.testimonies.push_back({store_id{i}, newest, false, {}});
    news(store_id{i}, std::move(said));
  }
  machine->tick(now);
  drain();
  ASSERT_TRUE(entry().change);
  EXPECT_EQ(entry().in_force.epoch, newest.epoch);
  EXPECT_FALSE(entry().outrun);
  EXPECT_EQ(report_group(*machine, group, now).phase,
            msg::group_phase::changing);
  obeys_installs = obeys_activations = true;
  live(3s, all);
  EXPECT_EQ(report_group(*machine, group, now).phase,
            msg::group_phase::healthy);
}

} // namespace
} // namespace dfs::core
