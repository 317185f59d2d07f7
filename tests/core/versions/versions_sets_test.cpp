#include "core/versions/epoch_change.hpp"
#include "core/versions/read_machine.hpp"
#include "core/versions/rebuild_plan.hpp"
#include "core/versions/takeover.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace dfs::core {
namespace {

constexpr group_id group{1};
constexpr instant now{};

std::vector<store_id> stores(std::initializer_list<std::uint64_t> xs) {
  std::vector<store_id> all;
  for (const auto x : xs)
    all.emplace_back(x);
  return all;
}

msg::group_set
set_of(std::uint64_t epoch, std::initializer_list<std::uint64_t> servers) {
  return {group, group_epoch{epoch}, {3, 2, 2}, stores(servers)};
}

template <class T>
std::size_t orders(const epoch_effects& all) {
  return static_cast<std::size_t>(
    std::count_if(all.begin(), all.end(), [](const auto& x) {
      const auto* y = std::get_if<order_server>(&x);
      return y && std::holds_alternative<T>(y->what);
    }));
}

TEST(EpochChange, SealsInstallsLogsThenActivates) { // SPEC V6
  epoch_change change{set_of(10, {1, 2, 3}), set_of(20, {1, 2, 4})};
  EXPECT_EQ(orders<msg::seal_group>(change.begin(now)), 3u);
  EXPECT_TRUE(
    change.on_sealed(store_id{1}, {group, group_epoch{10}, group_ballot{20}})
      .empty());
  auto out
    = change.on_sealed(store_id{2}, {group, group_epoch{10}, group_ballot{20}});
  EXPECT_EQ(orders<msg::install_group>(out), 3u);
  EXPECT_TRUE(
    change.on_installed(store_id{1}, {group, group_epoch{20}}).empty());
  out = change.on_installed(store_id{4}, {group, group_epoch{20}});
  ASSERT_EQ(out.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<log_set>(out[0]));
  EXPECT_EQ(orders<msg::activate_group>(change.logged()), 3u);
  change.check();
}

TEST(EpochChange, FindsOutThatItsSetIsSealedAlready) { // SPEC V8
  auto change = epoch_change::resume(set_of(20, {1, 2, 4}));
  EXPECT_EQ(orders<msg::activate_group>(change.begin(now)), 3u);
  const auto out = change.on_refused(
    store_id{1}, {group, {}, group_epoch{20}, group_ballot{30}, ec::stale});
  ASSERT_EQ(out.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<change_failed>(out[0]));
}

// What is late, or of another set, says nothing about this one.
TEST(EpochChange, BelievesItsOwnMembersAboutItsOwnEpochOnly) { // E1, E2
  auto change = epoch_change::resume(set_of(20, {1, 2, 4}));
  (void) change.begin(now);
  const auto refused = [&](std::uint64_t store, std::uint64_t about) {
    return !change
              .on_refused(
                store_id{store},
                {group, {}, group_epoch{about}, group_ballot{30}, ec::stale})
              .empty();
  };
  EXPECT_FALSE(refused(3, 20)) << "no member";
  EXPECT_FALSE(refused(1, 10));
  const auto activated = [&](std::uint64_t store, std::uint64_t in) {
    return !change.on_activated(store_id{store}, {group, group_epoch{in}})
              .empty();
  };
  EXPECT_FALSE(activated(1, 20));
  EXPECT_FALSE(activated(2, 10));
  EXPECT_FALSE(activated(3, 20)) << "no member";
  EXPECT_FALSE(activated(1, 20)) << "said before";
  EXPECT_TRUE(activated(2, 20)) << "two of three";
}

// A higher ballot in the old set fails it while that set is being sealed only.
TEST(EpochChange, FailsByARefusalOfWhomItSeals) { // E1, E3
  epoch_change change{set_of(10, {1, 2, 3}), set_of(20, {1, 2, 4})};
  (void) change.begin(now);
  const auto refused = [&](std::uint64_t store, std::uint64_t promised) {
    const auto out = change.on_refused(
      store_id{store},
      {group, {}, group_epoch{10}, group_ballot{promised}, ec::stale});
    return out.size() == 1 && std::holds_alternative<change_failed>(out[0]);
  };
  EXPECT_FALSE(refused(4, 30)) << "no member of the old set";
  EXPECT_FALSE(refused(3, 20)) << "its own ballot";
  EXPECT_TRUE(refused(3, 30));
  for (const std::uint64_t store : {1u, 2u})
    (void) change.on_sealed(store_id{store},
                            {group, group_epoch{10}, group_ballot{20}});
  ASSERT_EQ(change.state(), epoch_change::phase::installing);
  EXPECT_FALSE(refused(3, 30)) << "late: enough of them are sealed";
}

TEST(Takeover, CountsPromisesOfItsMembersForItsBallotOnly) { // SPEC V6
  takeover x{set_of(10, {1, 2, 3}), group_ballot{20}, store_id{1}};
  msg::ballot_promised promise;
  promise.ballot = group_ballot{20};
  for (const std::uint64_t stranger : {7, 8, 9})
    EXPECT_FALSE(x.promised(store_id{stranger}, promise));
  promise.ballot = group_ballot{21};
  for (const std::uint64_t member : {1, 2, 3})
    EXPECT_FALSE(x.promised(store_id{member}, promise));
  EXPECT_FALSE(x.leads());
  promise.ballot = group_ballot{20};
  EXPECT_FALSE(x.promised(store_id{2}, promise));
  EXPECT_TRUE(x.promised(store_id{1}, promise)) << "its own, and another's";
  EXPECT_TRUE(x.leads());
}

// It would lead without what it has itself accepted.
TEST(Takeover, NeedsItsOwnPromiseAndThoseOfAQuorum) { // SPEC V6
  const auto leads_after = [](std::initializer_list<std::uint64_t> promised) {
    takeover x{set_of(10, {1, 2, 3}), group_ballot{20}, store_id{1}};
    msg::ballot_promised promise;
    promise.ballot = group_ballot{20};
    for (const auto store : promised)
      (void) x.promised(store_id{store}, promise);
    return x.leads();
  };
  EXPECT_FALSE(leads_after({1})) << "one of three";
  EXPECT_FALSE(leads_after({2, 3})) << "not its own";
  EXPECT_TRUE(leads_after({1, 3}));
}

msg::group_testimony says(std::uint64_t store, const msg::group_set& set,
                          bool sealed = false,
                          const msg::group_set& next = {}) {
  return {store_id{store}, set, sealed, next};
}

TEST(RebuildPlan, TakesTheHighestEpochOfASealingQuorum) { // SPEC V8
  const auto older = set_of(10, {1, 2, 3});
  const auto newer = set_of(20, {2, 3, 4});
  const auto found = find_set_in_force(
    {says(1, older), says(2, newer), says(3, newer), says(4, newer)});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->epoch, group_epoch{20});
}

TEST(RebuildPlan, NeverBelievesOneStaleServer) { // SPEC V8
  const auto older = set_of(10, {1, 2, 3});
  const auto newer = set_of(20, {3, 4, 5});
  EXPECT_FALSE(find_set_in_force({says(1, older)}));
  // Two of three are sealed for a set that may be in force.
  EXPECT_FALSE(find_set_in_force(
    {says(1, older, true), says(2, older, true), says(3, older, true, newer)}));
  // Enough of that set say that they are not active.
  const auto found
    = find_set_in_force({says(1, older, true), says(3, older, true, newer),
                         says(4, {}, false, newer)});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->epoch, group_epoch{10});
  EXPECT_FALSE(find_set_in_force({}));
}

// The two others may be sealed, and the later set in force without this one.
TEST(RebuildPlan, ASealingQuorumBesideTheOneThatIsActiveIsEnough) { // SPEC V8
  const auto older = set_of(10, {1, 2, 3});
  const auto newer = set_of(20, {2, 4, 5});
  const auto stale = says(1, older);
  const auto was_sealed = says(2, older, true, newer);
  EXPECT_FALSE(find_set_in_force({stale, was_sealed}));
  // With two of them active it cannot be.
  const auto found = find_set_in_force({stale, was_sealed, says(3, older)});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->epoch, group_epoch{10});
}

// -- a reader -----------------------------------------------------------------

struct Reader : testing::Test {
  msg::group_set set = set_of(10, {1, 2, 3});
  read_machine machine{{}, set, inode_id{7}, 5, set.servers};

  msg::file_state_read state(std::uint64_t serial, bool settled = false) {
    msg::file_state x{{group_ballot{10}, serial}, settled, {}};
    return {group, group_epoch{10}, inode_id{7}, {}, x, 0};
  }
  static const read_over* end(const read_effects& all) {
    for (const auto& x : all)
      if (const auto* y = std::get_if<read_over>(&x))
        return y;
    return nullptr;
  }
};

TEST_F(Reader, TwoEqualAnswersAreTheFile) { // SPEC V2
  EXPECT_EQ(machine.begin(now).size(), 2u);
  EXPECT_EQ(end(machine.on_state(store_id{1}, state(4), now)), nullptr);
  const auto out = machine.on_state(store_id{2}, state(4), now);
  ASSERT_NE(end(out), nullptr);
  EXPECT_EQ(end(out)->state.stamp.serial, 4u);
  EXPECT_EQ(end(out)->holders.size(), 2u);
}

TEST_F(Reader, FinishesAHalfDoneWrite) { // SPEC V4
  (void) machine.begin(now);
  (void) machine.on_state(store_id{1}, state(5), now);
  auto out = machine.on_state(store_id{2}, state(4, true), now);
  ASSERT_EQ(end(out), nullptr) << "the older one is not the file";
  const auto finishes = std::any_of(out.begin(), out.end(), [](const auto& x) {
    const auto* y = std::get_if<ask_finish>(&x);
    return y && y->to == store_id{2} && y->what.holder == store_id{1}
           && y->what.stamp.serial == 5;
  });
  EXPECT_TRUE(finishes);
  out = machine.on_accepted(
    store_id{2}, {group, group_epoch{10}, inode_id{7}, {group_ballot{10}, 5}},
    now);
  ASSERT_NE(end(out), nullptr);
  EXPECT_EQ(end(out)->state.stamp.serial, 5u);
}

// What is late, of another set, or of who was not heard, is no copy of it.
TEST_F(Reader, CountsAnAcceptanceOfThoseItHeardInItsEpochOnly) { // G1
  const auto accepted = [&](std::uint64_t store, std::uint64_t epoch) {
    return machine.on_accepted(
      store_id{store},
      {group, group_epoch{epoch}, inode_id{7}, {group_ballot{10}, 5}}, now);
  };
  (void) machine.begin(now);
  (void) machine.on_state(store_id{1}, state(5), now);
  (void) machine.on_state(store_id{2}, state(4, true), now);
  EXPECT_TRUE(accepted(2, 9).empty());
  EXPECT_TRUE(accepted(3, 10).empty()) << "its state has not come";
  EXPECT_FALSE(machine.over());
  EXPECT_NE(end(accepted(2, 10)), nullptr);
  EXPECT_TRUE(accepted(2, 10).empty()) << "it ends once";
}

// One server was away while the file was deleted and forgotten; it still says
// what was there before.
TEST_F(Reader, ReturnsNothingOfWhatIsForgottenMeanwhile) { // SPEC V4
  auto none = state(0);
  none.state = {};
  none.forgotten = 5; // Before its name was looked up: it never had it.
  EXPECT_TRUE(machine.begin(instant{}).size() >= 2);
  EXPECT_TRUE(machine.on_state(store_id{2}, none, instant{}).empty());
  none.forgotten = 6;
  read_machine other{{}, set, inode_id{7}, 5, set.servers};
  EXPECT_FALSE(other.begin(instant{}).empty());
  EXPECT_TRUE(other.on_state(store_id{1}, state(3, true), instant{}).empty());
  const auto last = other.on_state(store_id{2}, none, instant{});
  ASSERT_EQ(last.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<read_outdated>(last.front()));
  EXPECT_TRUE(other.over());
}

TEST_F(Reader, LeavesWhatIsFencedToThePrimary) { // SPEC V4
  (void) machine.begin(now);
  (void) machine.on_state(store_id{1}, state(5), now);
  (void) machine.on_state(store_id{2}, state(4), now);
  const auto out = machine.on_refused(
    store_id{2},
    {group, inode_id{7}, group_epoch{10}, group_ballot{11}, ec::stale}, now);
  ASSERT_EQ(out.size(), 1u);
  const auto* ask = std::get_if<ask_settle>(&out[0]);
  ASSERT_NE(ask, nullptr);
  EXPECT_EQ(ask->what.seen.serial, 5u);
  EXPECT_TRUE(machine.on_settled({inode_id{7}, state(4).state}).empty())
    << "older than what was seen";
  EXPECT_NE(
    end(machine.on_settled({inode_id{7}, {{group_ballot{11}, 5}, true, {}}})),
    nullptr);
}

} // namespace
} // namespace dfs::core
