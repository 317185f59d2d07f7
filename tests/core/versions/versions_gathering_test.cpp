#include "core/versions/manifest_rules.hpp"
#include "core/versions/replica_machine.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <utility>
#include <variant>
#include <vector>

// One replica that gathers what others have, page by page: whom it asks, what
// it takes, and when it says that it is done.

namespace dfs::core {
namespace {

constexpr group_id group{9};
constexpr group_epoch old_epoch{100};
constexpr group_epoch new_epoch{200};
constexpr store_id first{1};
constexpr store_id second{2};
constexpr store_id self{4};
const msg::group_set own_set{
  group, old_epoch, {3, 2, 2}, {first, second, self}};
const msg::group_set next_set{
  group, new_epoch, {3, 2, 2}, {first, second, self}};

msg::put_id content_of(std::uint64_t file, std::uint64_t serial) {
  return {put_writer{file}, serial};
}

msg::file_state
state(std::uint64_t file, std::uint64_t ballot, std::uint64_t serial) {
  msg::file_version v;
  v.put = v.content = content_of(file, serial);
  v.bytes = 10;
  return {{group_ballot{ballot}, serial}, true, add_version({}, v, {}, 0)};
}

replica_rows member_rows(bool quarantined) {
  replica_rows rows;
  rows.group.role = replica_role::active;
  rows.group.set = own_set;
  rows.group.promised = group_ballot{150};
  rows.group.quarantined = quarantined;
  return rows;
}

struct Gathering : testing::Test {
  using asks = std::set<std::pair<store_id, bool>>; ///< And: of a sealed one?

  replica_machine machine{self, group, {}, {}};
  instant now = instant{} + std::chrono::hours{1};
  std::vector<replica_answer> answers;
  asks asked;
  std::vector<std::uint64_t> issued;

  void begin(replica_rows rows, replica_limits limits = {}) {
    machine = replica_machine{self, group, std::move(rows), {}, limits};
  }
  void note(const replica_effects& all) {
    for (const auto& x : all) {
      if (const auto* answer = std::get_if<answer_asker>(&x))
        answers.push_back(answer->what);
      if (const auto* rows = std::get_if<store_rows>(&x))
        issued.push_back(rows->ticket);
      if (const auto* ask = std::get_if<ask_replica>(&x))
        asked.emplace(ask->to, std::get<msg::fetch_group>(ask->what).sealed);
    }
  }
  /// What is on its way to the disk gets there.
  void store() {
    while (!issued.empty()) {
      const auto ticket = issued.front();
      issued.erase(issued.begin());
      note(machine.stored(ticket, now));
    }
  }
  asks asked_after(const replica_effects& all) {
    asked.clear();
    note(all);
    return std::exchange(asked, {});
  }
  replica_effects install() {
    return machine.install(7, {next_set, old_epoch, {first, second}}, now);
  }
  replica_effects rejoin(msg::rejoin_order order) {
    return machine.rejoin(5, {group, old_epoch, order, {first}, {}}, now);
  }
  void fetched(store_id from, group_epoch epoch, bool sealed,
               const std::vector<msg::fetched_file>& files) {
    note(machine.on_fetched(from, {group, epoch, sealed, {}, 0, files, true},
                            now));
  }
  void hold(const msg::put_id& content) {
    note(machine.content_held(content, now));
  }
  [[nodiscard]] bool installed() {
    store();
    return std::any_of(answers.begin(), answers.end(), [](const auto& x) {
      return std::holds_alternative<msg::group_installed>(x);
    });
  }
  /// Two files, of one of which the second source has the newer version.
  void gather_two() {
    note(install());
    fetched(first, old_epoch, true,
            {{inode_id{5}, state(5, 50, 5)}, {inode_id{6}, state(6, 50, 6)}});
    hold(content_of(5, 5));
    fetched(second, old_epoch, true, {{inode_id{5}, state(5, 50, 7)}});
    hold(content_of(5, 7));
    EXPECT_FALSE(installed()) << "one content is lacking";
  }
};

// It came, and was found to be bad before all is stored.
TEST_F(Gathering, FetchesALostContentAgainBeforeItIsDone) { // SPEC V6
  gather_two();
  note(machine.content_lost(content_of(5, 7), now));
  hold(content_of(6, 6));
  EXPECT_FALSE(installed());
  hold(content_of(5, 7));
  EXPECT_TRUE(installed());
}

// Nobody may have the older version any more.
TEST_F(Gathering, WaitsForNoLostContentOfAnOlderVersion) { // SPEC V6
  gather_two();
  note(machine.content_lost(content_of(5, 5), now));
  hold(content_of(6, 6));
  EXPECT_TRUE(installed());
}

TEST_F(Gathering, WhoGathersNothingFetchesALostContentAgain) { // SPEC V7
  auto rows = member_rows(false);
  rows.files[inode_id{5}] = state(5, 150, 1);
  machine = replica_machine{self, group, rows, {content_of(5, 1)}};
  const auto out = machine.content_lost(content_of(5, 1), now);
  ASSERT_EQ(out.size(), 1u);
  const auto* fetch = std::get_if<fetch_content>(&out[0]);
  ASSERT_NE(fetch, nullptr);
  EXPECT_EQ(fetch->version.content, content_of(5, 1));
  EXPECT_EQ(machine.missing(), 1u);
}

// A file of many versions would be copied whole for one bad content.
TEST_F(Gathering, WhatIsLostIsFetchedAndNoOtherVersionOfItsFile) { // SPEC V7
  auto rows = member_rows(false);
  auto there = state(5, 150, 1);
  msg::file_version newer;
  newer.put = newer.content = content_of(5, 2);
  there.manifest = add_version(there.manifest, newer, {}, 0);
  ASSERT_EQ(there.manifest.versions.size(), 2u);
  rows.files[inode_id{5}] = there;
  machine
    = replica_machine{self, group, rows, {content_of(5, 1), content_of(5, 2)}};
  const auto out = machine.content_lost(content_of(5, 1), now);
  ASSERT_EQ(out.size(), 1u);
  const auto* fetch = std::get_if<fetch_content>(&out[0]);
  ASSERT_NE(fetch, nullptr);
  EXPECT_EQ(fetch->version.content, content_of(5, 1));
  EXPECT_EQ(machine.missing(), 1u);
}

// The set is in force already, and its others have accepted more since: whoever
// follows a lower ballot must not be followed here.
TEST_F(Gathering, WhoComesLateTakesWhatIsInForce) { // SPEC V3, V6
  replica_limits limits;
  limits.page_files = 1; // Stored in two parts.
  begin({}, limits);
  EXPECT_EQ(asked_after(install()), (asks{{first, true}, {second, true}}))
    << "sealed, they do not have to be asked twice";
  now += replica_patience;
  EXPECT_EQ(asked_after(machine.tick(now)),
            (asks{{first, false}, {second, false}}));
  fetched(first, new_epoch, false,
          {{inode_id{5}, state(5, 250, 5)}, {inode_id{6}, state(6, 210, 6)}});
  hold(content_of(5, 5));
  hold(content_of(6, 6));
  ASSERT_TRUE(installed());
  note(machine.activate(8, {group, new_epoch}));
  store();
  EXPECT_EQ(machine.rows().files.size(), 2u);
  EXPECT_EQ(machine.promised(), group_ballot{250});
  machine.check();
}

// A primary of the set before may not know yet that it leads no more.
TEST_F(Gathering, WhoIsActivatedFollowsNobodyOfTheSetBefore) { // SPEC V3, V6
  begin({}, {});
  note(install());
  fetched(first, new_epoch, false, {{inode_id{5}, state(5, 150, 5)}});
  hold(content_of(5, 5));
  ASSERT_TRUE(installed());
  note(machine.activate(8, {group, new_epoch}));
  store();
  EXPECT_EQ(machine.promised(), group_ballot{new_epoch.value()});
}

// Whoever answers late answers twice; each page is asked for after the last.
TEST_F(Gathering, APageThatComesTwiceIsTakenOnce) { // SPEC V6
  note(install());
  const auto page = [&](std::uint64_t after, std::uint64_t file) {
    return machine.on_fetched(first,
                              {group,
                               old_epoch,
                               true,
                               inode_id{after},
                               0,
                               {{inode_id{file}, state(file, 50, file)}},
                               false},
                              now);
  };
  EXPECT_FALSE(page(0, 5).empty());
  EXPECT_TRUE(page(0, 5).empty());
  EXPECT_TRUE(page(6, 7).empty()) << "one between is not there";
  EXPECT_FALSE(page(5, 6).empty());
}

// The master names those that count; others may be in quarantine themselves.
TEST_F(Gathering, ARefillAsksItsSourcesAlone) { // SPEC V7
  begin(member_rows(true));
  EXPECT_EQ(asked_after(rejoin(msg::rejoin_order::refill)),
            (asks{{first, false}}));
  for (int i = 0; i < 4; ++i) {
    now += replica_patience;
    EXPECT_EQ(asked_after(machine.tick(now)), asks{});
  }
}

// It is one more acceptance: of what was promised, and above, but not below.
TEST_F(Gathering, ARefillTakesNothingBelowAPromise) { // SPEC V3, V7
  begin(member_rows(true));
  note(rejoin(msg::rejoin_order::refill));
  std::vector<msg::fetched_file> files;
  for (const std::uint64_t i : {5u, 6u, 7u}) {
    hold(content_of(i, 1));
    files.push_back({inode_id{i}, state(i, 144 + i, 1)}); // 149, 150, 151
  }
  fetched(first, old_epoch, false, files);
  store();
  EXPECT_FALSE(machine.rows().group.quarantined);
  const auto& there = machine.rows().files;
  EXPECT_FALSE(there.contains(inode_id{5}));
  EXPECT_TRUE(there.contains(inode_id{6}));
  EXPECT_TRUE(there.contains(inode_id{7}));
}

// The source has not heard of the last put, which is on its way to the disk.
TEST_F(Gathering, ARefillTakesNothingOlderThanWhatIsOnItsWay) { // SPEC V2
  begin(member_rows(false));
  const auto newer = state(5, 150, 2);
  hold(content_of(5, 1));
  hold(content_of(5, 2));
  note(machine.accept(
    3, first, {group, old_epoch, inode_id{5}, newer.stamp, newer.manifest, 0},
    now));
  note(rejoin(msg::rejoin_order::quarantine));
  note(rejoin(msg::rejoin_order::refill));
  fetched(first, old_epoch, false, {{inode_id{5}, state(5, 150, 1)}});
  ASSERT_EQ(issued.size(), 3u);
  store();
  EXPECT_FALSE(machine.rows().group.quarantined);
  EXPECT_EQ(machine.rows().files.at(inode_id{5}).stamp, newer.stamp);
}

// An order that is late would wipe what is about to be in force.
TEST_F(Gathering, WhatIsInstalledGoesWithALaterSetOnly) { // SPEC V6, V7
  gather_two();
  hold(content_of(6, 6));
  ASSERT_TRUE(installed());
  EXPECT_FALSE(machine.may_drop({group, new_epoch}));
  EXPECT_TRUE(machine.drop({group, new_epoch}).empty());
  ASSERT_TRUE(machine.rows().next);
  EXPECT_EQ(machine.rows().next->files.size(), 2u);
  EXPECT_TRUE(machine.may_drop({group, group_epoch{201}}));
  note(machine.drop({group, group_epoch{201}}));
  store();
  EXPECT_TRUE(machine.is_empty());
}

} // namespace
} // namespace dfs::core
