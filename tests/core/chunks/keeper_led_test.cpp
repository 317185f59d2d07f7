#include "core/chunks/keeper_led.hpp"

#include "base/rng.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <vector>

namespace dfs::core {
namespace {

constexpr auto unchanged = [](msg::led_chunk&) {};

lease_epoch epoch_of(std::uint64_t chunk) {
  return lease_epoch{1'000 + chunk};
}

/// A data server's leases, told to a master by a keeper.
struct KeeperLed : ::testing::Test {
  led_table leases;
  keeper_led keeper;
  msg::chunk_heartbeat beat;

  void begin(std::uint64_t chunk) {
    leases.begin(chunk_id{chunk}, epoch_of(chunk));
  }
  void begin(std::uint64_t first, std::uint64_t last) {
    for (auto i = first; i <= last; ++i)
      begin(i);
  }
  void end(std::uint64_t chunk) {
    leases.end(chunk_id{chunk}, epoch_of(chunk), {}, true);
  }

  keeper_led::telling tell(std::size_t most = keeper_led::page_max) {
    keeper.take(leases.news(keeper.after(), most, unchanged));
    leases.check();
    beat = {};
    return keeper.tell(beat);
  }

  void tell_all() {
    do
      keeper.confirmed(tell());
    while (keeper.unfinished());
  }

  [[nodiscard]] std::vector<std::uint64_t> told() const {
    std::vector<std::uint64_t> chunks;
    for (const auto& x : beat.led)
      chunks.push_back(x.chunk.value());
    return chunks;
  }
};

TEST_F(KeeperLed, TellsWhatThereIsAndThenNothing) { // R1, R2
  begin(1, 2);
  const auto x = tell();
  EXPECT_EQ(told(), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_TRUE(beat.led_last);
  EXPECT_TRUE(keeper.first());
  keeper.confirmed(x);
  EXPECT_FALSE(keeper.first());
  EXPECT_FALSE(keeper.unfinished());
  tell_all();
  EXPECT_TRUE(told().empty());
  EXPECT_TRUE(beat.led_last);
}

TEST_F(KeeperLed, TellsWhatHappens) { // R2
  begin(1, 3);
  tell_all();
  leases.used(epoch_of(2));
  leases.used(epoch_of(2));
  tell_all();
  EXPECT_EQ(told(), std::vector<std::uint64_t>{2});
  EXPECT_TRUE(beat.led.at(0).active);
  EXPECT_FALSE(beat.led.at(0).over);
  end(3);
  tell_all();
  EXPECT_EQ(told(), std::vector<std::uint64_t>{3});
  EXPECT_TRUE(beat.led.at(0).over);
  leases.forget(epoch_of(3));
  EXPECT_EQ(leases.running(), 2u);
}

TEST_F(KeeperLed, RepeatsUntilItIsConfirmed) { // R1, E2
  begin(1, 500);
  const auto lost_on_the_way = tell();
  EXPECT_FALSE(beat.led_last);
  leases.used(epoch_of(1));
  const auto x = tell();
  EXPECT_EQ(told().front(), 2u);
  keeper.confirmed(x);
  keeper.confirmed(lost_on_the_way); // Late: changes nothing.
  tell_all();
  EXPECT_EQ(told().back(), 1u);
  EXPECT_TRUE(beat.led.back().active);
  EXPECT_TRUE(beat.led_last);
}

// The issue: leases that nothing happens to were told again and again, so that
// of 100,000 each was heard of twice a minute.
TEST_F(KeeperLed, AHundredThousandLeasesAreNoBurden) {
  begin(1, 100'000);
  int pages = 0;
  do {
    keeper.confirmed(tell());
    ++pages;
  } while (keeper.unfinished());
  EXPECT_LE(pages, 340);
  leases.used(epoch_of(99'999));
  leases.used(epoch_of(7));
  const auto x = tell();
  EXPECT_EQ(told(), (std::vector<std::uint64_t>{99'999, 7}));
  keeper.confirmed(x);
  EXPECT_FALSE(keeper.unfinished());
}

TEST_F(KeeperLed, BeginsAgainForANewMaster) { // R1, E2
  begin(1, 2);
  tell_all();
  leases.used(epoch_of(1));
  const auto former = tell();
  keeper.restart();
  keeper.confirmed(former); // An answer of the former master.
  EXPECT_TRUE(keeper.first());
  tell_all();
  EXPECT_EQ(told(), (std::vector<std::uint64_t>{2, 1}));
  EXPECT_FALSE(beat.led.at(0).active) << "the former master knew";
  EXPECT_TRUE(beat.led.at(1).active);
}

TEST_F(KeeperLed, SaysTheRestAtTheEnd) { // SPEC S6
  begin(1, 3);
  tell_all();
  const auto early = tell();
  keeper.begin_last_round();
  end(2);
  keeper.confirmed(early);
  EXPECT_TRUE(keeper.first()) << "what ended since is not known";
  tell_all();
  EXPECT_EQ(told(), std::vector<std::uint64_t>{2});
  EXPECT_FALSE(keeper.first());
}

TEST_F(KeeperLed, ForgetsTheOldestThatAreOverRatherThanGrow) {
  for (std::uint64_t i = 1; i <= 200'001; ++i) {
    begin(i);
    if (i > 2)
      end(i);
  }
  leases.check();
  EXPECT_EQ(leases.running(), 2u);
  const auto first = leases.list(chunk_id{}, 3, unchanged);
  ASSERT_EQ(first.size(), 3u);
  EXPECT_EQ(first[1].chunk, chunk_id{2});
  EXPECT_EQ(first[2].chunk, chunk_id{4}) << "3 was the oldest";
}

TEST_F(KeeperLed, ListsForPeopleWithoutTellingTheMasterLess) {
  begin(1, 3);
  const auto all = leases.list(chunk_id{2}, 10, unchanged);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].chunk, chunk_id{3});
  EXPECT_EQ(all[1].chunk, chunk_id{1});
  EXPECT_TRUE(all[0].active);
  tell_all();
  EXPECT_EQ(told().size(), 3u);
  (void) tell(); // What is asked for next says what was confirmed.
  EXPECT_FALSE(leases.list(chunk_id{2}, 1, unchanged)[0].active);
}

// Leases begin, are used and end, answers are lost, masters change: what a
// master knows once it has been told all is what there is.
TEST_F(KeeperLed, WhoWasToldAllKnowsAll) { // R1, E1
  struct known {
    bool over = false;
    std::uint64_t uses = 0;
  };
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    rng random{seed};
    leases = {};
    keeper = {};
    std::map<std::uint64_t, known> truth;
    std::map<std::uint64_t, known> master;
    std::uint64_t next = 1;
    const auto happen = [&] {
      const auto which = random.below(3);
      if (truth.empty() || which == 0) {
        begin(next);
        truth[next++] = {};
        return;
      }
      auto it = truth.lower_bound(random.below(next));
      if (it == truth.end() || it->second.over)
        return;
      if (which == 1) {
        ++it->second.uses;
        leases.used(epoch_of(it->first));
        return;
      }
      it->second.over = true;
      end(it->first);
    };
    for (int step = 0; step < 400; ++step) {
      for (auto n = random.below(6); n > 0; --n)
        happen();
      if (random.one_in(50)) {
        keeper.restart();
        master.clear();
      }
      const auto x = tell(1 + random.below(8));
      if (random.one_in(3))
        continue; // It is lost.
      for (const auto& y : beat.led)
        master[y.chunk.value()] = {y.over, truth.at(y.chunk.value()).uses};
      const auto all = beat.led_last;
      if (random.one_in(4))
        continue; // Its answer is.
      keeper.confirmed(x);
      for (const auto& y : beat.led) {
        if (!y.over)
          continue;
        leases.forget(y.epoch); // The answer said so.
        truth.erase(y.chunk.value());
        master.erase(y.chunk.value());
      }
      if (!all)
        continue;
      for (const auto& [chunk, y] : truth) {
        ASSERT_TRUE(master.contains(chunk)) << chunk;
        ASSERT_EQ(master[chunk].over, y.over) << chunk;
        ASSERT_EQ(master[chunk].uses, y.uses) << chunk;
      }
    }
  }
}

} // namespace
} // namespace dfs::core
