#include "core/chunks/keeper_news.hpp"

#include "base/rng.hpp"
#include "core/chunks/keeper_led.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>
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

msg::led_chunk led(std::uint64_t chunk, bool active = false) {
  msg::led_chunk x;
  x.chunk = chunk_id{chunk};
  x.epoch = lease_epoch{1'000 + chunk};
  x.active = active;
  return x;
}

// What the data server leads, and answers as it promises to.
struct fake_data {
  std::map<std::uint64_t, bool> chunks; ///< And whether active.

  std::vector<msg::led_chunk> answer(chunk_id from, std::size_t most) {
    std::vector<msg::led_chunk> found;
    const auto first = chunks.upper_bound(from.value());
    for (auto it = first; it != chunks.end() && found.size() < most; ++it)
      found.push_back(led(it->first, std::exchange(it->second, false)));
    for (auto it = chunks.begin(); it != first && found.size() < most; ++it)
      found.push_back(led(it->first, std::exchange(it->second, false)));
    return found;
  }
};

struct KeeperLed : ::testing::Test {
  fake_data data;
  keeper_led round;
  msg::chunk_heartbeat beat;

  keeper_led::telling tell() {
    round.take(data.answer(round.from(), keeper_led::page_max));
    beat = {};
    return round.tell(beat);
  }
};

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

TEST_F(KeeperLed, TellsAFewAtOnce) { // R1
  data.chunks = {{1, true}, {2, false}};
  const auto x = tell();
  EXPECT_EQ(beat.led, (std::vector{led(1, true), led(2)}));
  EXPECT_TRUE(beat.led_last);
  EXPECT_TRUE(round.first());
  round.confirmed(x);
  EXPECT_FALSE(round.first());
  EXPECT_FALSE(round.unfinished());
}

TEST_F(KeeperLed, TellsThatThereIsNothing) { // R1
  const auto x = tell();
  EXPECT_TRUE(beat.led.empty());
  EXPECT_TRUE(beat.led_last);
  round.confirmed(x);
  EXPECT_FALSE(round.first());
}

TEST_F(KeeperLed, TellsManyPageByPageAndNoneTwiceInARound) { // R1
  constexpr auto whole = keeper_led::page_max - 1;           // See below.
  for (std::uint64_t i = 1; i <= 3 * whole + 1; ++i)
    data.chunks[i] = false;
  std::set<chunk_id> heard;
  for (int page = 1; page <= 4; ++page) {
    const auto x = tell();
    EXPECT_EQ(beat.led_last, page == 4);
    for (const auto& y : beat.led)
      EXPECT_TRUE(heard.insert(y.chunk).second);
    round.confirmed(x);
  }
  EXPECT_EQ(heard.size(), 3 * whole + 1);
  EXPECT_FALSE(round.unfinished());
}

TEST_F(KeeperLed, RepeatsAPageUntilItIsConfirmed) { // R1, R2
  for (std::uint64_t i = 1; i <= 2 * keeper_led::page_max; ++i)
    data.chunks[i] = false;
  data.chunks[1] = true;
  const auto lost_on_the_way = tell();
  EXPECT_TRUE(beat.led.at(0).active);
  const auto x = tell();
  EXPECT_TRUE(beat.led.at(0).active); // Though nothing changed since.
  EXPECT_EQ(beat.led.at(0).chunk, chunk_id{1});
  round.confirmed(x);
  round.confirmed(lost_on_the_way); // Late: changes nothing.
  (void) tell();
  EXPECT_EQ(beat.led.at(0).chunk, chunk_id{keeper_led::page_max});
}

TEST_F(KeeperLed, TellsWhatSomebodyElseHasSeenToBeActive) { // R2
  for (std::uint64_t i = 1; i <= 2 * keeper_led::page_max; ++i)
    data.chunks[i] = false;
  const auto other = keeper_led::page_max + 4;
  round.seen({led(other, true)});
  round.confirmed(tell());
  (void) tell();
  EXPECT_EQ(beat.led.at(4).chunk, chunk_id{other});
  EXPECT_TRUE(beat.led.at(4).active);
}

// Two leases of a chunk: one is over, and the page ends between them.
TEST_F(KeeperLed, NeverCutsAPageBetweenLeasesOfOneChunk) { // R1
  std::vector<msg::led_chunk> found;
  for (std::uint64_t i = 1; i <= keeper_led::page_max; ++i)
    found.push_back(led(i));
  found.back().active = true;
  round.take(found);
  const auto x = round.tell(beat);
  EXPECT_EQ(beat.led.size(), keeper_led::page_max - 1);
  round.confirmed(x);
  EXPECT_EQ(round.from(), chunk_id{keeper_led::page_max - 1});
  round.take({led(keeper_led::page_max), led(keeper_led::page_max)});
  (void) round.tell(beat);
  EXPECT_TRUE(beat.led.at(0).active);
}

TEST_F(KeeperLed, BeginsAgainForANewMaster) { // R1
  for (std::uint64_t i = 1; i <= 2 * keeper_led::page_max; ++i)
    data.chunks[i] = false;
  round.confirmed(tell());
  const auto former = tell();
  round.restart();
  round.confirmed(former); // An answer of the former master.
  EXPECT_TRUE(round.first());
  (void) tell();
  EXPECT_EQ(beat.led.at(0).chunk, chunk_id{1});
}

// Chunks come and go, answers are lost: whatever is led all the time in a round
// is told in it.
TEST_F(KeeperLed, MissesNothingThatStays) { // R1
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    rng random{seed};
    data.chunks.clear();
    round = {};
    std::set<std::uint64_t> stayed; // All the time in this round.
    const auto change = [&] {
      const auto chunk = 1 + random.below(800);
      if (!random.one_in(2)) {
        data.chunks[chunk] = false;
        return;
      }
      data.chunks.erase(chunk);
      stayed.erase(chunk);
    };
    for (int i = 0; i < 1'000; ++i)
      change();
    for (const auto& [chunk, active] : data.chunks)
      stayed.insert(chunk);
    std::set<std::uint64_t> heard;
    for (int page = 0; page < 200; ++page) {
      const auto x = tell();
      ASSERT_LE(beat.led.size(), keeper_led::page_max);
      if (!random.one_in(3)) { // Otherwise it is lost.
        for (const auto& y : beat.led)
          heard.insert(y.chunk.value());
        round.confirmed(x);
        if (beat.led_last) {
          for (const auto chunk : stayed)
            ASSERT_TRUE(heard.count(chunk)) << chunk;
          heard.clear();
          stayed.clear();
          for (const auto& [chunk, active] : data.chunks)
            stayed.insert(chunk);
        }
      }
      for (int i = 0; i < 20; ++i)
        change();
    }
  }
}

} // namespace dfs::core
