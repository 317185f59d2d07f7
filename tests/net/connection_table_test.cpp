#include "net/connection_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// SPEC S10: who takes many places gives those up that it does not use.

namespace dfs::net {
namespace {

using namespace std::chrono_literals;

struct fake_connection {
  struct identity {
    std::string name;
  };

  std::string name;
  bool important = false;
  std::optional<instant> idle;
  std::vector<std::string>* ended = nullptr;
  connection_table<fake_connection>* table = nullptr;

  void close() {
    ended->push_back("closed " + name);
    table->gone(*this);
  }
  void evict() {
    ended->push_back("evicted " + name);
  }
  [[nodiscard]] identity peer() const {
    return {name};
  }
  [[nodiscard]] bool kept() const {
    return important;
  }
  [[nodiscard]] std::optional<instant> idle_since() const {
    return idle;
  }
};

struct ConnectionTableTest : ::testing::Test {
  connection_limits limits{
    .all_max = 8, .per_principal_max = 6, .strangers_max = 3, .kept = 2};
  connection_table<fake_connection> table;
  std::vector<std::string> ended;
  int made = 0;

  std::shared_ptr<fake_connection>
  stranger(const std::string& name, bool important = false) {
    auto x = std::make_shared<fake_connection>();
    x->name = name;
    x->important = important;
    x->ended = &ended;
    x->table = &table;
    x->idle = instant{} + std::chrono::seconds{++made};
    table.take_in(x, limits);
    return x;
  }

  /// Nothing: it was refused.
  std::shared_ptr<fake_connection>
  enter(const std::string& name, bool important = false) {
    auto x = stranger(name, important);
    const auto share = table.verified(*x, limits);
    if (share)
      return x;
    EXPECT_EQ(share.error().code, ec::busy);
    return nullptr;
  }

  std::uint64_t connections_of(const std::string& name) {
    const auto all = table.principals().snapshot();
    const auto found = std::find_if(
      all.begin(), all.end(), [&](const auto& x) { return x.name == name; });
    return found == all.end() ? 0 : found->connections;
  }
};

TEST_F(ConnectionTableTest, StrangersTakeNoPlace) {
  for (int i = 0; i < 6; ++i)
    ASSERT_TRUE(enter("hog"));
  for (int i = 0; i < 10; ++i)
    stranger("?");
  EXPECT_EQ(ended.size(), 7u); // The oldest of them, for the newest.
  EXPECT_EQ(connections_of("hog"), 6u);
  EXPECT_EQ(table.strangers(), 3u);
  EXPECT_EQ(table.size(), 9u);
}

TEST_F(ConnectionTableTest, ANewcomerGetsAPlaceThatTheLargestDoesNotUse) {
  auto busy = enter("hog");
  busy->idle.reset();
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(enter("hog"));
  EXPECT_FALSE(enter("hog")); // Its own limit.
  ASSERT_TRUE(enter("alice"));
  EXPECT_EQ(connections_of("hog"), 5u);
  EXPECT_EQ(ended, std::vector<std::string>{"evicted hog"});
  EXPECT_EQ(connections_of("alice"), 1u);
  // Until they have as many.
  ASSERT_TRUE(enter("alice"));
  ASSERT_TRUE(enter("alice"));
  EXPECT_FALSE(enter("alice"));
  EXPECT_EQ(connections_of("hog"), 3u);
}

TEST_F(ConnectionTableTest, ThoseInUseStay) {
  for (int i = 0; i < 6; ++i)
    enter("hog")->idle.reset();
  EXPECT_FALSE(enter("alice"));
  EXPECT_EQ(connections_of("hog"), 6u);
  EXPECT_TRUE(ended.empty());
}

TEST_F(ConnectionTableTest, SomePlacesAreKeptForServersAndAdministrators) {
  for (int i = 0; i < 6; ++i)
    enter("hog")->idle.reset();
  ASSERT_TRUE(enter("root", true));
  ASSERT_TRUE(enter("node-1", true));
  EXPECT_FALSE(enter("node-2", true)); // All eight are in use.
  EXPECT_EQ(connections_of("hog"), 6u);
}

TEST_F(ConnectionTableTest, AnAdministratorGivesWayToNobody) {
  for (int i = 0; i < 6; ++i)
    ASSERT_TRUE(enter("root", true));
  ASSERT_TRUE(enter("node-1", true));
  ASSERT_TRUE(enter("node-2", true));
  EXPECT_FALSE(enter("alice"));
  EXPECT_FALSE(enter("node-3", true));
  EXPECT_TRUE(ended.empty());
}

TEST_F(ConnectionTableTest, WhoIsRefusedOrEvictedIsBoundedToo) {
  for (int i = 0; i < 6; ++i)
    ASSERT_TRUE(enter("hog"));
  for (int i = 0; i < 20; ++i)
    EXPECT_FALSE(enter("hog"));
  EXPECT_EQ(table.size(), 6u + limits.strangers_max);
  EXPECT_EQ(table.strangers(), 0u); // They do not push strangers out.
}

TEST_F(ConnectionTableTest, CountersOutliveConnections) {
  for (int i = 0; i < 6; ++i)
    ASSERT_TRUE(enter("hog"));
  EXPECT_FALSE(enter("hog"));
  table.close_all();
  EXPECT_EQ(table.size(), 0u);
  const auto all = table.principals().snapshot();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].connections, 0u);
  EXPECT_EQ(all[0].refused_busy, 1u);
}

TEST_F(ConnectionTableTest, OnlySoManyAbsentPrincipalsAreRemembered) {
  limits.per_principal_max = 0;
  for (int i = 0; i < 1000; ++i)
    EXPECT_FALSE(enter("p" + std::to_string(i)));
  EXPECT_LE(table.principals().snapshot().size(), principal_table::absent_max);
}

} // namespace
} // namespace dfs::net
