#include "core/failure/member_table.hpp"

#include "core/failure/member_ring.hpp"
#include "failure_network.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace dfs::core::test {
namespace {

using outcome = member_table::join_outcome;

constexpr instant start = instant{} + 1h;

msg::member_record life(std::uint8_t number, std::uint64_t stamp) {
  return make_record(number, 4, stamp);
}

struct MemberTable : ::testing::Test {
  member_table table{60s};

  std::optional<msg::member_record>
  fail(const msg::member_record& x, instant now = start) {
    return table.retire(x.id, msg::member_change::failed,
                        msg::news_reason::silent_for_two, life(9, 1).id, now);
  }

  void TearDown() override {
    table.check();
  }
};

TEST_F(MemberTable, HoldsOneLifePerAddress) { // I1
  EXPECT_EQ(table.join(life(1, 5), start).outcome, outcome::added);
  EXPECT_EQ(table.join(life(1, 5), start).outcome, outcome::known);
  const auto newer = table.join(life(1, 6), start);
  EXPECT_EQ(newer.outcome, outcome::added);
  EXPECT_EQ(newer.replaced, life(1, 5));
  EXPECT_EQ(table.size(), 1u);
  EXPECT_EQ(table.find(life(1, 5).id), nullptr);
  EXPECT_NE(table.find(life(1, 6).id), nullptr);
}

// SPEC M1: old news never harm a newer life (I8).
TEST_F(MemberTable, OldNewsDoNotHarmANewerLife) {
  (void) table.join(life(1, 6), start);
  EXPECT_EQ(table.join(life(1, 5), start).outcome, outcome::retired);
  EXPECT_FALSE(fail(life(1, 5)));
  EXPECT_NE(table.find(life(1, 6).id), nullptr);
}

TEST_F(MemberTable, OverIsFinal) { // I2
  (void) table.join(life(1, 5), start);
  EXPECT_EQ(fail(life(1, 5)), life(1, 5));
  EXPECT_FALSE(fail(life(1, 5)));
  EXPECT_EQ(table.join(life(1, 5), start).outcome, outcome::retired);
  // Long after the tombstone is gone, too.
  table.expire(start + 1h);
  EXPECT_TRUE(table.tombstones().empty());
  EXPECT_EQ(table.join(life(1, 5), start + 1h).outcome, outcome::retired);
  EXPECT_EQ(table.join(life(1, 4), start + 1h).outcome, outcome::retired);
  EXPECT_EQ(table.join(life(1, 6), start + 1h).outcome, outcome::added);
}

TEST_F(MemberTable, EndsTheOlderLifeWithTheNewer) {
  (void) table.join(life(1, 5), start);
  EXPECT_EQ(fail(life(1, 7)), life(1, 5));
  EXPECT_EQ(table.join(life(1, 6), start).outcome, outcome::retired);
}

TEST_F(MemberTable, KeepsTombstonesForAMinute) {
  (void) table.join(life(1, 5), start);
  (void) fail(life(1, 5));
  ASSERT_NE(table.find_tombstone(life(1, 5).id.address()), nullptr);
  EXPECT_EQ(table.next_expiry(), start + 60s);
  // A later end of a newer life starts the minute again.
  (void) fail(life(1, 6), start + 30s);
  table.expire(start + 60s);
  EXPECT_EQ(table.tombstones().size(), 1u);
  table.expire(start + 90s);
  EXPECT_TRUE(table.tombstones().empty());
  EXPECT_FALSE(table.next_expiry());
}

// I2, I3: tables that hear the same in any order, any number of times, agree.
TEST(MemberTableTraffic, OrderAndRepetitionDoNotMatter) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    rng random{seed};
    struct event {
      bool ends;
      msg::member_record who;
    };
    std::vector<event> events;
    for (int i = 0; i < 40; ++i)
      events.push_back(
        {random.one_in(3), life(static_cast<std::uint8_t>(1 + random.below(6)),
                                1 + random.below(5))});
    std::vector<std::uint64_t> digests;
    for (int order = 0; order < 4; ++order) {
      member_table table{60s};
      const auto apply = [&](const event& x) {
        if (x.ends)
          (void) table.retire(x.who.id, msg::member_change::failed,
                              msg::news_reason::retired, x.who.id, start);
        else
          (void) table.join(x.who, start);
        table.check();
      };
      for (std::size_t i = events.size() - 1; i > 0; --i)
        std::swap(events[i], events[random.below(i + 1)]);
      for (const auto& x : events) {
        apply(x);
        if (random.one_in(3))
          apply(events[random.below(events.size())]);
      }
      digests.push_back(table.digest());
    }
    EXPECT_EQ(std::count(digests.begin(), digests.end(), digests[0]), 4);
  }
}

TEST_F(MemberTable, HasALimit) {
  auto record = life(1, 5);
  for (std::size_t i = 0; i < member_table::members_max; ++i) {
    record.id.group_port = static_cast<std::uint16_t>(10'000 + i);
    ASSERT_EQ(table.join(record, start).outcome, outcome::added);
  }
  record.id.group_port = 9'999;
  EXPECT_EQ(table.join(record, start).outcome, outcome::full);
  record.id.group_port = 10'000; // A newer life takes no new place.
  record.id.start_ms = 6;
  EXPECT_EQ(table.join(record, start).outcome, outcome::added);
}

TEST_F(MemberTable, ForgetsTheEarliestRetiredBeyondItsLimit) {
  auto record = life(1, 5);
  const auto nth = [&](std::size_t i) {
    record.id.ip.bytes[14] = static_cast<std::uint8_t>(i / 60'000);
    record.id.group_port = static_cast<std::uint16_t>(1 + i % 60'000);
    return record;
  };
  for (std::size_t i = 0; i <= member_table::retired_max; ++i)
    (void) fail(nth(i));
  EXPECT_FALSE(table.is_retired(nth(0).id));
  EXPECT_TRUE(table.is_retired(nth(1).id));
  EXPECT_TRUE(table.is_retired(nth(member_table::retired_max).id));
}

TEST(MemberRing, IsACircleInTheOrderOfHashes) {
  member_ring ring;
  std::vector<msg::member_id> ids;
  for (std::uint8_t i = 1; i <= 9; ++i) {
    ids.push_back(make_record(i).id);
    ring.insert(ids.back());
    ring.insert(ids.back());
  }
  ring.check();
  ASSERT_EQ(ring.size(), 9u);
  std::sort(ids.begin(), ids.end(), [](const auto& x, const auto& y) {
    return msg::stable_hash(x) < msg::stable_hash(y);
  });
  for (std::size_t i = 0; i < 9; ++i) {
    for (std::size_t step = 1; step <= 9; ++step)
      EXPECT_EQ(ring.after(ids[i], step), ids[(i + step) % 9]);
    const auto before = ring.predecessors(ids[i], 20);
    ASSERT_EQ(before.size(), 8u);
    for (std::size_t step = 1; step <= 8; ++step)
      EXPECT_EQ(before[step - 1], ids[(i + 9 - step) % 9]);
    EXPECT_EQ(ring.lower_bound(msg::stable_hash(ids[i])), i);
  }
  // Of somebody who is not on it: between the same neighbours.
  ring.erase(ids[4]);
  ring.erase(ids[4]);
  ASSERT_EQ(ring.size(), 8u);
  EXPECT_EQ(ring.after(ids[4], 1), ids[5]);
  EXPECT_EQ(ring.predecessors(ids[4], 1).front(), ids[3]);
}

// Else some members would help, or hear news, more often than others.
TEST(MemberRing, SamplesEverybodyAsOften) {
  for (const std::uint8_t size : {8, 60}) { // Both ways of choosing.
    member_ring ring;
    for (std::uint8_t i = 1; i <= size; ++i)
      ring.insert(make_record(i).id);
    rng random{size};
    std::map<msg::member_id, int> counts;
    constexpr int rounds = 6'000;
    for (int i = 0; i < rounds; ++i)
      for (const auto& id :
           ring.sample(random, 3, make_record(1).id, make_record(2).id))
        ++counts[id];
    const int expected = rounds * 3 / (size - 2);
    ASSERT_EQ(counts.size(), size - 2u);
    for (const auto& [id, count] : counts)
      EXPECT_NEAR(count, expected, expected * 0.3) << id.address();
  }
}

TEST(MemberRing, SamplesWithoutRepetition) {
  for (std::uint8_t size : {1, 2, 3, 8, 60}) {
    member_ring ring;
    for (std::uint8_t i = 1; i <= size; ++i)
      ring.insert(make_record(i).id);
    rng random{size};
    std::set<msg::member_id> seen;
    for (int i = 0; i < 400; ++i) {
      const auto some
        = ring.sample(random, 3, make_record(1).id, make_record(2).id);
      EXPECT_EQ(some.size(), std::min<std::size_t>(3, std::max(0, size - 2)));
      const std::set<msg::member_id> different{some.begin(), some.end()};
      EXPECT_EQ(different.size(), some.size());
      EXPECT_FALSE(different.contains(make_record(1).id));
      EXPECT_FALSE(different.contains(make_record(2).id));
      seen.insert(some.begin(), some.end());
    }
    EXPECT_EQ(seen.size(), static_cast<std::size_t>(std::max(0, size - 2)));
  }
}

} // namespace
} // namespace dfs::core::test
