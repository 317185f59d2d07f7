#include "core/chunks/level_plan.hpp"

#include "support/refusal.hpp"

#include <gtest/gtest.h>

#include <algorithm>

// SPEC G5: whom a new primary can bring level with the bytes that it has, so
// that equal serials mean equal bytes wherever it dies.

namespace dfs::core {
namespace {

using test::refusal;

using some_changes = std::optional<std::vector<chunk_change>>;

chunk_change change(std::uint64_t serial, std::uint32_t offset,
                    std::uint32_t length,
                    change_kind kind = change_kind::write) {
  return {.serial = mutation_serial{serial},
          .kind = kind,
          .offset = offset,
          .length = length,
          .writer = {},
          .sequence = 0};
}

/// The primary is store 100, the others are 101, 102 … and have these serials.
msg::take_lease order_for(const std::vector<std::uint64_t>& others,
                          std::uint8_t replicas_min = 1) {
  msg::take_lease order;
  order.grant.replicas_min = replicas_min;
  order.grant.chain.push_back({store_id{100}, {}});
  for (const auto serial : others) {
    order.grant.chain.push_back({store_id{100 + order.grant.chain.size()}, {}});
    order.others.push_back(
      {.chunk = {}, .extent = {.serial = mutation_serial{serial}}});
  }
  return order;
}

/// A store with these changes, and nothing about those before them.
known_changes store_with(std::vector<chunk_change> log) {
  return [log = std::move(log)](mutation_serial after) -> result<some_changes> {
    if (!log.empty() && after.next() < log.front().serial)
      return some_changes{};
    some_changes rest{std::in_place};
    std::copy_if(log.begin(), log.end(), std::back_inserter(*rest),
                 [&](const auto& x) { return x.serial > after; });
    return rest;
  };
}

std::vector<std::uint64_t> sent(const level_plan& plan) {
  std::vector<std::uint64_t> serials;
  for (const auto& x : plan.changes)
    serials.push_back(x.serial.value());
  return serials;
}

using serials = std::vector<std::uint64_t>;
using stores = std::vector<store_id>;

result<level_plan> plan(const std::vector<std::uint64_t>& others,
                        std::vector<chunk_change> log,
                        std::uint8_t replicas_min = 1) {
  const auto mine = log.back().serial;
  return plan_levelling(order_for(others, replicas_min), mine,
                        store_with(std::move(log)));
}

TEST(LevelPlan, NothingIsSentWhereAllHaveEverything) {
  const auto found = plan_levelling(order_for({3, 3}), mutation_serial{3}, {});
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->changes.empty());
  EXPECT_TRUE(found->behind.empty());
}

TEST(LevelPlan, SendsWhatTheLowestLacks) { // take_lease, I4
  const auto found
    = plan({8, 7}, {change(7, 0, 10), change(8, 10, 10), change(9, 20, 10)});
  ASSERT_TRUE(found);
  EXPECT_EQ(sent(*found), (serials{8, 9}));
  EXPECT_TRUE(found->behind.empty());
}

TEST(LevelPlan, LeavesOutWhoLacksMoreThanIsRemembered) {
  const auto found
    = plan({8, 5}, {change(7, 0, 10), change(8, 10, 10), change(9, 20, 10)});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->behind, stores{store_id{102}});
  EXPECT_TRUE(found->changes.empty())
    << "it is not to lead, so nothing is sent";
}

// Were change 8 sent with the bytes of 9, and the primary died then, 102 would
// have serial 8 with other bytes than 101 has.
TEST(LevelPlan, LeavesOutWhoseMissingChangesOverlap) { // I1; SPEC G5
  const auto found = plan({8, 7}, {change(8, 0, 10), change(9, 5, 10)});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->behind, stores{store_id{102}});
}

TEST(LevelPlan, WhatAReplicaHasAlreadyMayOverlapWhatItLacks) {
  const auto found = plan({8, 8}, {change(8, 0, 10), change(9, 5, 10)});
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->behind.empty());
  EXPECT_EQ(sent(*found), (serials{9}));
}

TEST(LevelPlan, LooksAtAllPairs) {
  // 6 and 9 overlap, with others in between that do not.
  const std::vector<chunk_change> log{change(6, 0, 10), change(7, 100, 10),
                                      change(8, 200, 10), change(9, 9, 1)};
  const auto found = plan({5, 6, 7}, log);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->behind, stores{store_id{101}});
  const auto without = plan({6, 7}, log);
  ASSERT_TRUE(without);
  EXPECT_TRUE(without->behind.empty());
  EXPECT_EQ(sent(*without), (serials{7, 8, 9}));
}

TEST(LevelPlan, NeighboursDoNotOverlap) {
  for (const auto& log :
       {std::vector{change(1, 10, 10), change(2, 0, 10), change(3, 20, 1)},
        std::vector{change(1, 0, 10), change(2, 10, 10), change(3, 20, 1)}}) {
    const auto found = plan({0}, log);
    ASSERT_TRUE(found);
    EXPECT_TRUE(found->behind.empty());
  }
  for (const auto& log : {std::vector{change(1, 10, 10), change(2, 0, 11)},
                          std::vector{change(1, 0, 10), change(2, 9, 10)},
                          std::vector{change(1, 0, 30), change(2, 10, 10)},
                          std::vector{change(1, 10, 10), change(2, 0, 30)},
                          std::vector{change(1, 10, 10), change(2, 10, 10)}}) {
    const auto found = plan({0}, log);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->behind, stores{store_id{101}});
  }
}

TEST(LevelPlan, PadsAndBarsBringNoBytes) { // SPEC G7
  const auto found
    = plan({0}, {change(1, 0, 10, change_kind::append),
                 change(2, 10, 0, change_kind::bar),
                 change(3, 10, 90, change_kind::pad), change(4, 20, 0)});
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->behind.empty());
  EXPECT_EQ(found->changes.size(), 4u);
}

TEST(LevelPlan, TooFewMayNotRemain) {
  const std::vector<chunk_change> log{change(8, 0, 10), change(9, 5, 10)};
  EXPECT_EQ(refusal(plan({7, 7}, log, 2)), ec::no_redundancy);
  EXPECT_TRUE(plan({8, 7}, log, 2));
  EXPECT_TRUE(plan({7, 7}, log, 1));
}

TEST(LevelPlan, LeavesOutWhoDoesNotAnswer) { // SPEC G7
  // Whatever it has.
  for (const std::uint64_t serial : {9, 8, 0}) {
    const auto found
      = plan_levelling(order_for({9, serial}, 2), mutation_serial{9},
                       store_with({change(9, 0, 1)}), {store_id{102}});
    ASSERT_TRUE(found);
    EXPECT_EQ(found->behind, stores{store_id{102}});
    EXPECT_TRUE(found->changes.empty());
  }
}

// What it lacks is not sent, so it need not be remembered.
TEST(LevelPlan, WhoDoesNotAnswerHoldsNobodyUp) { // SPEC G7
  const auto found = plan_levelling(
    order_for({8, 0}), mutation_serial{9},
    store_with({change(7, 0, 10), change(8, 0, 10), change(9, 0, 10)}),
    {store_id{102}});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->behind, stores{store_id{102}});
}

TEST(LevelPlan, TooFewMayNotAnswer) { // SPEC G5: never below replicas_min
  const stores both{store_id{101}, store_id{102}};
  EXPECT_EQ(
    refusal(plan_levelling(order_for({9, 9}, 2), mutation_serial{9}, {}, both)),
    ec::no_redundancy);
  EXPECT_EQ(refusal(plan_without(order_for({9, 9}, 2), both)),
            ec::no_redundancy);
  const auto one = plan_without(order_for({9, 9}, 2), {store_id{101}});
  ASSERT_TRUE(one);
  EXPECT_EQ(one->behind, stores{store_id{101}});
  // Of two replicas of a chunk that wants three none is given up.
  EXPECT_EQ(refusal(plan_without(order_for({9}, 3), {store_id{101}})),
            ec::no_redundancy);
}

TEST(LevelPlan, RefusesAnOrderThatCannotBe) {
  EXPECT_EQ(refusal(plan({10}, {change(9, 0, 1)})), ec::stale);
  auto order = order_for({1, 1});
  order.others.pop_back();
  EXPECT_EQ(refusal(plan_levelling(order, mutation_serial{1}, {})),
            ec::invalid_argument);
  const auto broken = [](mutation_serial) -> result<some_changes> {
    return fail(ec::io_error, "the disk");
  };
  EXPECT_EQ(refusal(plan_levelling(order_for({1}), mutation_serial{2}, broken)),
            ec::io_error);
}

} // namespace
} // namespace dfs::core
