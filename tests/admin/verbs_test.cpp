#include "admin/run_verb.hpp"

#include "settings/bundle.hpp"
#include "settings/table.hpp"
#include "support/temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace dfs::admin {
namespace {

using test::dfsnode;
using testing::HasSubstr;

const std::string source = DFS_SOURCE_DIR;

struct ClusterVerbs : testing::Test {
  test::temp_dir place;
  std::string home = place / "home";

  void SetUp() override {
    ASSERT_EQ(dfsnode({"cluster", "init", home}).status, 0);
  }
};

// SPEC O4: from nothing to a node and a user who know the same cluster.
TEST_F(ClusterVerbs, MakeWhatNodesAndUsersNeed) {
  const auto node = dfsnode({"cluster", "bundle", "--dir", home, "--role",
                             "master,introducer", "--name", "node-1", "--out",
                             place / "node-1", "--days", "30", "--json"});
  EXPECT_EQ(node.status, 0) << node.err;
  const auto said = nlohmann::json::parse(node.out);
  EXPECT_EQ(said["roles"], (std::vector<std::string>{"introducer", "master"}));
  EXPECT_EQ(said["days"], 30);
  const auto user = dfsnode({"cluster", "user", "alice", "--dir", home,
                             "--rights", "admin", "--out", place / "alice"});
  EXPECT_EQ(user.status, 0) << user.err;
  const auto now = std::chrono::floor<std::chrono::seconds>(
    std::chrono::system_clock::now());
  const auto a = settings::read_node_bundle(place / "node-1", {}, now);
  const auto b = settings::read_user_bundle(place / "alice", now);
  ASSERT_TRUE(a) << a.error().context;
  ASSERT_TRUE(b) << b.error().context;
  EXPECT_EQ(a->cluster, b->cluster);
  EXPECT_LE(a->ends, now + std::chrono::days{30});
  EXPECT_EQ(b->right, rights::admin);
}

// Bad input: nothing written, one line, the right exit status.
TEST_F(ClusterVerbs, RefuseAndWriteNothing) {
  const auto names = place.count();
  const auto taken = dfsnode({"cluster", "init", home});
  EXPECT_EQ(taken.err, "dfsnode cluster init: " + home
                         + " exists and is not empty; name a new directory, or "
                           "move that one away\n");
  EXPECT_EQ(taken.status, 1);
  EXPECT_EQ(dfsnode({"cluster", "bundle", "--dir", home, "--role", "mster",
                     "--name", "n", "--out", place / "n"})
              .status,
            2);
  EXPECT_EQ(dfsnode({"cluster", "bundle", "--dir", home, "--role", "master",
                     "--name", "No", "--out", place / "n"})
              .status,
            2);
  const auto nowhere = dfsnode(
    {"cluster", "user", "u", "--dir", place / "none", "--out", place / "u"});
  EXPECT_EQ(nowhere.status, 2);
  EXPECT_EQ(nowhere.err,
            "dfsnode cluster user: cannot read " + (place / "none")
              + "/ca.key: No such file or directory; name a directory made by "
                "`dfsnode cluster init`\n");
  EXPECT_EQ(place.count(), names);
}

TEST_F(ClusterVerbs, RotateAKeyInThreeSteps) {
  const std::vector<std::string> base{"cluster", "rotate_key", "--dir",
                                      home,      "--which",    "token"};
  const auto step = [&](const char* which) {
    auto words = base;
    words.insert(words.end(), {"--step", which});
    return dfsnode(words);
  };
  const auto added = dfsnode(base);
  EXPECT_EQ(added.status, 0) << added.err;
  EXPECT_THAT(added.out, testing::StartsWith("GENERATION  USE\n"
                                             "         1  seals and opens\n"
                                             "         2  opens\n"));
  EXPECT_THAT(added.out, HasSubstr("Then: dfsnode cluster rotate-key --dir "
                                   + home + " --which token --step use"));
  EXPECT_EQ(dfsnode(base).status, 2);
  EXPECT_THAT(step("use").out, HasSubstr("         2  seals and opens\n"));
  EXPECT_THAT(step("retire").out, testing::Not(HasSubstr("  1  ")));
}

TEST(ConfigVerbs, CheckAcceptsTheSamples) {
  for (const char* role :
       {"introducer", "master", "chunkserver", "fileserver", "client"}) {
    const auto file = source + "/config/" + role + ".toml";
    const auto x = dfsnode({"config", "check", file, "--role", role});
    EXPECT_EQ(x.status, 0) << x.err;
    EXPECT_EQ(dfsnode({"config", "check", file}).status, 0);
  }
}

// SPEC S4: file, line and column, all faults; the machine's own environment
// does not count.
TEST(ConfigVerbs, CheckNamesEveryFault) {
  test::temp_dir place;
  const auto file = place.write("x.toml", "[client]\ncontacs = []\n"
                                          "timeout = 5\nbundle = \"b\"\n");
  const auto x = dfsnode({"config", "check", file},
                         {"DFSNODE_CLIENT_CONTACTS=10.0.0.1:7403"});
  EXPECT_EQ(x.status, 2);
  EXPECT_EQ(x.err, "dfsnode config check: " + file
                     + ":2:1: client.contacs: unknown key; did you mean "
                       "client.contacts?\n"
                       "dfsnode config check: "
                     + file
                     + ":3:1: client.timeout: is the number 5; give a duration "
                       "in quotes, such as \"500ms\" or \"3s\"\n");
}

// SPEC S4: effective values and where each came from.
TEST(ConfigVerbs, ShowSaysWhereEachValueIsFrom) {
  test::temp_dir place;
  const auto file
    = place.write("x.toml", "[client]\ncontacts = [\"10.0.0.1:7403\"]\n"
                            "bundle = \"/b\"\n");
  const auto x
    = dfsnode({"config", "show", "--changed"},
              {"DFSNODE_CONFIG=" + file, "DFSNODE_CLIENT_TIMEOUT=3s"});
  EXPECT_EQ(x.status, 0) << x.err;
  const auto at = file + ":2:1";
  EXPECT_THAT(x.out, testing::StartsWith("KEY"));
  EXPECT_THAT(x.out, HasSubstr("client.contacts  10.0.0.1:7403  " + at));
  EXPECT_THAT(x.out, HasSubstr("client.timeout   3s             "
                               "DFSNODE_CLIENT_TIMEOUT"));
  const auto all = nlohmann::json::parse(
    dfsnode({"config", "show", "--json"}, {"DFSNODE_CONFIG=" + file}).out);
  EXPECT_EQ(all.size(), 3u); // A client's file: a client's settings.
  EXPECT_EQ(all[2]["source"], "default");
}

TEST(ConfigVerbs, ReferenceIsTheDocument) {
  EXPECT_TRUE(dfsnode({"config", "reference"}).out
              == test::temp_dir::read(source + "/docs/configuration.md"));
  const auto rows
    = nlohmann::json::parse(dfsnode({"config", "reference", "--json"}).out);
  EXPECT_EQ(rows.size(), settings::table().size());
}

} // namespace
} // namespace dfs::admin
