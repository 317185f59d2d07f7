#include "settings/bundle.hpp"

#include "net/tls.hpp"
#include "settings/files.hpp"
#include "support/temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

namespace dfs::settings {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr auto introducer = static_cast<msg::role_set>(msg::role::introducer);
constexpr auto master = static_cast<msg::role_set>(msg::role::master);

unsigned mode_of(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
}

std::string why_not(const result<bundle_info>& x) {
  return x ? "it was accepted" : x.error().context;
}

struct Bundle : testing::Test {
  // TLS judges certificates by the machine's clock.
  unix_seconds now = std::chrono::floor<std::chrono::seconds>(
    std::chrono::system_clock::now());
  test::temp_dir place;
  std::string cluster = place / "cluster";
  std::string id;

  void SetUp() override {
    auto made = init_cluster(cluster, "home", now);
    ASSERT_TRUE(made) << made.error().context;
    id = *made;
  }

  std::string node(const std::string& name, msg::role_set roles,
                   std::chrono::days lasts = leaf_life) {
    const auto out = place / name;
    auto made = make_node_bundle({cluster, name, out, lasts}, roles, now);
    EXPECT_TRUE(made) << made.error().context;
    return out;
  }
};

// SPEC O4: what a cluster's directory holds is for nobody else's eyes.
TEST_F(Bundle, InitMakesAClusterThatOnlyItsOwnerReads) {
  EXPECT_EQ(id.size(), 16u);
  EXPECT_EQ(mode_of(cluster), 0700u);
  for (const char* name : {"ca.crt", "ca.key", "cluster.key", "token.key"})
    EXPECT_EQ(mode_of(cluster + "/" + name), 0600u) << name;
  auto other = init_cluster(place / "other", "home", now);
  ASSERT_TRUE(other);
  EXPECT_NE(*other, id);
}

TEST_F(Bundle, ANodesBundleSaysWhoItIs) {
  const auto out = node("node-1", introducer | master);
  const auto found = read_node_bundle(out, {"node-1", master}, now);
  ASSERT_TRUE(found) << found.error().context;
  EXPECT_EQ(found->name, "node-1");
  EXPECT_EQ(found->cluster, id);
  EXPECT_EQ(found->roles, introducer | master);
  EXPECT_EQ(found->ends, now + leaf_life);
  const auto context = net::make_tls_context(found->files);
  ASSERT_TRUE(context) << context.error().context;
  const auto who = net::own_identity(*context);
  EXPECT_EQ(who.name, "node-1");
  EXPECT_EQ(who.cluster, id);
  EXPECT_EQ(who.unit, "server:introducer,master");
  EXPECT_EQ(mode_of(out), 0700u);
}

// SPEC O4: clients never hold what servers hold.
TEST_F(Bundle, AUsersBundleHoldsNoKeyOfTheCluster) {
  const auto out = place / "alice";
  ASSERT_TRUE(make_user_bundle({cluster, "alice", out}, rights::writer, now));
  const auto found = read_user_bundle(out, now);
  ASSERT_TRUE(found) << found.error().context;
  EXPECT_EQ(found->right, rights::writer);
  std::size_t names = 0;
  for (const auto& file : std::filesystem::directory_iterator{out}) {
    ++names;
    const auto text = test::temp_dir::read(file.path());
    for (const char* secret : {"ca.key", "cluster.key", "token.key"})
      EXPECT_EQ(text.find(test::temp_dir::read(cluster + "/" + secret)),
                std::string::npos);
  }
  EXPECT_EQ(names, 3u);
  EXPECT_THAT(why_not(read_node_bundle(out, {}, now)), HasSubstr("node.key"));
}

TEST_F(Bundle, NothingIsOverwritten) {
  const auto before = test::temp_dir::read(cluster + "/ca.key");
  auto again = init_cluster(cluster, "home", now);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ec::exists);
  EXPECT_EQ(test::temp_dir::read(cluster + "/ca.key"), before);
  const auto out = node("node-1", master);
  EXPECT_EQ(
    make_node_bundle({cluster, "node-1", out}, master, now).error().code,
    ec::exists);
}

// An empty directory is as good as none; a file is not.
TEST_F(Bundle, AnEmptyDirectoryIsTaken) {
  std::filesystem::create_directory(place / "empty");
  EXPECT_TRUE(init_cluster(place / "empty/", "home", now));
  EXPECT_EQ(mode_of(place / "empty"), 0700u);
  place.write("file", "x");
  EXPECT_EQ(init_cluster(place / "file", "home", now).error().code, ec::exists);
}

TEST_F(Bundle, WhatIsRefusedLeavesNothing) {
  const auto names = place.count();
  EXPECT_FALSE(init_cluster(place / "x", "No Name", now));
  EXPECT_FALSE(init_cluster(place / "missing/x", "home", now));
  EXPECT_FALSE(
    make_node_bundle({cluster, "../evil", place / "x"}, master, now));
  EXPECT_FALSE(make_node_bundle({cluster, "n", place / "x"}, 0, now));
  EXPECT_FALSE(make_node_bundle(
    {cluster, "n", place / "x", std::chrono::days{0}}, master, now));
  EXPECT_FALSE(make_node_bundle(
    {cluster, "n", place / "x", std::chrono::days{4000}}, master, now));
  EXPECT_FALSE(
    make_node_bundle({place / "none", "n", place / "x"}, master, now));
  EXPECT_EQ(place.count(), names);
}

TEST_F(Bundle, SaysWhatIsWrongAndHowToMendIt) {
  const auto out = node("node-1", introducer);
  EXPECT_EQ(why_not(read_node_bundle(out, {"node-2", introducer}, now)),
            out
              + "/node.crt: is for node 'node-1', but node.name is 'node-2'; "
                "name that node's bundle in security.bundle, or leave "
                "node.name out");
  EXPECT_EQ(why_not(read_node_bundle(out, {"", introducer | master}, now)),
            out
              + "/node.crt: is for introducer, not for master; make one with "
                "`dfsnode cluster bundle --role introducer,master`");
  EXPECT_THAT(why_not(read_node_bundle(out, {}, now + leaf_life)),
              HasSubstr("expired at"));
  EXPECT_THAT(why_not(read_node_bundle(place / "none", {}, now)),
              HasSubstr("make a bundle with `dfsnode cluster bundle`"));
  ASSERT_EQ(::chmod((out + "/cluster.key").c_str(), 0640), 0);
  EXPECT_EQ(why_not(read_node_bundle(out, {}, now)),
            out
              + "/cluster.key may be touched by other users (mode 640); mend "
                "with: chmod 600 "
              + out + "/cluster.key");
}

TEST_F(Bundle, AKeyOfAnotherClusterIsRefused) {
  const auto out = node("node-1", master);
  ASSERT_TRUE(init_cluster(place / "other", "other", now));
  ASSERT_TRUE(make_node_bundle({place / "other", "node-1", place / "foreign"},
                               master, now));
  std::filesystem::copy_file(place / "foreign/node.key", out + "/node.key",
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(why_not(read_node_bundle(out, {}, now)), HasSubstr("node.key"));
  std::filesystem::copy_file(place / "foreign/node.crt", out + "/node.crt",
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(why_not(read_node_bundle(out, {}, now)), HasSubstr("node.crt"));
}

// SPEC O4: a key is replaced while nodes of the step before and after it work
// together: whatever one of them seals with, the other can open.
TEST_F(Bundle, EachStepOfARotationWorksBesideTheOneBefore) {
  auto before = *parse_key_file(test::temp_dir::read(cluster + "/cluster.key"));
  const auto first = before.front();
  for (auto step : {rotation::add, rotation::use, rotation::retire}) {
    auto after = rotate_key(cluster, key_kind::cluster, step);
    ASSERT_TRUE(after) << after.error().context;
    EXPECT_THAT(*after, testing::Contains(before.front()));
    EXPECT_THAT(before, testing::Contains(after->front()));
    before = *after;
  }
  ASSERT_EQ(before.size(), 1u);
  EXPECT_EQ(before.front().number, first.number + 1);
  EXPECT_NE(before.front().hex, first.hex);
  EXPECT_EQ(mode_of(cluster + "/cluster.key"), 0600u);
  EXPECT_EQ(
    parse_key_file(test::temp_dir::read(cluster + "/cluster.key")).operator*(),
    before);
}

// A node with a key that no other node has would be alone with it.
TEST_F(Bundle, KeysAreReplacedInTheClustersDirectoryOnly) {
  const auto out = node("node-1", introducer);
  const auto before = test::temp_dir::read(out + "/cluster.key");
  for (const auto& directory : {out, place / "nowhere"}) {
    const auto outcome
      = rotate_key(directory, key_kind::cluster, rotation::add);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ec::configuration);
    EXPECT_THAT(outcome.error().context, HasSubstr(directory + ": no ca.key"));
  }
  EXPECT_EQ(test::temp_dir::read(out + "/cluster.key"), before);
}

TEST(KeyFile, RefusesWhatIsNone) {
  const std::string hex(64, 'a');
  for (const auto& text :
       {std::string{}, std::string{"# only\n"}, "0 " + hex, "256 " + hex,
        "1 " + hex.substr(1), "1 " + hex + "0", "1" + hex, "x " + hex,
        "1 " + std::string(64, 'A'), "1 " + hex + "\n1 " + hex})
    EXPECT_FALSE(parse_key_file(text)) << text;
  EXPECT_TRUE(parse_key_file("# c\n\n255 " + hex));
}

TEST(KeyFile, StepsOutOfTurnAreRefused) {
  const auto fresh = make_keys();
  EXPECT_FALSE(rotate(fresh, rotation::use));
  EXPECT_FALSE(rotate(fresh, rotation::retire));
  const auto added = rotate(fresh, rotation::add);
  ASSERT_TRUE(added);
  EXPECT_FALSE(rotate(*added, rotation::add));
  EXPECT_FALSE(rotate(*added, rotation::retire));
  const auto last = rotate({{255, fresh[0].hex}}, rotation::add);
  ASSERT_TRUE(last);
  EXPECT_EQ(last->back().number, 1);
}

} // namespace
} // namespace dfs::settings
