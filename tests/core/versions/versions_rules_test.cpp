#include "core/versions/group_placement.hpp"
#include "core/versions/keep_policy.hpp"
#include "core/versions/manifest_rules.hpp"
#include "core/versions/quorum.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

namespace dfs::core {
namespace {

TEST(Quorum, DefaultsAreTheLeastThatSatisfyBothRules) { // SPEC V2
  for (std::uint8_t n = 1; n <= copies_max; ++n) {
    const auto rule = default_quorum(n);
    EXPECT_TRUE(check_quorum(rule)) << int{n};
    auto less = rule;
    --less.write;
    EXPECT_FALSE(check_quorum(less)) << int{n};
    less = rule;
    --less.read;
    EXPECT_FALSE(check_quorum(less)) << int{n};
  }
  EXPECT_EQ(default_quorum(3), (msg::quorum_rule{3, 2, 2}));
}

TEST(Quorum, SaysWhichRuleIsBroken) { // SPEC V2
  const auto why = [](const msg::quorum_rule& x) {
    const auto good = check_quorum(x);
    return good ? std::string{} : good.error().context;
  };
  EXPECT_NE(why({4, 2, 3}).find("2 W > N"), std::string::npos);
  EXPECT_NE(why({4, 2, 3}).find("has to be 3 at least"), std::string::npos);
  EXPECT_NE(why({5, 3, 2}).find("W + R > N"), std::string::npos);
  EXPECT_EQ(why({3, 4, 1}), "W = 4 of 3 copies, allowed are 2 to 3");
  EXPECT_EQ(why({5, 0, 3}), "W = 0 of 5 copies, allowed are 3 to 5");
  EXPECT_EQ(why({3, 3, 0}), "R = 0 of 3 copies, allowed are 1 to 3");
  EXPECT_EQ(why({3, 2, 4}), "R = 4 of 3 copies, allowed are 2 to 3");
  EXPECT_NE(why({0, 0, 0}), "");
  EXPECT_NE(why({3, 2, 0}), "");
}

TEST(Quorum, EveryTwoThatMustMeetDoMeet) { // SPEC V2
  for (std::uint8_t n = 1; n <= copies_max; ++n)
    for (std::uint8_t w = 1; w <= n; ++w)
      for (std::uint8_t r = 1; r <= n; ++r) {
        const msg::quorum_rule rule{n, w, r};
        if (!check_quorum(rule))
          continue;
        EXPECT_GT(promise_quorum(rule) + w, n);
        EXPECT_GT(seal_quorum(rule) + w, n);
        EXPECT_GT(seal_quorum(rule) + r, n);
        EXPECT_GE(seal_quorum(rule), w);
        EXPECT_LE(seal_quorum(rule), n);
      }
}

std::vector<placement_candidate> stores(std::uint64_t count) {
  std::vector<placement_candidate> all;
  for (std::uint64_t i = 1; i <= count; ++i)
    all.push_back({store_id{i * 7919}, {}});
  return all;
}

std::vector<placement_candidate> all_of(std::vector<std::uint64_t> numbers) {
  std::vector<placement_candidate> all;
  for (const auto x : numbers)
    all.push_back({store_id{x}, {}});
  return all;
}

std::vector<std::uint64_t> sorted(const std::vector<store_id>& from) {
  std::vector<std::uint64_t> all;
  for (const auto x : from)
    all.push_back(x.value());
  std::sort(all.begin(), all.end());
  return all;
}

// So W of those that have everything stay. SPEC V2, V6
TEST(GroupPlacement, ExchangesOneServerAtATime) {
  using numbers = std::vector<std::uint64_t>;
  const auto best = all_of({4, 5, 6});
  auto now = numbers{1, 2, 3};
  for (std::size_t step = 1; step <= 3; ++step) {
    const auto next = sorted(step_towards(best, all_of(now), 3));
    numbers both;
    std::set_intersection(now.begin(), now.end(), next.begin(), next.end(),
                          std::back_inserter(both));
    EXPECT_EQ(both.size(), 2u);
    now = next;
  }
  EXPECT_EQ(now, (numbers{4, 5, 6}));
  EXPECT_EQ(sorted(step_towards(best, all_of(now), 3)), now) << "it is there";
  EXPECT_EQ(
    sorted(step_towards(all_of({2, 5, 6}), all_of({1, 2, 3}), 3)).size(), 3u);
  // It grows with those that are there, and shrinks to some of them.
  EXPECT_EQ(sorted(step_towards(all_of({1, 4, 5, 6, 7}), all_of({1, 2, 3}), 5)),
            (numbers{1, 2, 3, 4, 5}));
  EXPECT_EQ(sorted(step_towards(all_of({2, 8, 9}), all_of({1, 2, 3, 4, 5}), 3)),
            (numbers{1, 2, 3}));
}

TEST(GroupPlacement, KeepsToDifferentZonesOnItsWay) {
  const std::vector<placement_candidate> now{
    {store_id{1}, "a"}, {store_id{2}, "b"}, {store_id{3}, "c"}};
  const std::vector<placement_candidate> best{
    {store_id{4}, "a"}, {store_id{5}, "b"}, {store_id{6}, "c"}};
  const auto zone_of = [&](store_id x) {
    for (const auto& all : {now, best})
      for (const auto& y : all)
        if (y.store == x)
          return y.zone;
    return std::string{};
  };
  auto at = now;
  for (int step = 0; step < 3; ++step) {
    std::set<std::string> zones;
    std::vector<placement_candidate> next;
    for (const auto x : step_towards(best, at, 3)) {
      zones.insert(zone_of(x));
      next.push_back({x, zone_of(x)});
    }
    EXPECT_EQ(zones.size(), 3u);
    at = next;
  }
}

TEST(GroupPlacement, AServerMoreMovesOnlyWhatItEnters) { // SPEC V6
  const auto few = stores(9);
  const auto more = stores(10);
  std::map<store_id, int> load;
  for (std::uint64_t g = 0; g < 500; ++g) {
    const auto before = choose_group_servers(group_id{g}, few, 3);
    auto reversed = more;
    std::reverse(reversed.begin(), reversed.end());
    const auto after = choose_group_servers(group_id{g}, reversed, 3);
    ASSERT_EQ(after.size(), 3u);
    for (const auto x : after) {
      ++load[x];
      if (x != more.back().store)
        EXPECT_NE(std::find(before.begin(), before.end(), x), before.end());
    }
  }
  for (const auto& [store, count] : load)
    EXPECT_NEAR(count, 150, 60) << store;
}

TEST(GroupPlacement, TakesOtherZonesFirstAndNoStoreTwice) {
  std::vector<placement_candidate> open{{store_id{1}, "a"},
                                        {store_id{2}, "a"},
                                        {store_id{3}, "a"},
                                        {store_id{4}, "b"},
                                        {store_id{4}, "b"}};
  for (std::uint64_t g = 0; g < 50; ++g) {
    const auto two = choose_group_servers(group_id{g}, open, 2);
    EXPECT_NE(std::find(two.begin(), two.end(), store_id{4}), two.end());
    const auto all = choose_group_servers(group_id{g}, open, 9);
    EXPECT_EQ(std::set<store_id>(all.begin(), all.end()).size(), 4u);
    EXPECT_EQ(all.size(), 4u);
  }
  // Sets follow from it: it may never change.
  EXPECT_EQ(placement_right(group_id{1}, store_id{2}),
            placement_right(group_id{1}, store_id{2}));
  EXPECT_NE(placement_right(group_id{1}, store_id{2}),
            placement_right(group_id{2}, store_id{1}));
}

msg::file_version version(std::uint64_t writer, std::uint64_t sequence) {
  msg::file_version x;
  x.put = {put_writer{writer}, sequence};
  x.content = x.put;
  return x;
}

TEST(KeepPolicy, KeepsTheLastFiveAndYoungOnes) { // SPEC V5
  msg::file_manifest x;
  for (std::uint64_t i = 1; i <= 9; ++i) {
    auto v = version(1, i);
    v.time_ms = static_cast<std::int64_t>(i) * 1'000;
    x = add_version(x, v, keep_policy{}, 9'000);
    check_manifest(x);
  }
  ASSERT_EQ(x.versions.size(), 5u);
  EXPECT_EQ(x.versions.front().number, version_number{9});
  EXPECT_EQ(x.versions.back().number, version_number{5});
  keep_policy longer;
  longer.life = std::chrono::seconds{10};
  longer.versions_max = 7;
  for (std::uint64_t i = 10; i <= 14; ++i)
    x = add_version(x, version(1, i), longer, 1'000);
  EXPECT_EQ(x.versions.size(), 7u);
}

TEST(ManifestRules, APutIsDoneOnceOrBarredForEver) { // SPEC V4
  using kind = put_knowledge::kind;
  msg::file_manifest x;
  const msg::put_id one{put_writer{1}, 1};
  const msg::put_id two{put_writer{2}, 1};
  EXPECT_EQ(look_up(x, one).what, kind::open);
  x = add_version(x, version(1, 1), {}, 0);
  EXPECT_EQ(look_up(x, one).what, kind::known);
  EXPECT_EQ(look_up(x, one).version, version_number{1});
  x = bar(x, two);
  EXPECT_EQ(look_up(x, two).what, kind::known);
  EXPECT_EQ(look_up(x, two).version, version_number{});
  EXPECT_EQ(x.versions.size(), 1u);
  x = add_version(x, version(1, 5), {}, 0);
  EXPECT_EQ(look_up(x, one).version, version_number{1}) << "it is kept";
  EXPECT_EQ(look_up(x, {put_writer{1}, 4}).what, kind::overtaken);
  check_manifest(x);
}

TEST(ManifestRules, ForgottenWritersStayBelowTheFloor) { // SPEC V4
  msg::file_manifest x;
  for (std::uint64_t w = 100; w > 100 - 2 * writers_max; --w) {
    x = add_version(x, version(w, 1), {}, 0);
    check_manifest(x);
    // What was just done is known, whoever else is forgotten for it.
    ASSERT_EQ(look_up(x, {put_writer{w}, 1}).what, put_knowledge::kind::known);
  }
  for (std::uint64_t w = 1; w <= 100; ++w)
    EXPECT_NE(look_up(x, {put_writer{w}, 1}).what, put_knowledge::kind::open)
      << w;
  EXPECT_EQ(look_up(x, {put_writer{101}, 1}).what, put_knowledge::kind::open);
}

TEST(ManifestRules, AClosedFileKeepsOutcomesAndNoVersions) {
  auto x = add_version({}, version(1, 1), {}, 0);
  auto gone = version(1, 2);
  gone.kind = msg::version_kind::deleted;
  x = add_version(x, gone, {}, 0);
  keep_policy keep;
  EXPECT_FALSE(may_close(x.versions[0], keep, 1'000));
  keep.trash_life = std::chrono::milliseconds{500};
  EXPECT_TRUE(may_close(x.versions[0], keep, 1'000));
  x = close(x, 1'000);
  check_manifest(x);
  ASSERT_EQ(x.versions.size(), 1u);
  EXPECT_EQ(x.versions[0].number, version_number{3});
  EXPECT_EQ(look_up(x, {put_writer{1}, 2}).version, version_number{2});
}

TEST(KeepPolicy, KeepsAVersionForItsWholeLife) { // SPEC V5
  keep_policy keep;
  keep.versions = 1;
  keep.life = std::chrono::seconds{1};
  std::vector<msg::file_version> two(2);
  two[0].time_ms = 2'000;
  two[1].time_ms = 1'000;
  EXPECT_EQ(keep_versions(two, keep, 2'000).size(), 2u);
  EXPECT_EQ(keep_versions(two, keep, 2'001).size(), 1u);
}

} // namespace
} // namespace dfs::core
