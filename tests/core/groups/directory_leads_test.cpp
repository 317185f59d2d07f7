#include "core/groups/directory_steps.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

// Leads are spread, and a server that was declared failed comes back.

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

/// Three servers, each in all of six groups.
struct DirectoryLeads : DirectorySteps {
  void SetUp() override {
    groups = 6;
    DirectorySteps::SetUp();
    for (const std::uint64_t i : {1, 2, 3})
      enrol(i);
    live(10s, {1, 2, 3});
  }
  [[nodiscard]] std::map<std::uint64_t, int> leads() const {
    std::map<std::uint64_t, int> counts;
    for (const auto& [id, x] : machine->groups())
      if (x.led)
        ++counts[x.primary.value()];
    return counts;
  }
  const std::map<std::uint64_t, int> even{{1, 2}, {2, 2}, {3, 2}};
};

// Other servers lead what it led, and it lacks nothing.
TEST_F(DirectoryLeads, BecomeEvenWhenAServerReturns) { // SPEC V6
  ASSERT_EQ(leads(), even);
  for (const std::uint64_t away : {3, 1, 2}) {
    std::vector<std::uint64_t> rest{1, 2, 3};
    std::erase(rest, away);
    live(4s, rest);
    ASSERT_EQ(leads(),
              (std::map<std::uint64_t, int>{{rest[0], 3}, {rest[1], 3}}));
    const auto before = takeovers;
    live(4s, {1, 2, 3});
    EXPECT_EQ(takeovers, before) << "the server has just returned";
    live(6s, {1, 2, 3});
    EXPECT_EQ(leads(), even) << away;
    EXPECT_EQ(takeovers, before + 2);
  }
}

TEST_F(DirectoryLeads, StayWhereTheyAreEven) { // SPEC V2
  const auto before = takeovers;
  live(60s, {1, 2, 3});
  EXPECT_EQ(takeovers, before);
}

/// One group on three servers; the third was declared failed.
struct DirectoryRejoins : DirectorySteps {
  using order = msg::rejoin_order;

  void SetUp() override {
    DirectorySteps::SetUp();
    for (const std::uint64_t i : {1, 2, 3})
      enrol(i);
    live(3s, {1, 2, 3});
    ASSERT_TRUE(entry().led);
    live(15s, {1, 2});
    ASSERT_TRUE(machine->servers().at(store_id{3}).row.failed);
    obeys_rejoins = false;
  }
  [[nodiscard]] bool ordered(order kind) const {
    return std::ranges::any_of(rejoins,
                               [&](const auto& x) { return x.order == kind; });
  }
  void quarantined() {
    stands[store_id{3}].quarantined = true;
    msg::group_news said;
    said.rejoined.push_back({group, entry().in_force.epoch, order::quarantine});
    news(store_id{3}, std::move(said));
  }
};

// What it has may be old: as long as W of the others are there it is refilled,
// from as many as have all that was promised.
TEST_F(DirectoryRejoins, RefillWhereTheOthersCanDoWithoutTheServer) { // V7
  live(3s, {1, 2, 3});
  quarantined();
  rejoins.clear();
  live(3s, {1, 2, 3});
  ASSERT_FALSE(rejoins.empty());
  for (const auto& x : rejoins) {
    EXPECT_EQ(x.order, order::refill);
    EXPECT_EQ(std::set(x.sources.begin(), x.sources.end()),
              (std::set{store_id{1}, store_id{2}}));
  }
}

TEST_F(DirectoryRejoins, TakeTheServerBackWhereTheOthersAreTooFew) { // SPEC V7
  live(3s, {1});
  live(500ms, {1, 3});
  EXPECT_TRUE(ordered(order::quarantine)) << "the other one may come";
  EXPECT_FALSE(ordered(order::take_back));
  live(2s, {1, 3});
  EXPECT_TRUE(ordered(order::take_back));
  for (const auto& x : rejoins)
    EXPECT_TRUE(x.sources.empty());
  obeys_rejoins = true;
  live(2s, {1, 3});
  EXPECT_TRUE(machine->fit(entry(), store_id{3}));
  EXPECT_TRUE(entry().led);
}

// Nobody knows what it did meanwhile.
TEST_F(DirectoryRejoins, BeginOnceMoreAfterASilence) { // SPEC V7
  live(1s, {1, 2, 3});
  quarantined();
  live(1s, {1, 2, 3});
  ASSERT_TRUE(ordered(order::refill));
  live(3s, {1, 2});
  rejoins.clear();
  live(1s, {1, 2, 3});
  EXPECT_TRUE(ordered(order::quarantine));
  EXPECT_FALSE(ordered(order::refill));
}

} // namespace
} // namespace dfs::core
