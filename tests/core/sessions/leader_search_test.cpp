#include "core/sessions/leader_search.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

/// A search, and what it has asked for.
struct LeaderSearch : ::testing::Test {
  void begin(std::vector<std::string> contacts, std::uint64_t seed = 1) {
    search.emplace(std::move(contacts), search_config{}, rng{seed});
  }

  void take(const search_effects& effects) {
    for (const auto& x : effects) {
      if (const auto* asked = std::get_if<ask_server>(&x)) {
        asks[asked->address] = asked->ask;
        order.push_back(asked->address);
      } else if (const auto* leader = std::get_if<leader_found>(&x)) {
        found = *leader;
      } else if (const auto* over = std::get_if<pass_failed>(&x)) {
        failed = *over;
      } else {
        dropped.push_back(std::get<drop_ask>(x).ask);
      }
    }
    search->check();
  }

  void want(std::chrono::milliseconds patience = 60s) {
    take(search->want(now + patience, now));
  }

  void says(const std::string& who, leader_answer what) {
    take(search->answered(asks.at(who), what, now));
  }

  void fails(const std::string& who, ec code = ec::unavailable) {
    take(search->failed(asks.at(who), fail(code, who + " failed"), now));
  }

  void pass(std::chrono::milliseconds time) {
    const auto end = now + time;
    while (const auto next = search->next_deadline()) {
      if (*next > end)
        break;
      now = std::max(now, *next);
      take(search->tick(now));
    }
    now = end;
  }

  [[nodiscard]] std::size_t asked(const std::string& who) const {
    return static_cast<std::size_t>(
      std::count(order.begin(), order.end(), who));
  }

  static leader_answer leads(std::uint64_t term) {
    return {true, "", master_term{term}, {}};
  }
  static leader_answer names(std::string who, std::uint64_t term = 0) {
    return {false, std::move(who), master_term{term}, {}};
  }

  std::optional<leader_search> search;
  instant now = instant{} + 1h;
  std::map<std::string, std::uint64_t> asks;
  std::vector<std::string> order;
  std::vector<std::uint64_t> dropped;
  std::optional<leader_found> found;
  std::optional<pass_failed> failed;
};

TEST_F(LeaderSearch, GoesToWhomAContactNames) {
  begin({"a"});
  want();
  says("a", names("m", 3));
  ASSERT_EQ(order, (std::vector<std::string>{"a", "m"}));
  says("m", leads(3));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->address, "m");
  EXPECT_EQ(search->term(), master_term{3});
  EXPECT_FALSE(search->next_deadline());
}

TEST_F(LeaderSearch, RacesSilentContacts) { // I3
  begin({"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"});
  want();
  for (std::size_t i = 1; i <= 10; ++i) {
    EXPECT_EQ(order.size(), i);
    pass(250ms);
  }
  EXPECT_EQ(dropped.size(), 2u); // Eight at once (I1): the oldest made room.
  EXPECT_FALSE(failed);
}

// The kernel of a stopped process takes connections: that says nothing.
TEST_F(LeaderSearch, RacesMachinesThatTakeConnectionsAndSayNothing) { // I3
  begin({"a", "b", "c", "d", "e", "f"});
  want();
  for (std::size_t i = 1; i < 6; ++i) {
    search->reached(asks.at(order.back()));
    pass(249ms);
    EXPECT_EQ(order.size(), i);
    pass(1ms);
    EXPECT_EQ(order.size(), i + 1);
  }
  says(order.back(), leads(1));
  EXPECT_TRUE(found);
}

// The first one that answers wins, and it is the answer that counts.
TEST_F(LeaderSearch, TakesALateAnswerOfAnEarlierContact) {
  begin({"a", "b"});
  want();
  pass(300ms);
  ASSERT_EQ(order.size(), 2u);
  says(order[0], leads(1));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->address, order[0]);
  EXPECT_EQ(dropped.size(), 1u);
}

// A server without help is not waited for, nor one that leads in a lower term
// than another server told of: the next one is asked at once.
TEST_F(LeaderSearch, LosesNoTimeWithAnswersWithoutHelp) { // I3
  begin({"a", "b", "c", "d", "e"});
  want();
  says(order[0], names("", 9));
  ASSERT_EQ(order.size(), 2u);
  says(order[1], leads(4));
  ASSERT_EQ(order.size(), 3u);
  says(order[2], names(order[1], 4));
  EXPECT_TRUE(found); // Two of no help: nobody else is asked.
  EXPECT_EQ(found->address, order[1]);
}

// Nobody waits for a silent contact after enough others have said what they
// know; the pass that follows comes to the rest.
TEST_F(LeaderSearch, AsksAllInTurnWithoutWaitingForASilentOne) {
  begin({"a", "b", "c", "d", "e"});
  want();
  pass(250ms);
  search->reached(asks.at(order[0]));
  says(order[1], names(""));
  says(order[2], names(""));
  ASSERT_TRUE(failed);
  ASSERT_EQ(order.size(), 3u);
  pass(200ms); // The pause, and the guide that costs nothing.
  ASSERT_EQ(order.size(), 4u);
  EXPECT_EQ(order[3], order[2]);
  says(order[3], names(""));
  ASSERT_EQ(order.size(), 5u);
  EXPECT_EQ(asked(order[4]), 1u);
}

TEST_F(LeaderSearch, PassesByAContactThatNamedADeadMaster) {
  begin({"a", "b"});
  want();
  const auto first = order[0];
  says(first, names("dead"));
  fails("dead");
  ASSERT_EQ(order.size(), 3u);
  says(order[2], names("m"));
  says("m", leads(1));
  EXPECT_TRUE(found);
  EXPECT_EQ(asked(first), 1u);
}

TEST_F(LeaderSearch, TellsWhoNamedTheDeadMaster) {
  begin({"a"});
  want();
  says("a", names("dead"));
  fails("dead");
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->why.code, ec::unavailable);
  EXPECT_NE(failed->why.context.find("says a"), std::string::npos);
}

TEST_F(LeaderSearch, TellsARefusalRatherThanARefusedConnection) {
  begin({"a", "b"});
  want();
  fails(order[0], ec::unauthenticated);
  fails(order[1]);
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->why.code, ec::unauthenticated);
  EXPECT_FALSE(failed->hopeless);
}

// Its certificate has expired, its address belongs to another cluster by now,
// or has a typing error in the configuration.
TEST_F(LeaderSearch, OneBadContactTakesNoHope) { // SPEC S7
  for (const auto code :
       {ec::unauthenticated, ec::invalid_argument, ec::denied})
    for (const std::size_t bad : {0, 1}) {
      SCOPED_TRACE(std::string{to_string(code)} + std::to_string(bad));
      order.clear();
      failed.reset();
      begin({"a", "b"});
      want();
      for (std::size_t i = 0; i < 2; ++i)
        if (i == bad)
          fails(order.at(i), code);
        else
          says(order.at(i), names(""));
      ASSERT_TRUE(failed);
      EXPECT_FALSE(failed->hopeless);
      EXPECT_EQ(failed->why.code, ec::unavailable);
      EXPECT_NE(failed->why.context.find("no master"), std::string::npos);
    }
}

TEST_F(LeaderSearch, ASilentServerLeavesHope) {
  begin({"a", "b"});
  want();
  fails(order[0], ec::unauthenticated);
  pass(1'000ms); // The other one may be slow.
  ASSERT_TRUE(failed);
  EXPECT_FALSE(failed->hopeless);
  EXPECT_EQ(failed->why.code, ec::unauthenticated);
}

TEST_F(LeaderSearch, ThereIsNoHopeWhereAllRefuse) { // SPEC O4
  begin({"a", "b", "c"});
  want();
  for (std::size_t i = 0; i < 3; ++i)
    fails(order.at(i), ec::unauthenticated);
  ASSERT_TRUE(failed);
  EXPECT_TRUE(failed->hopeless);
  failed.reset();
  pass(200ms); // The next pass judges anew.
  fails(order.at(3), ec::unauthenticated);
  fails(order.at(4), ec::unauthenticated);
  fails(order.at(5));
  ASSERT_TRUE(failed);
  EXPECT_FALSE(failed->hopeless);
}

TEST_F(LeaderSearch, AsksTheLastMasterFirst) {
  begin({"a"});
  want();
  says("a", names("m", 1));
  says("m", leads(1));
  search->confirmed();
  search->lost(leader_search::loss::closed, {}, now);
  order.clear();
  want();
  EXPECT_EQ(order, std::vector<std::string>{"m"});
}

TEST_F(LeaderSearch, DoubtsAMasterThatFellSilent) {
  begin({"a"});
  want();
  says("a", names("m", 1));
  says("m", leads(1));
  search->confirmed();
  search->lost(leader_search::loss::silent, {}, now);
  order.clear();
  want();
  EXPECT_EQ(order, std::vector<std::string>{"a"});
  says("a", names("m", 1));
  search->reached(asks.at("m")); // The kernel of a stopped process.
  EXPECT_EQ(order.back(), "m");
  pass(1'000ms);
  EXPECT_TRUE(failed); // It is not waited for.
  pass(200ms);
  says("a", names("n", 2));
  says("n", leads(2));
  EXPECT_EQ(found->address, "n");
}

TEST_F(LeaderSearch, FollowsTheHintOfAFormerMaster) {
  begin({"a"});
  want();
  says("a", leads(1));
  search->confirmed();
  search->lost(leader_search::loss::not_leader, "n", now);
  order.clear();
  want();
  EXPECT_EQ(order, std::vector<std::string>{"n"});
}

// Terms decide, whoever answers first (I2).
TEST_F(LeaderSearch, NeverGoesBackToALowerTerm) {
  begin({"a", "b"});
  want();
  says(order[0], leads(7));
  search->confirmed();
  search->lost(leader_search::loss::closed, {}, now);
  const auto master = order[0];
  const auto other = master == "a" ? "b" : "a";
  found.reset();
  want();
  fails(master);
  says(other, leads(6));
  EXPECT_FALSE(found);
  ASSERT_TRUE(failed);
  EXPECT_NE(failed->why.context.find("older term"), std::string::npos);
  pass(200ms);
  says(master, leads(8));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->term, master_term{8});
}

TEST_F(LeaderSearch, PrefersTheHigherTermThatItHeardOf) { // I2
  begin({"a", "b", "c"});
  want();
  says(order[0], names("m", 5));
  pass(250ms);
  ASSERT_EQ(order.size(), 3u);
  says(order[2], leads(4));
  EXPECT_FALSE(found);
  says("m", leads(5));
  EXPECT_EQ(found->address, "m");
}

// One that claimed the highest term and is gone, or a cluster that has begun
// with new metadata: its servers know lower terms only.
TEST_F(LeaderSearch, GivesATermUpThatNoServerKnows) { // I2, SPEC S7
  begin({"a", "b"});
  want();
  const auto first = order[0];
  const auto other = first == "a" ? "b" : "a";
  says(first, leads(~std::uint64_t{0}));
  search->confirmed();
  search->lost(leader_search::loss::closed, {}, now);
  found.reset();
  const auto began = now;
  want(10min);
  const auto all_say = [&] { // One round of answers.
    for (const auto& [who, number] : std::exchange(asks, {}))
      if (found)
        return;
      else if (who == first)
        take(search->failed(number, fail(ec::unavailable, "gone"), now));
      else if (who == other)
        take(search->answered(number, names("m", 8), now));
      else
        take(search->answered(number, leads(8), now));
  };
  while (!found && now < began + 60s) {
    all_say();
    if (!found)
      pass(50ms);
  }
  ASSERT_TRUE(found);
  EXPECT_EQ(found->address, "m");
  EXPECT_GE(now - began, 30s);
  // From then on terms count as ever.
  search->confirmed();
  search->lost(leader_search::loss::closed, {}, now);
  found.reset();
  order.clear();
  asks.clear();
  want();
  fails("m");
  says(order.back(), leads(7));
  EXPECT_FALSE(found);
}

/// For that time each server that is asked says what `words` has for it, or
/// fails.
void converse(LeaderSearch& x,
              const std::map<std::string, leader_answer>& words,
              std::chrono::milliseconds time) {
  const auto end = x.now + time;
  while (!x.found && x.now < end) {
    for (const auto& [who, number] : std::exchange(x.asks, {}))
      if (x.found)
        return;
      else if (const auto word = words.find(who); word != words.end())
        x.take(x.search->answered(number, word->second, x.now));
      else
        x.take(x.search->failed(number, fail(ec::unavailable, "gone"), x.now));
    if (!x.found)
      x.pass(50ms);
  }
}

struct LowerTerm : LeaderSearch {
  /// A leader in term 7 is lost; `f` still leads in term 6.
  LowerTerm() {
    begin({"m", "f", "s"});
    want();
    converse(*this, {{"m", leads(7)}, {"s", names("m", 7)}}, 1s);
    search->confirmed();
    search->lost(leader_search::loss::closed, {}, now);
    found.reset();
    want(1h);
  }
};

// It has obeyed the master that is away for ten minutes (SPEC M2).
TEST_F(LowerTerm, IsNotTakenWhileAServerKnowsAHigherOne) { // I2
  converse(*this, {{"f", leads(6)}, {"s", names("", 7)}}, 10min);
  EXPECT_FALSE(found);
}

// Of servers that were all without power the former master is back first.
TEST_F(LowerTerm, IsNotTakenBecauseNobodySpoke) { // I2
  converse(*this, {}, 10min);
  converse(*this, {{"f", leads(6)}}, 25s);
  EXPECT_FALSE(found);
  converse(*this, {{"f", leads(6)}}, 35s);
  EXPECT_TRUE(found);
}

// A word about a term that no server has keeps nobody out for good.
TEST_F(LeaderSearch, TakesTheLowerTermWhenNobodyElseIsLeft) { // I2
  begin({"a", "b"});
  want();
  const auto liar = order[0];
  says(liar, names("nowhere", 1'000'000));
  fails("nowhere");
  says(order[2], leads(4));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->term, master_term{4});
}

TEST_F(LeaderSearch, WaitsLongerWithEachPassAndDiffersFromOthers) { // I4
  std::map<std::uint64_t, instant> last;
  for (const std::uint64_t seed : {1, 2}) {
    begin({"a"}, seed);
    now = instant{} + 1h;
    want(10min);
    instant::duration longest{};
    for (int i = 0; i < 12; ++i) {
      failed.reset();
      fails("a");
      ASSERT_TRUE(failed);
      longest = std::max(longest, failed->next - now);
      EXPECT_LE(failed->next - now, 6s); // 4 s and half of it.
      now = failed->next;
      take(search->tick(now));
    }
    EXPECT_GE(longest, 2s);
    last[seed] = now;
  }
  EXPECT_NE(last[1], last[2]);
}

TEST_F(LeaderSearch, LeavesHalfOfTheTimeForTheNextPass) {
  begin({"a"});
  want(10min);
  for (int i = 0; i < 8; ++i) {
    fails("a");
    pass(failed->next - now < 0ms
           ? 0ms
           : std::chrono::ceil<std::chrono::milliseconds>(failed->next - now));
  }
  fails("a");
  ASSERT_GT(failed->next - now, 1s);
  want(1s); // Another request, with less time.
  ASSERT_TRUE(search->next_deadline());
  EXPECT_LE(*search->next_deadline() - now, 500ms);
}

TEST_F(LeaderSearch, APauseFollowsALeaderThatAnsweredNothing) { // I4
  begin({"a"});
  want();
  says("a", leads(1));
  search->lost(leader_search::loss::closed, {}, now);
  order.clear();
  want();
  EXPECT_TRUE(order.empty());
  ASSERT_TRUE(search->next_deadline());
  EXPECT_GE(*search->next_deadline() - now, 50ms);
}

TEST_F(LeaderSearch, AsksThoseThatItLearnedOf) {
  begin({"a"});
  want();
  says("a", {true, "", master_term{1}, {"x", "y"}});
  search->confirmed();
  search->lost(leader_search::loss::silent, {}, now);
  order.clear();
  want();
  while (order.size() < 3 && !failed)
    fails(order.back());
  EXPECT_EQ(asked("x"), 1u);
  EXPECT_EQ(asked("y"), 1u);
}

TEST(ServerList, ReplacesDeadServersBeforeLiveOnes) {
  rng random{1};
  server_list list{{"a"}, random};
  std::vector<std::string> many;
  for (std::size_t i = 0; i < server_list::learned_max; ++i)
    many.push_back("old-" + std::to_string(i));
  list.learn(many, random);
  list.failed("old-5");
  list.failed("a"); // Configured: it stays.
  list.learn({"new"}, random);
  auto all = list.next_round();
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all.size(), server_list::learned_max + 1);
  EXPECT_FALSE(std::binary_search(all.begin(), all.end(), "old-5"));
  EXPECT_TRUE(std::binary_search(all.begin(), all.end(), "new"));
  EXPECT_TRUE(std::binary_search(all.begin(), all.end(), "a"));
}

TEST(ServerList, EachProcessHasAnOrderOfItsOwn) {
  std::map<std::string, int> first;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    rng random{seed};
    ++first[server_list{{"a", "b", "c"}, random}.next_round()[0]];
  }
  for (const auto& [address, count] : first)
    EXPECT_GT(count, 60) << address;
}

TEST(ServerList, AsksThoseThatFailedLast) {
  rng random{1};
  server_list list{{"a", "b", "c"}, random};
  const auto dead = list.next_round()[1];
  list.failed(dead);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(list.next_round().back(), dead);
    list.asked(list.next_round().front());
  }
  list.answered(dead);
  std::size_t last = 0;
  for (int i = 0; i < 3; ++i) {
    last += list.next_round().back() == dead ? 1 : 0;
    list.asked(list.next_round().front());
  }
  EXPECT_EQ(last, 1u);
}

} // namespace
} // namespace dfs::core
