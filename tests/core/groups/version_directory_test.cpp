#include "core/groups/directory_report.hpp"
#include "support/sim/versions.hpp"
#include "support/sim/versions_master.hpp"
#include "support/sim/versions_scenarios.hpp"
#include "support/sim/versions_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

// The directory with real replicas around it. What it does when everything goes
// wrong at once: tests/sim/versions_test.cpp.

namespace dfs::core {
namespace {

using namespace std::chrono_literals;
using note = version_note_line::kind;
using sim::node_index;
using sim::version_cluster;

constexpr auto master = version_cluster::master_node();

struct VersionDirectory : testing::Test {
  std::unique_ptr<version_cluster> cluster;

  void begin(node_index servers, msg::quorum_rule rule = {3, 2, 2}) {
    sim::versions_options x;
    x.servers = servers;
    x.files = 20;
    x.directory.rules[0] = rule;
    x.directory.groups = 16;
    x.config.keep.trash_life = 300ms;
    cluster = std::make_unique<version_cluster>(x);
    cluster->start_all();
  }
  /// Nothing was lost, and everything is in order again.
  void TearDown() override {
    for (node_index i = 0; i < cluster->first_client(); ++i)
      cluster->start(i);
    if (cluster->options().servers
        < cluster->options().directory.rules.at(0).copies)
      return;
    sim::come_to_rest(*cluster);
    EXPECT_FALSE(cluster->world().broken()) << cluster->world().story({master});
    EXPECT_EQ(cluster->judge(), std::nullopt);
  }

  [[nodiscard]] version_directory& directory() const {
    return cluster->master()->machine();
  }
  [[nodiscard]] instant now() const {
    return cluster->world().at(master).now();
  }
  [[nodiscard]] group_entry entry(std::uint64_t group) const {
    return directory().groups().at(group_id{group});
  }
  [[nodiscard]] std::uint64_t count(note what) const {
    return cluster->notes()[what];
  }
  void run(std::chrono::nanoseconds x) const {
    cluster->world().run_for(x);
  }
  template <class Holds>
  bool in(std::chrono::nanoseconds time, Holds holds) const {
    return cluster->world().run_until(holds, cluster->world().now() + time);
  }
  template <class Holds>
  [[nodiscard]] bool all_groups(Holds holds) const {
    const auto& all = directory().groups();
    return std::all_of(all.begin(), all.end(),
                       [&](const auto& x) { return holds(x.second); });
  }
  [[nodiscard]] bool healthy() const {
    return cluster->master() && all_groups([&](const group_entry& x) {
             const auto& servers = x.in_force.servers;
             return x.led && directory().whole(x) && !x.change
                    && std::all_of(
                      servers.begin(), servers.end(),
                      [&](store_id y) { return directory().usable(y, now()); });
           });
  }
  bool healthy_in(std::chrono::nanoseconds time) const {
    return in(time, [this] { return healthy(); });
  }
};

TEST_F(VersionDirectory, SaysWhoIsMissingForAFirstSet) {
  begin(2);
  run(10s);
  const auto none
    = directory().locate(msg::locate_group{group_id{0}, {}, {}}, now());
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ec::too_few_servers);
  EXPECT_EQ(none.error().context,
            "group 0 has no set yet: 3 file servers are needed, 2 are up: fs1 "
            "fs2; away: none");
}

TEST_F(VersionDirectory, SpreadsLeadsEvenly) {
  begin(5);
  run(500ms);
  const auto soon
    = directory().locate(msg::locate_group{group_id{0}, {}, {}}, now());
  ASSERT_FALSE(soon);
  EXPECT_EQ(soon.error().code, ec::unavailable) << "worth another try";
  ASSERT_TRUE(healthy_in(5s));
  EXPECT_EQ(report_fileservers(directory(), now()).groups_healthy, 16u);
  // The first appointments are made while servers still register.
  EXPECT_TRUE(in(30s, [this] {
    const auto all = report_fileservers(directory(), now());
    return std::ranges::all_of(
      all.servers, [](const auto& x) { return x.leads >= 2 && x.leads <= 5; });
  }));
}

// It has everything yet, and others lead what it led.
TEST_F(VersionDirectory, GivesLeadsBackToWhoWasAway) {
  begin(3);
  ASSERT_TRUE(healthy_in(5s));
  const node_index away = 1;
  cluster->crash(away, false);
  run(4s);
  EXPECT_EQ(report_fileservers(directory(), now()).groups_lost, 0u);
  cluster->start(away);
  EXPECT_TRUE(in(30s, [this] {
    const auto all = report_fileservers(directory(), now());
    return std::ranges::all_of(
      all.servers, [](const auto& x) { return x.leads == 5 || x.leads == 6; });
  }));
}

// Puts go on while a set moves to servers that have yet to fetch everything:
// one of them after another. SPEC V2, V6
TEST_F(VersionDirectory, MovesWithoutStandingStill) {
  sim::versions_options x;
  x.servers = 6;
  x.clients = 2;
  x.files = 30;
  x.directory.rules[0] = {3, 2, 2};
  x.directory.groups = 1;
  x.config.keep.trash_life = 300ms;
  x.content_time = 150ms;
  cluster = std::make_unique<version_cluster>(x);
  cluster->start_all();
  std::vector<placement_candidate> all;
  for (node_index i = 1; i <= x.servers; ++i)
    all.push_back({version_cluster::store_of(i), {}});
  std::vector<node_index> newcomers; // Those that have the best right.
  for (const auto store : choose_group_servers(group_id{0}, all, 3))
    newcomers.push_back(version_cluster::node_of(store));
  for (const auto i : newcomers)
    cluster->crash(i, false);
  ASSERT_TRUE(healthy_in(5s));
  run(20s);
  const auto before = entry(0).in_force.servers;
  const auto began = cluster->past().size();
  for (const auto i : newcomers)
    cluster->start(i);
  run(120s);
  const auto after = entry(0).in_force.servers;
  for (const auto i : newcomers)
    EXPECT_THAT(after, testing::Contains(version_cluster::store_of(i)));
  EXPECT_NE(before, after);
  EXPECT_EQ(count(note::change_failed), 0u);
  std::vector<std::int64_t> times;
  for (auto i = began; i < cluster->past().size(); ++i)
    if (const auto& y = cluster->past()[i];
        y.op == history::verb::write && y.result == history::outcome::done)
      times.push_back(y.ret_ns);
  std::sort(times.begin(), times.end());
  ASSERT_GT(times.size(), 100u);
  std::int64_t longest = 0;
  for (std::size_t i = 1; i < times.size(); ++i)
    longest = std::max(longest, times[i] - times[i - 1]);
  EXPECT_LE(longest, 2'000'000'000) << "nanoseconds without a put";
}

TEST_F(VersionDirectory, AppointsAtOnceWhenAPrimaryIsKilled) { // SPEC V6
  begin(5);
  ASSERT_TRUE(healthy_in(5s));
  cluster->crash(2, false);
  const auto dead = version_cluster::store_of(2);
  EXPECT_TRUE(in(500ms, [&] {
    return all_groups(
      [&](const group_entry& x) { return x.led && x.primary != dead; });
  }));
}

TEST_F(VersionDirectory, RepairsWhatKilledServersHad) { // SPEC V6
  begin(7, {5, 3, 3});
  ASSERT_TRUE(healthy_in(5s));
  run(2s);
  cluster->crash(1, false);
  cluster->crash(4, false); // Two at once: two tasks.
  run(50ms);
  EXPECT_EQ(report_fileservers(directory(), now()).repairs.size(), 2u);
  ASSERT_TRUE(in(10s, [this] { return directory().repairs().empty(); }));
  EXPECT_TRUE(healthy_in(2s));
  EXPECT_TRUE(all_groups([](const group_entry& x) {
    return !of_set(x.in_force, version_cluster::store_of(1))
           && !of_set(x.in_force, version_cluster::store_of(4));
  }));
}

TEST_F(VersionDirectory, WaitsForAServerThatIsOnlySilent) {
  begin(5);
  ASSERT_TRUE(healthy_in(5s));
  const auto changes = count(note::change_begun);
  cluster->world().pause(3, 9s);
  run(8s);
  EXPECT_EQ(count(note::change_begun), changes);
  EXPECT_TRUE(all_groups([](const group_entry& x) {
    return x.primary != version_cluster::store_of(3);
  }));
  run(1s);
  EXPECT_TRUE(healthy_in(2s));
  cluster->world().pause(3, 21s);
  run(20s);
  EXPECT_EQ(count(note::server_failed), 1u);
  EXPECT_TRUE(healthy()) << "its groups have other servers";
}

TEST_F(VersionDirectory, RefillsAServerThatWasDeclaredFailed) { // SPEC V7
  begin(3); // Nobody can take its place.
  ASSERT_TRUE(healthy_in(5s));
  cluster->crash(2, false);
  run(2s);
  EXPECT_EQ(count(note::server_failed), 1u);
  cluster->start(2);
  bool quarantined = false;
  EXPECT_TRUE(in(5s, [&] {
    const auto* at = cluster->server(2)->replica(group_id{0});
    quarantined = quarantined || (at && at->rows().group.quarantined);
    return healthy();
  }));
  EXPECT_TRUE(quarantined);
  run(1s);
  EXPECT_EQ(count(note::server_back), 1u);
}

TEST_F(VersionDirectory, HasAServerDropWhatOthersHaveNow) { // SPEC V7
  begin(4);
  ASSERT_TRUE(healthy_in(5s));
  cluster->crash(1, false);
  run(5s);
  ASSERT_TRUE(healthy());
  cluster->start(1);
  const auto has_any = [&] {
    return !all_groups([&](const group_entry& x) {
      const auto* at = cluster->server(1)->replica(x.in_force.group);
      return at == nullptr || at->is_empty();
    });
  };
  EXPECT_TRUE(in(3s, [&] { return !has_any(); }));
  // And it gets its share again, one group after the other.
  run(60s);
  EXPECT_TRUE(healthy_in(1s)) << "but for copies on their way";
  EXPECT_TRUE(has_any());
}

TEST_F(VersionDirectory, GivesAShareToWhoIsBackWhileAnotherStaysAway) { // V7
  begin(5);
  ASSERT_TRUE(healthy_in(5s));
  for (const node_index away : {1u, 2u}) {
    cluster->crash(away, false);
    run(5s);
    ASSERT_TRUE(healthy());
  }
  cluster->start(1);
  run(60s);
  EXPECT_TRUE(healthy());
  const auto shares = report_fileservers(directory(), now());
  for (const auto& y : shares.servers)
    EXPECT_EQ(y.groups == 0, y.store == version_cluster::store_of(2)) << y.name;
}

TEST_F(VersionDirectory, GoesOnWhereTheFormerMasterStopped) {
  begin(5);
  ASSERT_TRUE(healthy_in(5s));
  const auto before = entry(3).ballot;
  cluster->crash(master, false);
  cluster->start(master);
  ASSERT_TRUE(healthy_in(3s));
  EXPECT_EQ(entry(3).ballot, before) << "who leads goes on";
  EXPECT_EQ(directory().number_writer()->writer.value() >> 40, 2u);
}

TEST_F(VersionDirectory, GivesNoFirstSetToAGroupThatHasOne) { // SPEC V8
  begin(5);
  ASSERT_TRUE(healthy_in(5s));
  run(1s);
  cluster->crash(master, false);
  cluster->lose_directory();
  cluster->start(master);
  run(5s);
  EXPECT_TRUE(all_groups(
    [](const group_entry& x) { return x.in_force.servers.empty(); }));
  cluster->world().act(master, [this] { cluster->master()->rebuild(); });
  EXPECT_TRUE(healthy_in(10s));
}

TEST_F(VersionDirectory, IsForcedOnlyWhereItCannotGoOn) {
  begin(5);
  ASSERT_TRUE(healthy_in(5s));
  cluster->rest(); // What is forced may lose something.
  const group_id group{0};
  auto refused = directory().force({group}, now());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ec::invalid_argument);
  const auto set = entry(0).in_force;
  cluster->crash(version_cluster::node_of(set.servers[0]), false);
  cluster->crash(version_cluster::node_of(set.servers[1]), false);
  run(30s);
  EXPECT_EQ(report_group(directory(), group, now()).phase,
            msg::group_phase::lost);
  const auto forced = directory().force({group}, now());
  ASSERT_TRUE(forced) << forced.error().context;
  run(10s);
  EXPECT_EQ(report_group(directory(), group, now()).phase,
            msg::group_phase::healthy);
}

TEST_F(VersionDirectory, RefusesASecondServerWithTheSameStore) {
  begin(3);
  ASSERT_TRUE(healthy_in(5s));
  msg::register_fileserver copy;
  copy.store = version_cluster::store_of(1);
  copy.boot = boot_id{99};
  copy.member = {*ip_address::parse("10.9.0.9"), 7401, 5};
  auto refused = directory().register_server(copy, now());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ec::in_use);
  copy.member = {sim::address_of(1), 7401, 0};
  refused = directory().register_server(copy, now());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ec::stale) << "an older life";
}

TEST_F(VersionDirectory, ListensToComplaintsNowAndThen) {
  begin(3);
  cluster->rest(); // Nobody else complains.
  ASSERT_TRUE(healthy_in(5s));
  run(2s);
  const group_id group{1};
  const auto complain = [&] {
    const auto primary = entry(1).primary;
    const auto where = directory().locate({group, primary, {}}, now());
    EXPECT_TRUE(where);
    return where->primary != primary;
  };
  EXPECT_TRUE(complain());
  EXPECT_FALSE(complain()) << "only after a while";
  run(2s);
  EXPECT_FALSE(complain()) << "and then after a longer one";
  run(2s);
  EXPECT_TRUE(complain());
}

} // namespace
} // namespace dfs::core
