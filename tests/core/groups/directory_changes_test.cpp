#include "core/groups/directory_steps.hpp"
#include "core/versions/group_placement.hpp"

#include <gtest/gtest.h>

#include <algorithm>
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

} // namespace
} // namespace dfs::core
