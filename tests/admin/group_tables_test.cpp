#include "admin/group_tables.hpp"

#include "admin/fileserver_health.hpp"
#include "admin/run_verb.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace dfs::admin {
namespace {

using namespace std::chrono_literals;
using msg::fileserver_phase;
using msg::group_phase;

msg::fileserver_status
server(std::uint64_t store, const std::string& name, fileserver_phase phase) {
  msg::fileserver_status x;
  x.store = store_id{store};
  x.name = name;
  x.phase = phase;
  return x;
}

msg::fileserver_list three() {
  msg::fileserver_list x;
  x.servers = {server(1, "fs-1", fileserver_phase::up),
               server(2, "fs-2", fileserver_phase::up),
               server(3, "fs-3", fileserver_phase::up)};
  x.groups = 4;
  x.groups_healthy = 4;
  return x;
}

std::vector<std::string> codes(const msg::fileserver_list& x) {
  std::vector<std::string> all;
  for (const auto& finding : fileserver_findings(x))
    all.push_back(finding.code);
  return all;
}

std::string shown(const table& x) {
  std::ostringstream out;
  std::ostringstream err;
  output{out, err, {}}.print(x);
  return out.str();
}

TEST(FileserverHealth, SaysNothingWhereAllIsWell) {
  EXPECT_TRUE(codes({}).empty()) << "no file servers at all";
  EXPECT_TRUE(codes(three()).empty());
  msg::fileserver_list planned;
  planned.groups = 16; // Nobody wants any.
  EXPECT_TRUE(codes(planned).empty());
}

TEST(FileserverHealth, SaysWhatIsNotWell) { // SPEC O3, V6
  auto x = three();
  x.servers[1].phase = fileserver_phase::failed;
  x.servers[2].phase = fileserver_phase::rejoining;
  x.groups_healthy = 1;
  x.groups_lost = 1;
  EXPECT_EQ(codes(x), (std::vector<std::string>{
                        "GROUPS_LOST", "FILESERVER_LOST",
                        "FILESERVER_REJOINING", "GROUPS_DEGRADED"}));
  const auto found = fileserver_findings(x);
  EXPECT_TRUE(found[0].error);
  EXPECT_FALSE(found[1].error);
  EXPECT_EQ(found[1].text, "not heard of: fs-2");
  EXPECT_TRUE(found[3].text.starts_with("2 groups")) << found[3].text;
}

TEST(FileserverHealth, SaysWhereThereIsNoRoom) { // SPEC O3
  auto x = three();
  x.servers[0].total_bytes = 1'000;
  x.servers[0].free_bytes = 99;
  x.servers[1].disks = {{0, 1'000, 100, false, "/d/versions"},
                        {0, 1'000, 99, false, "/d/queues"}};
  x.servers[2].full = true;
  x.servers[2].total_bytes = 1'000;
  EXPECT_EQ(codes(x),
            (std::vector<std::string>{"SPACE_LOW", "SPACE_LOW", "SPACE_LOW"}));
  const auto found = fileserver_findings(x);
  EXPECT_NE(found[0].text.find("fs-3"), std::string::npos) << found[0].text;
  EXPECT_NE(found[1].text.find("fs-1"), std::string::npos) << found[1].text;
  EXPECT_NE(found[2].text.find("/d/queues"), std::string::npos)
    << found[2].text;
}

TEST(GroupTables, NameTheServers) { // SPEC V8
  msg::group_status x;
  x.where.set.group = group_id{7};
  x.where.set.servers = {store_id{1}, store_id{0xabc}};
  x.where.primary = store_id{1};
  x.phase = group_phase::degraded;
  x.files = 5;
  x.missing = 2;
  const auto text = shown(group_table({x}, store_names{three()}));
  for (const char* part : {"7", "degraded", "fs-1, 0000000000000abc", "5", "2"})
    EXPECT_NE(text.find(part), std::string::npos) << text;
  x.where.primary = store_id{};
  const auto rows = group_table({x}, store_names{three()}).rows;
  EXPECT_EQ(rows.at(0).at(2).text, "-");
}

TEST(GroupTables, ShowServersAndRepairs) { // SPEC V6
  auto x = three();
  x.repairs = {{store_id{9}, "fs-9", 3, 4, 100, 5s}};
  EXPECT_EQ(fileserver_table(x).rows.size(), 3u);
  const auto text = shown(repair_table(x));
  EXPECT_NE(text.find("fs-9"), std::string::npos) << text;
  EXPECT_NE(text.find("100"), std::string::npos) << text;
  x.groups_changing = 2;
  x.groups_lost = 1;
  EXPECT_EQ(groups_cell(x).text, "4 of 4 healthy, 2 changing, 1 lost");
}

// What may lose something is said twice.
TEST(ForceGroup, WantsItSaid) {
  for (const char* group : {"0", "7"}) { // They begin with 0.
    const auto refused = test::dfsnode({"admin", "force-group", group});
    EXPECT_EQ(refused.status, 2);
    EXPECT_NE(refused.err.find("--accept-loss"), std::string::npos)
      << refused.err;
  }
  EXPECT_EQ(test::dfsnode({"admin", "force-group", "x"}).status, 2);
  EXPECT_EQ(test::dfsnode({"admin", "force-group"}).status, 2);
}

TEST(GroupTables, GoThroughAllPages) {
  std::vector<std::uint64_t> asked;
  const auto all = all_groups([&](const msg::list_groups& page) {
    asked.push_back(page.after.value());
    msg::group_list made;
    made.groups.resize(1);
    made.groups[0].where.set.group = group_id{page.after.value() + 1};
    made.more = page.after.value() < 2;
    return result<msg::group_list>{made};
  });
  ASSERT_TRUE(all);
  EXPECT_EQ(all->size(), 3u);
  EXPECT_EQ(asked, (std::vector<std::uint64_t>{0, 1, 2}));
  const auto refused = all_groups([](const msg::list_groups&) {
    return result<msg::group_list>{fail(ec::unavailable)};
  });
  EXPECT_FALSE(refused);
}

} // namespace
} // namespace dfs::admin
