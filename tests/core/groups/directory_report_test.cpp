#include "core/groups/directory_report.hpp"
#include "core/groups/directory_steps.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <variant>

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
  std::vector<std::uint64_t> told;
  msg::list_groups page{{}, 2};
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
  EXPECT_EQ(told, (std::vector<std::uint64_t>{0, 1, 2, 3, 4}));
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

} // namespace
} // namespace dfs::core
