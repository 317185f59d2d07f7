#include "support/history/queue_checker.hpp"

#include "history/queue_history.hpp"
#include "support/history/queue_json.hpp"
#include "support/refusal.hpp"

#include <gmock/gmock.h>

#include <chrono>

namespace dfs::history {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// Asked one after another, unless times are given.
struct story {
  std::vector<queue_operation> history;
  std::int64_t now = 0;

  queue_operation& add(queue_verb op, std::int64_t queue) {
    queue_operation x;
    x.op = op;
    x.queue = queue;
    x.call_ns = now += 10;
    x.ret_ns = now += 10;
    x.result = outcome::done;
    x.sequence = history.size() + 1;
    history.push_back(x);
    return history.back();
  }
  queue_operation& create(std::string label, std::int64_t id) {
    auto& x = add(queue_verb::create, 0);
    x.label = std::move(label);
    x.value = id;
    return x;
  }
  queue_operation& push(std::string item, std::int64_t size) {
    auto& x = add(queue_verb::push, 1);
    x.item = std::move(item);
    x.value = size;
    return x;
  }
  queue_operation& pop(std::string item, std::int64_t left) {
    auto& x = add(queue_verb::pop, 1);
    x.item = std::move(item);
    x.value = left;
    return x;
  }
  queue_operation& empty() {
    auto& x = add(queue_verb::pop, 1);
    x.reply = queue_reply::empty;
    return x;
  }
  queue_operation& size(std::int64_t items) {
    auto& x = add(queue_verb::size, 1);
    x.value = items;
    return x;
  }
  static void unknown(queue_operation& x) {
    x.result = outcome::unknown;
    x.reply = queue_reply::ok;
    x.ret_ns = 0;
    x.value = -1;
    x.sequence = 0;
    if (x.op == queue_verb::pop)
      x.item.clear();
  }

  [[nodiscard]] std::vector<std::string> witness() const {
    return check_witness(history).violations;
  }
  [[nodiscard]] std::vector<std::string> drained() const {
    return check_drained(history).violations;
  }
};

/// a, b, c through one queue, drained.
struct QueueChecker : ::testing::Test {
  story x;

  QueueChecker() {
    x.create("jobs", 1);
    x.push("a", 1);
    x.push("b", 2);
    x.push("c", 3);
    x.size(3);
    x.pop("a", 2);
    x.pop("b", 1);
    x.pop("c", 0);
    x.empty();
  }

  queue_operation& at(std::size_t i) {
    return x.history[i];
  }
};

TEST_F(QueueChecker, TakesARightHistory) {
  EXPECT_THAT(x.witness(), IsEmpty());
  EXPECT_THAT(x.drained(), IsEmpty());
  EXPECT_EQ(check_witness(x.history).operations, 9u);
}

// -- the witness check: each planted fault ------------------------------------

TEST_F(QueueChecker, ALostItem) { // SPEC Q4, Q10
  x.history.erase(x.history.begin() + 5);
  EXPECT_THAT(x.witness(), Not(IsEmpty()));
  EXPECT_THAT(x.drained(), ElementsAre(HasSubstr("lost")));
}

TEST_F(QueueChecker, ADoubledPop) { // SPEC Q8
  at(8) = at(7);
  at(8).sequence = 9;
  EXPECT_THAT(x.witness(), ElementsAre(HasSubstr("which went to the")));
  EXPECT_THAT(x.drained(), Not(IsEmpty()));
}

TEST_F(QueueChecker, ADoubledPush) { // SPEC Q8
  x.history.pop_back();
  x.pop("c", 0);
  x.empty();
  EXPECT_THAT(x.drained(), ElementsAre(HasSubstr("twice")));
  EXPECT_THAT(x.witness(), Not(IsEmpty()));
}

TEST_F(QueueChecker, ItemsThatChangedPlaces) { // SPEC Q2
  std::swap(at(5).item, at(6).item);
  EXPECT_THAT(x.witness(), Not(IsEmpty()));
  EXPECT_THAT(x.drained(), ElementsAre(HasSubstr("came out after it")));
}

TEST_F(QueueChecker, AnItemThatNobodyPushed) {
  at(5).item = "z";
  EXPECT_THAT(x.witness(), Not(IsEmpty()));
  EXPECT_THAT(x.drained(), Not(IsEmpty()));
}

TEST_F(QueueChecker, ARefusedItem) {
  at(2).result = outcome::refused;
  EXPECT_THAT(x.witness(), Not(IsEmpty()));
  EXPECT_THAT(x.drained(), ElementsAre(HasSubstr("was refused")));
}

TEST_F(QueueChecker, AWrongSize) {
  at(4).value = 2;
  EXPECT_THAT(x.witness(), Not(IsEmpty()));
  at(4).value = 4;
  EXPECT_THAT(x.witness(), ElementsAre(HasSubstr("3 items are there")));
}

TEST_F(QueueChecker, EmptyWhereSomethingIs) {
  auto& wrong = at(5);
  wrong.reply = queue_reply::empty;
  wrong.item.clear();
  wrong.value = -1;
  EXPECT_THAT(x.witness(), Not(IsEmpty()));
}

TEST_F(QueueChecker, APlaceAgainstTime) { // SPEC Q2
  x.size(0).sequence = 20;
  x.size(0).sequence = 19;
  EXPECT_THAT(x.witness(), ElementsAre(HasSubstr("had returned")));
  std::swap(x.history[9].ret_ns, x.history[10].ret_ns); // They overlap.
  EXPECT_THAT(x.witness(), IsEmpty());
}

TEST_F(QueueChecker, OnePlaceForTwo) { // SPEC Q2
  at(3).sequence = at(2).sequence;
  EXPECT_THAT(x.witness(), Not(IsEmpty()));
}

TEST_F(QueueChecker, AnItemBeforeItsPush) {
  std::swap(at(3).sequence, at(7).sequence);
  EXPECT_THAT(x.witness(), Not(IsEmpty()));
}

TEST_F(QueueChecker, IdsThatAreGivenTwice) { // SPEC Q1
  x.create("others", 1);
  EXPECT_THAT(x.witness(), ElementsAre(HasSubstr("does not have")));
}

TEST_F(QueueChecker, ALabelWithTwoIds) { // SPEC Q1
  x.create("jobs", 2);
  EXPECT_THAT(x.witness(), ElementsAre(HasSubstr("has queue 1")));
}

TEST_F(QueueChecker, AnIdThatIsUsedAgain) { // SPEC Q1
  x.add(queue_verb::destroy, 1).value = 0;
  EXPECT_THAT(x.witness(), IsEmpty());
  x.create("jobs", 1);
  EXPECT_THAT(x.witness(), Not(IsEmpty()));
  x.history.back().value = 2;
  EXPECT_THAT(x.witness(), IsEmpty());
}

TEST_F(QueueChecker, AQueueThatIsAndIsNot) { // SPEC Q1
  x.add(queue_verb::size, 1).reply = queue_reply::no_queue;
  EXPECT_THAT(x.witness(), ElementsAre(HasSubstr("which is there")));
  x.history.back().queue = 2;
  EXPECT_THAT(x.witness(), IsEmpty());
  x.history.back().reply = queue_reply::ok;
  x.history.back().value = 0;
  EXPECT_THAT(x.witness(), ElementsAre(HasSubstr("not there")));
}

// -- unknown outcomes ---------------------------------------------------------

TEST_F(QueueChecker, AnUnknownPushMayBeThereOnce) { // SPEC Q8
  story::unknown(at(2));
  EXPECT_THAT(x.witness(), IsEmpty());
  EXPECT_THAT(x.drained(), IsEmpty());
  EXPECT_EQ(check_witness(x.history).unknown_seen, 1u);
  x.pop("b", 0);
  x.empty();
  EXPECT_THAT(x.witness(), Not(IsEmpty()));
  EXPECT_THAT(x.drained(), ElementsAre(HasSubstr("twice")));
}

TEST_F(QueueChecker, AnUnknownPushMayBeAbsent) { // SPEC Q8
  story::unknown(x.push("d", 1));
  EXPECT_THAT(x.witness(), IsEmpty());
  x.empty();
  EXPECT_THAT(x.witness(), IsEmpty());
  EXPECT_THAT(x.drained(), IsEmpty());
}

TEST_F(QueueChecker, AnUnknownPopTakesOneAtMost) { // SPEC Q8
  story::unknown(at(5));
  EXPECT_THAT(x.witness(), IsEmpty());
  EXPECT_THAT(x.drained(), IsEmpty());
  x.history.erase(x.history.begin() + 6); // "b" is lost, too.
  EXPECT_THAT(x.witness(), Not(IsEmpty()));
  EXPECT_THAT(x.drained(), ElementsAre(HasSubstr("2 acknowledged")));
}

TEST_F(QueueChecker, AnUnknownPopDoesNotActBeforeItsCall) {
  story::unknown(at(5));
  at(5).call_ns = x.now + 100;
  EXPECT_THAT(x.witness(), Not(IsEmpty()));
}

TEST_F(QueueChecker, AnUnknownPushIsNotSeenBeforeItsCall) {
  story::unknown(at(2));
  at(2).call_ns = x.now + 100;
  EXPECT_THAT(x.witness(), Not(IsEmpty()));
  EXPECT_THAT(x.drained(), Contains(HasSubstr("before it was pushed")));
}

TEST_F(QueueChecker, AnUnknownDestroyEndsAQueueOnce) { // SPEC Q1
  story::unknown(x.add(queue_verb::destroy, 1));
  x.create("jobs", 2);
  EXPECT_THAT(x.witness(), IsEmpty());
  x.size(0);
  EXPECT_THAT(x.witness(), Not(IsEmpty()));
}

TEST_F(QueueChecker, WhatWasNotDrainedProvesNothing) {
  x.history.pop_back();
  EXPECT_THAT(x.drained(), ElementsAre(HasSubstr("not drained")));
}

// -- many histories -----------------------------------------------------------

TEST(QueueCheckerTraffic, ARightHistoryIsNeverRefused) {
  for (std::uint64_t seed = 1; seed <= 1'000; ++seed) {
    queue_histories source{seed};
    source.destroys = seed % 2 == 0;
    auto history = source.make(250, 1 + static_cast<std::int64_t>(seed % 60),
                               seed % 3 == 0 ? 0 : 3 + seed % 20);
    source.drain(history);
    EXPECT_THAT(check_witness(history).violations, IsEmpty()) << seed;
    if (!source.destroys)
      EXPECT_THAT(check_drained(history).violations, IsEmpty()) << seed;
  }
}

// One answer is another one than it was: never taken, as long as nothing is
// unknown.
TEST(QueueCheckerTraffic, AWrongAnswerIsAlwaysFound) {
  int tried = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    queue_histories source{seed};
    auto history = source.make(150, 30, 0);
    source.drain(history);
    rng random{seed};
    auto& x = history[random.below(history.size())];
    const auto before = x;
    switch (random.below(4)) {
      case 0:
        x.value += random.one_in(2) ? 1 : -1;
        break;
      case 1:
        x.sequence += 2 + random.below(5);
        x.index = 77; // A place that is free, behind others.
        break;
      case 2:
        x.item += "x";
        break;
      default:
        x.result = outcome::refused;
    }
    // Such changes may make another right history.
    const auto changes = x.op != queue_verb::find && x.op != queue_verb::size
                         && x.op != queue_verb::top
                         && x.reply == queue_reply::ok
                         && x.op != queue_verb::create;
    if (!changes || x.sequence != before.sequence)
      continue;
    if (x.op == queue_verb::destroy
        && (x.item != before.item || x.result != before.result))
      continue;
    ++tried;
    EXPECT_THAT(check_witness(history).violations, Not(IsEmpty()))
      << seed << ": " << to_json(before) << " -> " << to_json(x);
  }
  EXPECT_GT(tried, 50);
}

TEST(QueueCheckerTraffic, LongHistoriesTakeNoTime) {
  queue_histories source{5};
  source.destroys = false;
  auto history = source.make(200'000, 60, 1'000);
  source.drain(history);
  rng random{6};
  for (auto i = history.size(); i > 1; --i)
    std::swap(history[i - 1], history[random.below(i)]);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(check_witness(history).violations, IsEmpty());
  EXPECT_THAT(check_drained(history).violations, IsEmpty());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{20})
    << "each with each would take minutes";
}

// -- lines --------------------------------------------------------------------

TEST(QueueJson, KeepsEveryField) {
  queue_histories source{9};
  auto history = source.make(500, 30, 5);
  history[3].result = outcome::refused;
  history[3].reply = queue_reply::ok;
  std::string text;
  for (auto& x : history) {
    if (x.result != outcome::done) { // What nobody was told.
      x.value = -1;
      x.sequence = 0;
      x.index = 0;
      x.reply = queue_reply::ok;
      if (x.op != queue_verb::push)
        x.item.clear();
    }
    text += to_json(x) + "\n";
  }
  const auto read = queue_history_from_json(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, history);
}

TEST(QueueJson, SaysWhatIsWrong) {
  const auto wrong = queue_history_from_json("{}\n");
  EXPECT_EQ(test::refusal(wrong), ec::malformed);
  EXPECT_THAT(wrong.error().context, HasSubstr("line 1"));
  EXPECT_FALSE(queue_operation_from_json(R"({"proc":1,"op":"steal"})"));
}

} // namespace
} // namespace dfs::history
