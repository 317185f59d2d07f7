#include "core/groups/directory_report.hpp"
#include "core/groups/directory_steps.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

// What operators are told of groups and of file servers.

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

struct GroupReport : LedGroup {
  msg::fileserver_list servers() const {
    return report_fileservers(*machine, now);
  }
};

TEST(GroupPages, GoOnAfterTheLastGroupOfThePageBefore) { // SPEC S9
  version_directory_config config;
  config.rules[0] = {3, 2, 2};
  config.groups = 5;
  const instant now{1h};
  version_directory machine{{config, master_term{1}}, now};
  machine.begin(now);
  // Behind a page of the first one alone nobody could go on.
  for (const std::uint32_t limit : {1, 2}) {
    std::vector<std::uint64_t> told;
    msg::list_groups page{{}, limit};
    for (bool more = true; more && told.size() < 10;) {
      const auto list = report_groups(machine, page, now);
      ASSERT_FALSE(list.groups.empty());
      EXPECT_LE(list.groups.size(), 2u);
      for (const auto& x : list.groups) {
        told.push_back(x.where.set.group.value());
        // Of groups without a set, too: how many servers they wait for.
        EXPECT_EQ(x.where.set.rule, config.rules[0]);
      }
      page.after = list.groups.back().where.set.group;
      more = list.more;
    }
    EXPECT_EQ(told, (std::vector<std::uint64_t>{0, 1, 2, 3, 4})) << limit;
  }
}

TEST_F(DirectorySteps, ServersOfOneNameAreToldInTheOrderOfTheirStores) {
  for (const std::uint64_t i : {3, 1, 2})
    enrol(i);
  std::vector<std::uint64_t> told;
  for (const auto& x : report_fileservers(*machine, now).servers)
    told.push_back(x.store.value());
  EXPECT_EQ(told, (std::vector<std::uint64_t>{1, 2, 3}));
}

// An operator reads in the log how much a dead server costs.
TEST_F(GroupReport, SaysHowMuchIsRepaired) { // SPEC V7, S9
  using kind = version_note_line::kind;
  enrol(4);
  for (const std::uint64_t i : {1, 2, 3})
    stands[store_id{i}].bytes = 10;
  live(12s, {1, 2, 3, 4});
  notes.clear();
  kill(3);
  live(60s, {1, 2, 4});
  EXPECT_NE(notes[kind::server_failed].find("1 groups have lost a copy, 10 by"),
            std::string::npos)
    << notes[kind::server_failed];
  EXPECT_EQ(notes[kind::repair_done].rfind("1 groups, 10 bytes", 0), 0u)
    << notes[kind::repair_done];
}

// Nothing was copied for a server that came back.
TEST_F(GroupReport, WhoComesBackLeavesNothingToRepair) { // SPEC V7, S9
  using kind = version_note_line::kind;
  notes.clear();
  kill(3);
  live(15s, {1, 2});
  ASSERT_TRUE(machine->servers().at(store_id{3}).row.failed);
  enrol(3);
  live(15s, {1, 2, 3});
  EXPECT_EQ(notes[kind::repair_done].rfind("0 groups, ", 0), 0u)
    << notes[kind::repair_done];
  EXPECT_NE(notes[kind::repair_done].find("the server is back"),
            std::string::npos);
}

// Two of three make a set work; the third is activated when it can be.
TEST_F(DirectorySteps, ASetThatIsInForceIsNotTheNextOne) { // SPEC S9
  obeys_activations = false;
  for (const std::uint64_t i : {1, 2, 3})
    enrol(i);
  live(3s, {1, 2, 3});
  const auto next
    = [&] { return report_groups(*machine, {}, now).groups.at(0).next.size(); };
  EXPECT_FALSE(entry().ready);
  EXPECT_EQ(next(), 3u);
  activated(1);
  activated(2);
  ASSERT_TRUE(entry().ready);
  ASSERT_TRUE(entry().change);
  EXPECT_EQ(next(), 0u);
}

TEST_F(GroupReport, CountsWhatServersLack) { // SPEC S9
  stands[store_id{1}].missing = 3;
  live(500ms, {1, 2, 3});
  std::uint64_t missing = 0;
  for (const auto& x : servers().servers)
    missing += x.missing;
  EXPECT_EQ(missing, 3u);
}

TEST_F(GroupReport, CountsGroupsThatCannotGoOn) { // SPEC S9
  EXPECT_EQ(servers().groups_lost, 0u);
  live(4s, {1});
  EXPECT_EQ(servers().groups_lost, 1u);
  live(1s, {1, 2, 3});
  EXPECT_EQ(servers().groups_lost, 0u);
}

TEST_F(GroupReport, SaysHowManyGroupsCountOnAServer) { // SPEC S9
  live(4s, {1, 2});
  const auto refused
    = machine->forget({fmt::format("{:016x}", std::uint64_t{3})}, now);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().context.substr(0, 9), "one group");
}

TEST_F(GroupReport, CountsGroupsWhoseSetChanges) { // SPEC S9
  EXPECT_EQ(servers().groups_healthy, 1u);
  EXPECT_EQ(servers().groups_changing, 0u);
  obeys_installs = false;
  enrol(4);
  live(1s, {1, 2, 3, 4});
  kill(3);
  EXPECT_EQ(servers().groups_healthy, 0u);
  EXPECT_EQ(servers().groups_changing, 1u);
}

// The group has gone on without it.
TEST_F(GroupReport, FilesOfAFormerSetAreSetAside) { // SPEC V7, S9
  stands[store_id{1}].files = 5;
  enrol(4);
  stands[store_id{4}].epoch = group_epoch{1};
  stands[store_id{4}].files = 7;
  stands[store_id{3}].missing = 1; // So nothing is dropped yet.
  live(500ms, {1, 2, 3, 4});
  for (const auto& x : servers().servers) {
    EXPECT_EQ(x.files, x.store == store_id{1} ? 5u : 0u);
    EXPECT_EQ(x.set_aside, x.store == store_id{4} ? 7u : 0u);
  }
}

TEST_F(GroupReport, FailedVolumesHaveNoRoom) { // SPEC S9
  msg::fileserver_beat x;
  x.store = store_id{1};
  x.boot = boot(1);
  x.term = term;
  x.sequence = ++beats[x.store];
  x.volumes.resize(3);
  for (auto& volume : x.volumes) {
    volume.total_bytes = 1'000;
    volume.free_bytes = 300;
  }
  x.volumes[1].failed = true;
  ASSERT_TRUE(machine->beat(x, now));
  const auto all = servers();
  EXPECT_EQ(all.servers.front().store, store_id{1});
  EXPECT_EQ(all.servers.front().total_bytes, 2'000u);
  EXPECT_EQ(all.servers.front().free_bytes, 600u);
}

// A new master knows a member by its number alone until it has registered.
TEST_F(GroupReport, TellsTheAddressesThatAreKnown) { // SPEC V1
  rows.clear();
  begin(2);
  for (const std::uint64_t i : {1, 2})
    enrol(i);
  const auto stores = [](const std::vector<msg::chunk_replica>& all) {
    std::vector<std::uint64_t> found;
    for (const auto& x : all)
      found.push_back(x.store.value());
    std::ranges::sort(found);
    return found;
  };
  const auto where = machine->locate(msg::locate_group{group, {}, {}}, now);
  ASSERT_TRUE(where);
  EXPECT_EQ(where->set.servers.size(), 3u);
  EXPECT_EQ(stores(where->servers), (std::vector<std::uint64_t>{1, 2}));
  now += 1s;
  machine->tick(now);
  drain();
  ASSERT_FALSE(orders.empty());
  for (const auto& [to, x] : orders) {
    ASSERT_FALSE(x.install.empty());
    EXPECT_EQ(stores(x.servers), (std::vector<std::uint64_t>{1, 2}));
  }
}

// Before it is led nobody can put anything: it is in no state to be moved.
TEST_F(GroupReport, AGroupIsSettledOnlyWhileItIsLed) {
  EXPECT_TRUE(machine->settled(entry(), now));
  auto x = entry();
  x.led = false;
  EXPECT_FALSE(machine->settled(x, now));
  x = entry();
  x.in_force.servers.clear();
  EXPECT_FALSE(machine->settled(x, now));
}

TEST_F(GroupReport, AFileIsWhereItsGroupIs) { // SPEC V1
  msg::file_located file;
  file.status.inode = inode_id{77};
  file.status.path = "/a";
  const auto found = machine->locate(file, now);
  ASSERT_TRUE(found) << found.error().context;
  EXPECT_EQ(found->group.set.servers, entry().in_force.servers);
  EXPECT_EQ(found->status.replication, 3);
  file.of_class = 9;
  const auto unknown = machine->locate(file, now);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ec::integrity);
}

// Its metadata are not the newest: it changes nothing, and says why.
TEST_F(GroupReport, AStoppedDirectorySaysSoAndDoesNothing) { // SPEC G12
  machine->stop("older than a server");
  const auto effects = machine->take_effects();
  ASSERT_EQ(effects.size(), 1u);
  const auto* line = std::get_if<version_note_line>(&effects[0]);
  ASSERT_NE(line, nullptr);
  EXPECT_EQ(line->what, version_note_line::kind::outdated);
}

TEST_F(GroupReport, AddsUpWhatMembersLack) { // SPEC S9
  stands[store_id{1}].missing = 3;
  stands[store_id{2}].missing = 4;
  stands[store_id{1}].files = stands[store_id{3}].files = 5;
  stands[store_id{2}].files = 7; // The most is what was put.
  stands[store_id{1}].bytes = 70;
  stands[store_id{2}].bytes = 50;
  live(250ms, {1, 2, 3});
  const auto told = report_group(*machine, group, now);
  EXPECT_EQ(told.missing, 7u);
  EXPECT_EQ(told.files, 7u);
  EXPECT_EQ(told.bytes, 70u);
  EXPECT_TRUE(told.away.empty());
}

// Also of members that have said nothing yet.
TEST_F(GroupReport, NamesMembersThatAreNotInService) { // SPEC S9
  const auto away = [&] { return report_group(*machine, group, now).away; };
  machine->link_lost(store_id{2}, boot(2), now);
  EXPECT_EQ(away(), std::vector{store_id{2}}) << "no way to it";
  enrol(2);
  EXPECT_TRUE(away().empty());
  obeys_rejoins = false;
  stands[store_id{3}].quarantined = true;
  live(250ms, {1, 2, 3});
  EXPECT_EQ(away(), std::vector{store_id{3}}) << "it is here";
  rows.clear();
  begin(2);
  EXPECT_EQ(away().size(), 3u);
}

TEST_F(GroupReport, NamesTheNextServersWhileTheyAreNotInForce) { // SPEC S9
  const auto next = [&] { return report_group(*machine, group, now).next; };
  EXPECT_TRUE(next().empty());
  enrol(4);
  live(500ms, {1, 2, 3, 4});
  obeys_installs = false;
  kill(3);
  EXPECT_EQ(next(), entry().change->to().servers);
  EXPECT_EQ(next().size(), 3u);
  obeys_installs = true;
  live(3s, {1, 2, 4});
  EXPECT_TRUE(next().empty());
}

// Of 150 volumes and disks together, and all of the server whose are the last
// of them: an answer has a limit.
TEST_F(GroupReport, TellsOfVolumesOneByOneUpToALimit) { // SPEC S9
  const auto told = [&](std::size_t volumes, std::size_t disks) {
    for (const std::uint64_t i : {1, 2, 3}) {
      msg::fileserver_beat x;
      x.store = store_id{i};
      x.boot = boot(i);
      x.term = term;
      x.sequence = ++beats[x.store];
      x.volumes.resize(i == 1 ? volumes : 4);
      x.disks.resize(i == 1 ? disks : 1);
      EXPECT_TRUE(machine->beat(x, now));
    }
    std::vector<std::size_t> counts;
    for (const auto& x : servers().servers)
      counts.push_back(x.volumes.size() + x.disks.size());
    return counts;
  };
  using counts = std::vector<std::size_t>;
  EXPECT_EQ(told(2, 1), (counts{3, 5, 5}));
  EXPECT_EQ(told(100, 49), (counts{149, 5, 0}));
  EXPECT_EQ(told(100, 50), (counts{150, 0, 0}));
}

// Who waits for a rebuild is told why there is none; nothing is written down.
TEST_F(GroupReport, AStoppedDirectoryAnswersAndWritesNothing) { // SPEC G12
  machine->rebuild(5, now);
  drain();
  msg::register_fileserver newcomer;
  newcomer.store = store_id{4};
  newcomer.boot = boot(4);
  newcomer.name = "fs4";
  ASSERT_TRUE(machine->register_server(newcomer, now));
  machine->link_lost(store_id{2}, boot(2), now);
  machine->probed(store_id{2}, boot(2), true, now);
  machine->stop("older than a server");
  std::size_t answers = 0;
  std::size_t outdated = 0;
  for (const auto& x : machine->take_effects()) {
    if (const auto* answer = std::get_if<answer_rebuild>(&x)) {
      ++answers;
      EXPECT_EQ(answer->asker, 5u);
      ASSERT_FALSE(answer->answer);
      EXPECT_EQ(answer->answer.error().code, ec::stale);
    } else {
      const auto* line = std::get_if<version_note_line>(&x);
      ASSERT_NE(line, nullptr) << x.index();
      outdated += line->what == version_note_line::kind::outdated ? 1 : 0;
    }
  }
  EXPECT_EQ(answers, 1u);
  EXPECT_EQ(outdated, 1u);
}

} // namespace
} // namespace dfs::core
