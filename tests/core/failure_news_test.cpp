#include "core/failure/list_sync.hpp"
#include "core/failure/rumours.hpp"
#include "failure_network.hpp"

#include <gtest/gtest.h>

#include <algorithm>

// How news spread, and how lists become equal when they do not.

namespace dfs::core::test {
namespace {

constexpr instant start = instant{} + 1h;

/// A list of `size` members, as number `self` of them holds it.
group_state make_group(std::uint8_t self, std::uint8_t size) {
  group_state group{{}, make_record(self), rng{self}};
  for (std::uint8_t i = 1; i <= size; ++i)
    group.admit(make_record(i), "test", start);
  group.out.clear();
  return group;
}

msg::news_item failure_of(std::uint8_t number, std::uint8_t by) {
  msg::news_item x{msg::member_change::failed,
                   msg::news_reason::silent_for_two,
                   {},
                   make_record(by).id};
  x.member.id = make_record(number).id;
  return x;
}

msg::news_item joining_of(const msg::member_record& record) {
  return {msg::member_change::joined, msg::news_reason::admitted, record,
          make_record(1).id};
}

TEST(Rumours, InASmallGroupTheDeciderTellsEverybodyUntilConfirmed) {
  auto group = make_group(1, 6);
  rumours news;
  group.retire(failure_of(6, 1), start);
  group.out.clear();
  news.add(group, failure_of(6, 1), true, start);
  auto told = sent<msg::gossip_news>(std::exchange(group.out, {}));
  ASSERT_EQ(told.size(), 4u);
  const auto number = told[0].second.number;
  EXPECT_NE(number, 0);
  news.on_ack(make_record(2).id, number);
  news.on_ack(make_record(2).id, number);
  news.on_ack(make_record(3).id, static_cast<std::uint16_t>(number + 1));
  EXPECT_EQ(news.progress_of(make_record(6).id).confirmed, 1u);
  EXPECT_EQ(news.progress_of(make_record(6).id).open, 3u);
  std::size_t repeats = 0;
  while (const auto due = news.next_deadline()) {
    news.tick(group, *due);
    told = sent<msg::gossip_news>(std::exchange(group.out, {}));
    for (const auto& [to, x] : told)
      EXPECT_NE(to, make_record(2).id.address());
    repeats += told.size();
    ASSERT_LT(*due, start + 10s);
  }
  EXPECT_EQ(repeats, 3 * group.config.resends);
}

// What is due is sent again when it is due, whatever else ends then.
TEST(Rumours, WhatAllHaveConfirmedHoldsUpNoRepetition) { // SPEC M4
  auto group = make_group(1, 6);
  rumours news;
  for (const std::uint8_t number : {5, 6})
    group.retire(failure_of(number, 1), start);
  group.out.clear();
  for (const std::uint8_t number : {5, 6})
    news.add(group, failure_of(number, 1), true, start);
  const auto told = sent<msg::gossip_news>(std::exchange(group.out, {}));
  ASSERT_EQ(told.size(), 6u);
  const auto [first, last]
    = std::minmax(told.front().second.number, told.back().second.number);
  for (const std::uint8_t number : {2, 3, 4})
    news.on_ack(make_record(number).id, first);
  news.tick(group, start + group.config.resend_after);
  const auto again = sent<msg::gossip_news>(group.out);
  EXPECT_EQ(again.size(), 3u);
  for (const auto& [to, x] : again)
    EXPECT_EQ(x.number, last);
}

TEST(Rumours, InASmallGroupAHearerTellsNobodyButByPings) {
  auto group = make_group(1, 6);
  rumours news;
  news.add(group, failure_of(6, 2), false, start);
  EXPECT_TRUE(group.out.empty());
  EXPECT_FALSE(news.next_deadline());
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(news.piggyback(), std::vector{failure_of(6, 2)});
  EXPECT_TRUE(news.piggyback().empty());
}

TEST(Rumours, InALargeGroupEveryHearerPassesItOn) {
  auto group = make_group(1, 100);
  rumours news;
  news.add(group, failure_of(9, 2), false, start);
  std::map<instant, std::size_t> rounds;
  while (const auto due = news.next_deadline()) {
    news.tick(group, *due);
    for (const auto& [to, x] : sent<msg::gossip_news>(group.out)) {
      EXPECT_EQ(x.number, 0);
      EXPECT_EQ(x.items, std::vector{failure_of(9, 2)});
      EXPECT_NE(to, group.self.id.address());
      ++rounds[*due];
    }
    group.out.clear();
    ASSERT_LT(*due, start + 10s);
  }
  EXPECT_EQ(rounds.size(), 4u); // 12 sends, 3 a round.
  for (const auto& [when, count] : rounds)
    EXPECT_EQ(count, 3u);
  EXPECT_EQ(rounds.rbegin()->first - start, 3 * group.config.gossip_period);
}

TEST(Rumours, NewerNewsTakeTheOldOnesPlace) {
  auto group = make_group(1, 6);
  rumours news;
  const auto second_life = make_record(6, 4, 1'700'000'000'001);
  news.add(group, failure_of(6, 2), false, start);
  news.add(group, joining_of(make_record(6)), false, start); // Older.
  EXPECT_EQ(news.piggyback(), std::vector{failure_of(6, 2)});
  news.add(group, joining_of(second_life), false, start);
  EXPECT_EQ(news.piggyback(), std::vector{joining_of(second_life)});
  news.check();
}

TEST(Rumours, SendsGrowWithTheLogarithm) {
  EXPECT_EQ(sends_per_news(1), 4u);
  EXPECT_EQ(sends_per_news(9), 4u);
  EXPECT_EQ(sends_per_news(10), 8u);
  EXPECT_EQ(sends_per_news(100), 12u);
  EXPECT_EQ(sends_per_news(1'000), 16u);
}

TEST(Rumours, AreBounded) {
  auto group = make_group(1, 2);
  rumours news;
  auto record = make_record(3);
  for (std::uint16_t i = 0; i < 2 * rumours::hot_max; ++i) {
    record.id.group_port = static_cast<std::uint16_t>(10'000 + i);
    news.add(group, joining_of(record), true, start);
    if (i % 100 == 0)
      news.check();
  }
  std::size_t bytes = 0;
  for (const auto& item : news.piggyback())
    bytes += msg::encoded_bytes_max(item);
  EXPECT_GT(bytes, 0u);
  EXPECT_LE(bytes, rumours::piggyback_bytes_max);
}

// -- list_sync ----------------------------------------------------------------

/// Two nodes that exchange everything at once, losing some of it.
struct pair_of_lists {
  group_state one;
  group_state two;
  list_sync sync_one;
  list_sync sync_two;
  std::size_t packets = 0;

  void
  deliver(group_state& from, group_state& to, list_sync& sync, instant now) {
    for (auto& x : std::exchange(from.out, {})) {
      auto* packet = std::get_if<send_packet>(&x);
      if (packet == nullptr)
        continue;
      ++packets;
      EXPECT_LE(wire::encode(packet->packet).size(), msg::gossip_bytes_max);
      EXPECT_TRUE(msg::validate(packet->packet));
      auto& body = packet->packet.body;
      if (auto* digests = std::get_if<msg::gossip_digests>(&body))
        sync.on_digests(to, from.self.id, *digests, now);
      if (auto* page = std::get_if<msg::gossip_page>(&body)) {
        for (const auto& record : page->records)
          to.admit(record, "page", now);
        sync.answer(to, from.self.id, *page, now);
      }
      if (auto* news = std::get_if<msg::gossip_news>(&body))
        for (const auto& item : news->items) {
          if (item.change != msg::member_change::joined)
            to.retire(item, now);
          else if (to.admit(item.member, "news", now)
                     == member_table::join_outcome::retired
                   && to.table.is_retired(item.member.id))
            to.send(from.self.id,
                    msg::gossip_news{0, {to.retirement_of(item.member.id)}});
        }
    }
  }

  void exchange(instant now) {
    for (int i = 0; i < 400 && !(one.out.empty() && two.out.empty()); ++i) {
      deliver(one, two, sync_two, now);
      deliver(two, one, sync_one, now);
      now += 5ms;
    }
  }
};

// I9: one comparison, whoever begins it, makes any two lists equal.
TEST(ListSync, MakesAnyTwoListsEqual) {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(seed);
    rng random{seed};
    const auto count = static_cast<std::uint8_t>(3 + random.below(200));
    pair_of_lists lists{make_group(1, 2), make_group(2, 2), {}, {}};
    for (std::uint8_t i = 3; i <= count; ++i)
      for (auto* group : {&lists.one, &lists.two}) {
        const auto stamp = 1'700'000'000'000 + random.below(2);
        if (random.one_in(3))
          continue;
        group->admit(make_record(i, 4, stamp), "test", start);
        if (random.one_in(4)) {
          auto over = failure_of(i, 1);
          over.member.id.start_ms = stamp;
          group->retire(over, start);
        }
      }
    lists.one.out.clear();
    lists.two.out.clear();
    lists.sync_one.start(lists.one, lists.two.self.id, start);
    lists.exchange(start);
    EXPECT_EQ(lists.one.table.digest(), lists.two.table.digest());
    EXPECT_EQ(lists.one.table.size(), lists.two.table.size());
    lists.one.check();
    lists.two.check();
  }
}

TEST(ListSync, GivesAJoinerTheWholeList) {
  pair_of_lists lists{make_group(1, 1), make_group(2, 2), {}, {}};
  auto record = make_record(3);
  for (std::uint16_t i = 0; i < 998; ++i) {
    record.id.group_port = static_cast<std::uint16_t>(8'000 + i);
    lists.two.admit(record, "test", start);
  }
  lists.one.admit(lists.two.self, "test", start);
  lists.one.out.clear();
  lists.two.out.clear();
  lists.sync_one.begin_catch_up(start);
  EXPECT_FALSE(lists.sync_one.caught_up());
  lists.sync_one.start(lists.one, lists.two.self.id, start);
  lists.exchange(start);
  EXPECT_EQ(lists.one.table.size(), 1'000u);
  EXPECT_TRUE(lists.sync_one.caught_up());
  EXPECT_FALSE(lists.sync_one.next_deadline());
  EXPECT_LE(lists.packets, 160u);
}

TEST(ListSync, ALastingDifferenceIsComparedAndNotTooOften) {
  auto group = make_group(1, 6);
  list_sync sync;
  const auto peer = make_record(2).id;
  const auto asks = [&](instant now) {
    sync.observe(group, peer, 42, now);
    return sent<msg::gossip_digests>(std::exchange(group.out, {})).size();
  };
  EXPECT_EQ(asks(start), 0u); // News may be on their way.
  EXPECT_EQ(asks(start + 299ms), 0u);
  EXPECT_EQ(asks(start + 300ms), 1u);
  EXPECT_EQ(asks(start + 799ms), 0u);
  EXPECT_EQ(asks(start + 800ms), 1u);
  // An equal list in between, and the time starts again.
  sync.observe(group, peer, group.table.digest(), start + 1'400ms);
  EXPECT_EQ(asks(start + 1'500ms), 0u);
  EXPECT_EQ(asks(start + 1'800ms), 1u);
  // Churn does not put it off for ever.
  std::size_t count = 0;
  for (std::uint8_t i = 0; i < 60; ++i) {
    group.admit(make_record(static_cast<std::uint8_t>(10 + i)), "test", start);
    count += asks(start + 2s + i * 100ms);
  }
  EXPECT_GE(count, 2u);
  EXPECT_LE(count, 4u);
}

TEST(ListSync, AnswersNoMoreThanItsShare) {
  auto group = make_group(1, 200);
  list_sync sync;
  std::size_t pages = 0;
  for (std::uint8_t i = 0; i < 100; ++i) {
    sync.on_digests(group, make_record(2).id, {}, start);
    const auto answer = sent<msg::gossip_page>(std::exchange(group.out, {}));
    EXPECT_LE(answer.size(), list_sync::pages_per_answer);
    if (!answer.empty())
      EXPECT_TRUE(answer.back().second.more);
    pages += answer.size();
  }
  EXPECT_EQ(pages, list_sync::pages_per_window);
  sync.on_digests(group, make_record(2).id, {}, start + list_sync::window);
  EXPECT_FALSE(group.out.empty());
}

// A page is complete between its hashes: what it leaves out, its sender lacks.
TEST(ListSync, PagesHaveAllThatIsBetweenTheirHashes) { // I9
  auto group = make_group(1, 200);
  list_sync sync;
  sync.on_digests(group, make_record(2).id, {}, start);
  const auto pages = sent<msg::gossip_page>(std::exchange(group.out, {}));
  ASSERT_GT(pages.size(), 3u);
  for (const auto& [to, page] : pages) {
    std::vector<msg::member_id> told;
    for (const auto& record : page.records)
      told.push_back(record.id);
    std::vector<msg::member_id> between;
    for (std::size_t i = 0; i < group.ring.size(); ++i)
      if (const auto& slot = group.ring.at(i);
          slot.hash >= page.first && slot.hash <= page.last)
        between.push_back(slot.id);
    EXPECT_EQ(told, between);
  }
}

// A peer that lacks everything gets its share for a page, and asks again.
TEST(ListSync, AnswersAPageWithNoMoreThanItsShare) {
  auto group = make_group(1, 200);
  list_sync sync;
  msg::gossip_page page{0, 0, ~std::uint64_t{0}, false, {}};
  sync.answer(group, make_record(2).id, page, start);
  const auto answer = sent<msg::gossip_news>(group.out);
  EXPECT_EQ(answer.size(), list_sync::news_per_page);
  for (const auto& [to, x] : answer)
    EXPECT_FALSE(x.items.empty());
}

// Digests would cost as much as the list.
TEST(ListSync, AShortListIsOnePage) {
  auto group = make_group(1, 6);
  list_sync sync;
  sync.on_digests(group, make_record(2).id, {group.table.buckets()}, start);
  const auto answer = sent<msg::gossip_page>(group.out);
  ASSERT_EQ(answer.size(), 1u);
  EXPECT_EQ(answer[0].second.records.size(), 6u);
}

TEST(ListSync, AJoinerGivesAnAnswerItsTime) {
  auto group = make_group(1, 6);
  list_sync sync;
  sync.begin_catch_up(start);
  EXPECT_EQ(sync.next_deadline(), start + list_sync::retry);
  msg::gossip_page page; // The first of some.
  page.digest = group.table.digest() + 1;
  sync.answer(group, make_record(2).id, page, start + 100ms);
  EXPECT_EQ(sync.next_deadline(), start + 100ms + list_sync::retry);
}

// Nobody is in its list yet: it must not ask itself all the time.
TEST(ListSync, AJoinerThatKnowsNobodyWaits) {
  auto group = make_group(1, 1);
  list_sync sync;
  sync.begin_catch_up(start);
  sync.tick(group, start + list_sync::retry);
  EXPECT_TRUE(group.out.empty());
  EXPECT_EQ(sync.next_deadline(), start + 2 * list_sync::retry);
}

TEST(ListSync, AJoinerWithoutAnAnswerAsksSomebodyElse) {
  auto group = make_group(1, 6);
  list_sync sync;
  sync.begin_catch_up(start);
  std::set<endpoint> asked;
  for (int i = 0; i < 60; ++i) {
    const auto due = sync.next_deadline();
    ASSERT_TRUE(due);
    sync.tick(group, *due);
    for (const auto& [to, x] :
         sent<msg::gossip_digests>(std::exchange(group.out, {})))
      asked.insert(to);
  }
  EXPECT_EQ(asked.size(), 5u);
}

} // namespace
} // namespace dfs::core::test
