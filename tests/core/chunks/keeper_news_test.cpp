#include "core/chunks/keeper_news.hpp"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace dfs::core {

namespace {

msg::chunk_state state_of(std::uint64_t chunk, std::uint64_t version = 1) {
  return {chunk_id{chunk}, {chunk_version{version}, {}, 0, 0}};
}

msg::chunk_heartbeat told(const keeper_news& news, std::uint64_t& mark) {
  msg::chunk_heartbeat x;
  mark = news.tell(x);
  news.check();
  return x;
}

} // namespace

TEST(KeeperNews, TellsEverythingUntilItIsConfirmed) { // W1
  keeper_news news{100};
  news.arrived(state_of(1));
  news.lost(chunk_id{2});
  news.corrupt(chunk_id{3});
  std::uint64_t first = 0;
  std::uint64_t again = 0;
  const auto lost_on_the_way = told(news, first);
  EXPECT_EQ(lost_on_the_way.arrived, std::vector{state_of(1)});
  EXPECT_EQ(lost_on_the_way.lost, std::vector{chunk_id{2}});
  EXPECT_EQ(lost_on_the_way.corrupt, std::vector{chunk_id{3}});
  news.arrived(state_of(4));
  EXPECT_EQ(told(news, again).arrived.size(), 2u);
  news.confirmed(again);
  EXPECT_EQ(news.size(), 0u);
  EXPECT_EQ(told(news, again).arrived.size(), 0u);
  EXPECT_EQ(again, 0u);
}

TEST(KeeperNews, TellsOfMoreThanOneThatIsCorrupt) { // W2, SPEC G9
  keeper_news news{100};
  for (std::uint64_t i = 1; i <= 3; ++i)
    news.corrupt(chunk_id{i});
  news.lost(chunk_id{4});
  std::uint64_t mark = 0;
  const auto x = told(news, mark);
  EXPECT_EQ(x.corrupt.size(), 3u);
  EXPECT_EQ(x.lost.size(), 1u);
}

TEST(KeeperNews, KeepsWhatChangedAfterItWasTold) { // W1
  keeper_news news{100};
  news.arrived(state_of(1, 1));
  std::uint64_t mark = 0;
  (void) told(news, mark);
  news.arrived(state_of(1, 2));
  news.confirmed(mark);
  EXPECT_EQ(told(news, mark).arrived, std::vector{state_of(1, 2)});
}

TEST(KeeperNews, TellsTheLastOfAChunk) { // W1
  keeper_news news{100};
  std::uint64_t mark = 0;
  news.arrived(state_of(1));
  news.lost(chunk_id{1});
  EXPECT_EQ(told(news, mark).lost, std::vector{chunk_id{1}});
  EXPECT_TRUE(told(news, mark).arrived.empty());
  news.arrived(state_of(1));
  EXPECT_TRUE(told(news, mark).lost.empty());
  news.corrupt(chunk_id{1});
  news.lost(chunk_id{1}); // Of a bad one: that it was bad counts for more.
  EXPECT_EQ(told(news, mark).corrupt, std::vector{chunk_id{1}});
  EXPECT_TRUE(told(news, mark).lost.empty());
}

TEST(KeeperNews, TellsTheOldestFirstAndNoMoreThanFits) { // W2
  keeper_news news{100'000};
  for (std::uint64_t i = 1; i <= 1'000; ++i)
    news.arrived(state_of(2'000 - i));
  for (std::uint64_t i = 1; i <= 500; ++i)
    news.lost(chunk_id{10'000 + i});
  std::set<chunk_id> heard;
  while (news.size() > 0) {
    std::uint64_t mark = 0;
    const auto x = told(news, mark);
    ASSERT_NE(mark, 0u);
    EXPECT_LE(x.arrived.size(), keeper_news::arrived_max);
    EXPECT_LE(x.lost.size() + x.corrupt.size(), keeper_news::gone_max);
    if (heard.empty())
      EXPECT_EQ(x.arrived.at(0), state_of(1'999));
    for (const auto& y : x.arrived)
      EXPECT_TRUE(heard.insert(y.chunk).second);
    for (const auto y : x.lost)
      EXPECT_TRUE(heard.insert(y).second);
    news.confirmed(mark);
  }
  EXPECT_EQ(heard.size(), 1'500u);
}

TEST(KeeperNews, AsksForAReportWhenThereIsTooMuch) {
  keeper_news news{10};
  for (std::uint64_t i = 1; i <= 10; ++i)
    news.arrived(state_of(i));
  EXPECT_FALSE(news.overflowed());
  news.arrived(state_of(11));
  EXPECT_TRUE(news.overflowed());
  EXPECT_EQ(news.size(), 0u);
  news.lost(chunk_id{12});
  EXPECT_TRUE(news.overflowed()); // Until the report.
  news.clear();
  EXPECT_FALSE(news.overflowed());
  news.check();
}

TEST(KeeperNews, SaysWhetherThatWasAll) {
  keeper_news news{1'000};
  std::uint64_t mark = 0;
  (void) told(news, mark);
  EXPECT_TRUE(news.ends_with(mark));
  for (std::uint64_t i = 1; i <= keeper_news::arrived_max + 1; ++i)
    news.arrived(state_of(i));
  (void) told(news, mark);
  EXPECT_FALSE(news.ends_with(mark));
  news.confirmed(mark);
  (void) told(news, mark);
  EXPECT_TRUE(news.ends_with(mark));
  for (std::uint64_t i = 1; i <= 1'001; ++i)
    news.arrived(state_of(i));
  EXPECT_FALSE(news.ends_with(0)) << "what was too much is forgotten";
}

} // namespace dfs::core
