#include "core/queues/queue_caller_hands.hpp"

namespace dfs::core {
namespace {

using namespace std::chrono_literals;
using namespace test;
using msg::queue_status;
using msg::queue_verb;

TEST_F(QueueCaller, GreetsOnceAndNumbersWhatItSends) {
  ask(1, push(7));
  ask(2, push(8));
  EXPECT_TRUE(sent.empty());
  ASSERT_EQ(greetings.size(), 1u);
  EXPECT_EQ(greetings[0].server, "a");
  greet(5);
  const auto one = next();
  const auto two = next();
  EXPECT_EQ(one.request.number, 1u);
  EXPECT_EQ(two.request.number, 2u);
  EXPECT_EQ(two.request.first, 1u);
  EXPECT_EQ(one.request.session.birth, queue_tick{5});
  EXPECT_EQ(one.server, "a");
  answer(two, queue_status::done, 2);
  answer(one, queue_status::done, 1);
  EXPECT_EQ(told.size(), 2u);
  ask(3, pop());
  EXPECT_EQ(next().request.first, 3u); // C2
  EXPECT_TRUE(greetings.empty());
}

// SPEC Q8
TEST_F(QueueCaller, RepeatsTheSameNumberAtTheNextServer) {
  ask(1, push(7));
  greet();
  const auto first = next();
  refuse(first, ec::outcome_unknown);
  const auto second = next();
  EXPECT_EQ(second.server, "b");
  EXPECT_EQ(second.request, first.request); // C4
  refuse(second, ec::not_primary);
  const auto third = next();
  EXPECT_EQ(third.server, "c");
  EXPECT_EQ(third.request, first.request);
  answer(third, queue_status::done, 1);
  EXPECT_EQ(outcome(), queue_status::done);
  ask(2, push(8));
  EXPECT_EQ(next().server, "c"); // It stays where it was answered.
}

TEST_F(QueueCaller, PausesAfterARoundLongerEachTime) {
  ask(1, push(7));
  greet();
  milliseconds last{0};
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 3; ++i)
      refuse(next(), ec::not_primary);
    EXPECT_TRUE(sent.empty());
    const auto before = at;
    wait();
    const auto pause = std::chrono::ceil<milliseconds>(at - before);
    EXPECT_GT(pause, last);
    last = pause;
  }
}

// A client that wants nothing has nothing to wake up for.
TEST_F(QueueCaller, SleepsWhileNobodyWantsAnything) {
  EXPECT_FALSE(caller.next_deadline());
  ask(1, push(7));
  for (int i = 0; i < 3; ++i)
    refuse_greeting(ec::unavailable);
  ASSERT_TRUE(greetings.empty()) << "it pauses after a round";
  const auto pause_ends = caller.next_deadline();
  ASSERT_TRUE(pause_ends);
  EXPECT_LT(*pause_ends, at + 10s) << "it tries again before the call ends";
  at += 10s;
  take(caller.tick(at));
  EXPECT_EQ(reason(), ec::unavailable);
  ASSERT_EQ(caller.open(), 0u);
  EXPECT_FALSE(caller.next_deadline());
}

// A read needs a server, though no number.
TEST_F(QueueCaller, LooksForAServerAgainForARead) {
  ask(1, change(queue_verb::size, 1));
  for (int i = 0; i < 3; ++i)
    refuse_greeting(ec::unavailable);
  ASSERT_TRUE(greetings.empty());
  const auto begun = at;
  wait();
  EXPECT_LT(at - begun, 10s);
  EXPECT_FALSE(greetings.empty());
}

// SPEC S7: not primary, and nothing was executed.
TEST_F(QueueCaller, SaysNotPrimaryIfThatIsAllItHeard) {
  ask(1, push(7));
  greet();
  while (told.empty()) {
    if (sent.empty())
      wait();
    else
      refuse(next(), sent.size() % 2 == 0 ? ec::not_primary : ec::unavailable);
  }
  EXPECT_EQ(reason(), ec::not_primary); // C5
}

TEST_F(QueueCaller, WaitsForAnAnswerAsLongAsTheCallLasts) { // SPEC S7
  ask(1, push(7));
  greet();
  const auto first = next();
  EXPECT_EQ(first.timeout, queue_caller_options{}.attempt_max);
  at += 3s;
  take(caller.call(2, push(8), 2s, 0ms, at));
  EXPECT_EQ(next().timeout, 2s);
}

// Of a client that had its number in a former session.
TEST_F(QueueCaller, TakesNoAnswerOfAnotherSession) { // SPEC Q8
  ask(1, push(7));
  greet();
  const auto tried = next();
  auto other = tried;
  other.request.session.random[0] ^= 1;
  answer(other, queue_status::done, 1);
  EXPECT_TRUE(told.empty());
}

// SPEC S7: servers that answer slowly make nothing unknown that is known.
TEST_F(QueueCaller, EndsBeforeATryWhoseAnswerWouldComeTooLate) {
  const auto begun = at;
  ask(1, push(7));
  greet();
  while (told.empty()) {
    if (sent.empty()) {
      wait();
      continue;
    }
    const auto tried = next();
    at += 700ms;
    take(caller.tick(at));
    refuse(tried, ec::not_primary);
  }
  EXPECT_EQ(reason(), ec::not_primary);
  EXPECT_GT(at - begun, 9s);
  EXPECT_LE(at - begun, 10s);
}

TEST_F(QueueCaller, DoesNotKnowWhatMayHaveHappened) {
  ask(1, push(7));
  greet();
  refuse(next(), ec::outcome_unknown);
  while (told.empty()) {
    if (sent.empty())
      wait();
    else
      refuse(next(), ec::not_primary);
  }
  EXPECT_EQ(reason(), ec::outcome_unknown);
  ask(2, push(8));
  EXPECT_EQ(next().request.first, 2u); // The number is fenced (C2).
}

TEST_F(QueueCaller, AnswersAtTheDeadlineThoughNobodySaysAnything) {
  ask(1, push(7));
  ask(2, change(queue_verb::size, 1));
  greet();
  const auto late = next();
  const auto begun = at;
  wait();
  EXPECT_EQ(at - begun, 10s);
  EXPECT_EQ(reason(), ec::outcome_unknown); // C3
  EXPECT_EQ(reason(), ec::timed_out);
  answer(late, queue_status::done, 1); // Nobody waits for it any more.
  EXPECT_TRUE(told.empty());
  EXPECT_EQ(caller.open(), 0u);
}

TEST_F(QueueCaller, KeepsToTheWindow) {
  for (queue_call i = 1; i <= 130; ++i)
    ask(i, push(7));
  greet();
  EXPECT_EQ(sent.size(), 128u);
  const auto first = next();
  answer(next(), queue_status::done, 1); // Number 2: 1 is still open.
  EXPECT_EQ(sent.size(), 126u);
  answer(first, queue_status::done, 1);
  ASSERT_EQ(sent.size(), 128u);
  EXPECT_EQ(sent.back().request.number, 130u);
  EXPECT_EQ(sent.back().request.first, 3u);
}

TEST_F(QueueCaller, TakesANewSessionWhenItWasNotExecuted) {
  ask(1, push(7));
  greet();
  answer(next(), queue_status::done, 1);
  outcome();
  ask(2, push(8));
  answer(next(), queue_status::session_expired);
  wait();
  greet(61);
  const auto again = next();
  EXPECT_EQ(again.request.number, 1u);
  EXPECT_EQ(again.request.session.birth, queue_tick{61});
  EXPECT_EQ(again.request.session.random[0], 2);
  answer(again, queue_status::done, 2);
  EXPECT_EQ(outcome(), queue_status::done);
}

// SPEC Q8: what was sent may have been executed before the session expired.
TEST_F(QueueCaller, DoesNotPushTwiceOverTwoSessions) {
  ask(1, push(7));
  greet();
  refuse(next(), ec::outcome_unknown);
  answer(next(), queue_status::session_expired);
  EXPECT_EQ(reason(), ec::outcome_unknown);
  EXPECT_TRUE(sent.empty());
}

TEST_F(QueueCaller, AsksAnotherServerForABirthThatIsRefused) {
  ask(1, push(7));
  greet(9);
  const auto refused = next();
  EXPECT_EQ(refused.server, "a");
  answer(refused, queue_status::session_expired);
  wait();
  ASSERT_EQ(greetings.size(), 1u);
  EXPECT_EQ(greetings[0].server, "b");
}

TEST_F(QueueCaller, GoesToThePrimaryThatAGreetingNames) {
  ask(1, push(7));
  greet(0, false, {"c", "b"});
  EXPECT_EQ(next().server, "c");
}

TEST_F(QueueCaller, FindsQueuesBehindAServerThatHasNone) {
  ask(1, push(7));
  refuse_greeting(ec::unsupported, {"d"});
  refuse_greeting(ec::unsupported);
  refuse_greeting(ec::unsupported);
  ASSERT_EQ(greetings.size(), 1u);
  EXPECT_EQ(greetings[0].server, "d");
  greet();
  EXPECT_EQ(next().server, "d");
}

TEST_F(QueueCaller, SaysSoWhenNobodyHasQueues) {
  ask(1, push(7));
  for (int i = 0; i < 3; ++i)
    refuse_greeting(ec::unsupported);
  EXPECT_EQ(reason(), ec::unsupported);
}

// Goal: that the servers of queues are out of reach is not hidden by a contact
// that never was one (SPEC S7). Method: that one answers last.
TEST_F(QueueCaller, SaysThatItsServersAreGoneThoughOthersHaveNoQueues) {
  ask(1, push(7));
  refuse_greeting(ec::unavailable);
  refuse_greeting(ec::unavailable);
  refuse_greeting(ec::unsupported);
  at += 11s;
  take(caller.tick(at));
  EXPECT_EQ(reason(), ec::unavailable);
}

TEST_F(QueueCaller, DoesNotAskAgainWhatIsHopeless) {
  ask(1, push(7));
  refuse_greeting(ec::unauthenticated);
  EXPECT_EQ(reason(), ec::unauthenticated);
  ask(2, push(7));
  greet();
  refuse(next(), ec::denied);
  EXPECT_EQ(reason(), ec::denied);
}

TEST_F(QueueCaller, WaitsForServersUntilTheDeadline) {
  ask(1, push(7));
  while (told.empty()) {
    if (greetings.empty())
      wait();
    else
      refuse_greeting(ec::unavailable);
  }
  EXPECT_EQ(reason(), ec::unavailable);
}

TEST_F(QueueCaller, RefusesWhatCanNeverBeRight) {
  ask(1, change(queue_verb::push, 0));
  EXPECT_EQ(reason(), ec::invalid_argument);
  auto large = push(0);
  large.item = {true, 0, std::string(msg::queue_item_bytes_max + 1, 'x')};
  ask(2, large);
  EXPECT_EQ(reason(), ec::invalid_argument);
  EXPECT_TRUE(greetings.empty());
}

// SPEC Q6
TEST_F(QueueCaller, PrefersAFreshReadToAStaleOne) {
  ask(1, change(queue_verb::size, 1));
  greet();
  answer(next(), queue_status::done, 3, true);
  const auto other = next();
  EXPECT_EQ(other.server, "b");
  answer(other, queue_status::done, 4);
  EXPECT_EQ(told.front().answer->value, 4);
}

TEST_F(QueueCaller, TakesAStaleReadWhenThereIsNoOther) {
  ask(1, change(queue_verb::size, 1));
  greet();
  answer(next(), queue_status::done, 3, true);
  refuse(next(), ec::unavailable);
  refuse(next(), ec::unavailable);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_TRUE(told.front().answer->stale);
}

TEST_F(QueueCaller, WaitsOnWhenAServerHasWaitedEnough) {
  ask(1, pop(true), 1h);
  greet();
  const auto first = next();
  EXPECT_TRUE(first.request.wait);
  EXPECT_EQ(first.patience, 300s);
  at += 300s;
  answer(first, queue_status::empty);
  const auto second = next();
  EXPECT_EQ(second.request.number, 2u); // The first one has its answer.
  EXPECT_TRUE(told.empty());
  at += 55min;
  answer(second, queue_status::empty);
  EXPECT_EQ(outcome(), queue_status::empty);
}

TEST_F(QueueCaller, WaitsToTheEnd) { // SPEC Q10
  ask(1, pop(true), 500ms);
  at += 470ms; // Nobody was there to ask.
  greet();
  const auto first = next();
  EXPECT_TRUE(first.request.wait);
  EXPECT_EQ(first.patience, 30ms);
  at += 20ms;
  answer(first, queue_status::empty);
  EXPECT_TRUE(told.empty());
  const auto second = next();
  EXPECT_EQ(second.patience, 10ms);
  at += 10ms;
  answer(second, queue_status::empty);
  EXPECT_EQ(outcome(), queue_status::empty);
}

TEST_F(QueueCaller, EndsAWaitWithTheSameNumber) {
  ask(1, pop(true), 1h);
  greet();
  const auto waiting = next();
  take(caller.end_waits(at));
  const auto last = next();
  EXPECT_FALSE(last.request.wait);
  EXPECT_EQ(last.request.number, waiting.request.number);
  answer(waiting, queue_status::empty); // An answer to a try given up.
  EXPECT_TRUE(told.empty());
  answer(last, queue_status::done, 0);
  EXPECT_EQ(outcome(), queue_status::done);
}

TEST_F(QueueCaller, PopsAgainWhenItsOwnAnswersWereTooMany) {
  ask(1, pop());
  ask(2, pop());
  greet();
  const auto one = next();
  answer(next(), queue_status::unread);
  answer(one, queue_status::done, 1);
  outcome();
  wait();
  const auto again = next();
  EXPECT_EQ(again.request.number, 3u);
  answer(again, queue_status::unread); // Not because of others.
  EXPECT_EQ(outcome(), queue_status::unread);
}

} // namespace
} // namespace dfs::core
