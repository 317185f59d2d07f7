#include "admin/dev/served.hpp"

#include <gtest/gtest.h>

// SPEC S6: `dfsnode dev` is ready when the next command is served.

namespace dfs::admin {
namespace {

using msg::fileserver_phase;
using msg::group_phase;

/// Why not; empty: it serves.
template <class T>
std::string missing(const result<T>& x) {
  return x ? std::string{} : x.error().context;
}

TEST(DevServed, ANodeServesWhenAllItsChecksHavePassed) {
  msg::health_report x{true, true, {{"group", true, ""}}};
  EXPECT_EQ(missing(node_serves(x, true)), "");
  x.checks.push_back({"queues", false, "not in the group yet"});
  EXPECT_EQ(missing(node_serves(x, true)), "queues: not in the group yet");
  EXPECT_EQ(missing(node_serves(x, false)), "");
  x.checks.push_back({"fileserver", false, "not registered"});
  EXPECT_EQ(missing(node_serves(x, false)), "fileserver: not registered");
  EXPECT_EQ(missing(node_serves({}, true)), "its supervisor does not run");
}

TEST(DevServed, EachChunkserverServesAndHasToldItsChunks) {
  const std::set<std::string> names{"c1", "c2"};
  msg::cluster_status x;
  x.servers.resize(2);
  x.servers[0].name = "c1";
  x.servers[1].name = "c2";
  for (auto& each : x.servers)
    each.serving = each.reported = true;
  EXPECT_EQ(missing(chunkservers_serve(x, names)), "");
  for (auto part :
       {&msg::server_status::serving, &msg::server_status::reported}) {
    auto y = x;
    y.servers[1].*part = false;
    EXPECT_NE(missing(chunkservers_serve(y, names)).find("c2 "),
              std::string::npos);
  }
  x.servers.pop_back();
  EXPECT_NE(missing(chunkservers_serve(x, names)), "");
}

msg::fileserver_list fileservers(const std::vector<fileserver_phase>& phases) {
  msg::fileserver_list list;
  for (const auto phase : phases) {
    msg::fileserver_status x;
    x.store = store_id{list.servers.size() + 1};
    x.name = "f" + std::to_string(x.store.value());
    x.phase = phase;
    list.servers.push_back(x);
  }
  return list;
}

TEST(DevServed, EachFileServerIsHeard) {
  const std::set<std::string> names{"f1", "f2"};
  using enum fileserver_phase;
  EXPECT_EQ(missing(fileservers_serve(fileservers({up, rejoining}), names)),
            "");
  for (const auto& x : {fileservers({up}), fileservers({up, silent}),
                        fileservers({up, failed})})
    EXPECT_NE(missing(fileservers_serve(x, names)).find("f2 "),
              std::string::npos);
}

/// Of the rule 3:2:2.
msg::group_status
group(std::uint64_t id, group_phase phase, std::vector<store_id> servers) {
  msg::group_status x;
  x.where.set = {group_id{id}, {}, {3, 2, 2}, std::move(servers)};
  x.phase = phase;
  return x;
}

const auto all_up = fileservers(
  {fileserver_phase::up, fileserver_phase::up, fileserver_phase::up});
const std::vector<store_id> three{store_id{1}, store_id{2}, store_id{3}};

TEST(DevServed, EachGroupThatCanHasAPrimary) {
  const auto led = group(1, group_phase::healthy, three);
  const auto lame = group(2, group_phase::degraded, three);
  const auto well = groups_serve({led, lame}, all_up);
  ASSERT_TRUE(well);
  EXPECT_EQ(well->served, 2u);
  EXPECT_EQ(well->hopeless, 0u);
  for (const auto& x :
       {group(7, group_phase::waiting, {}), group(7, group_phase::changing, {}),
        group(7, group_phase::changing, three),
        group(7, group_phase::leaderless, three)}) {
    const auto why = missing(groups_serve({led, x}, all_up));
    EXPECT_NE(why.find("1 group of versioned files"), std::string::npos) << why;
    EXPECT_NE(why.find("group 7, "), std::string::npos) << why;
  }
}

TEST(DevServed, GroupsThatCannotBeLedHereAreNotWaitedFor) {
  const auto hopeless = [](const msg::group_status& x,
                           const std::vector<fileserver_phase>& phases) {
    const auto sum = groups_serve({x}, fileservers(phases));
    return sum && sum->hopeless == 1;
  };
  using enum fileserver_phase;
  const auto fresh = group(1, group_phase::waiting, {});
  EXPECT_TRUE(hopeless(fresh, {up, up}));
  EXPECT_FALSE(hopeless(fresh, {up, up, up}));
  const auto known = group(1, group_phase::changing, three);
  EXPECT_TRUE(hopeless(known, {up, silent, failed}));
  EXPECT_FALSE(hopeless(known, {up, silent, rejoining}));
  // The file servers are here, and an operator has to say what is true.
  EXPECT_TRUE(hopeless(group(1, group_phase::lost, three), {up, up, up}));
}

} // namespace
} // namespace dfs::admin
