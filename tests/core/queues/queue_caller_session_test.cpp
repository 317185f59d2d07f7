#include "core/queues/queue_caller_hands.hpp"

// What becomes of what nobody knows.

namespace dfs::core {
namespace {

using namespace std::chrono_literals;
using namespace test;
using msg::queue_status;
using msg::queue_verb;

struct QueueSessions : QueueCaller {
  QueueSessions() {
    caller = queue_caller{{"a", "b", "c"},
                          [this] {
                            decltype(msg::queue_session::random) bits{};
                            bits.fill(++sessions);
                            return bits;
                          },
                          {.keep_unknown = true}};
  }
};

// SPEC S7, S11: whoever asks later finds the answer, if there is one.
TEST_F(QueueSessions, GoesOnInAnotherSessionAfterAnUnknownOutcome) {
  ask(1, push(7));
  ask(2, push(8));
  greet();
  const auto lost = next();
  const auto other = next();
  refuse(other, ec::busy);
  at += 10s;
  take(caller.tick(at));
  ASSERT_EQ(told.size(), 2u);
  const auto first = told[0].call == 1 ? 0u : 1u;
  EXPECT_FALSE(told[1 - first].unknown); // It was not begun.
  ASSERT_TRUE(told[first].unknown);
  EXPECT_EQ(told[first].unknown->session, lost.request.session);
  EXPECT_EQ(told[first].unknown->number, lost.request.number);
  ask(3, push(9));
  greet();
  EXPECT_NE(next().request.session, lost.request.session);
}

// What is under way in the former session does not say that the lost answer is
// there.
TEST_F(QueueSessions, NeverSaysThatAnUnknownAnswerWasRead) {
  ask(1, push(7));
  greet();
  (void) next();
  at += 9s;
  ask(2, push(8));
  const auto other = next();
  at += 1s;
  take(caller.tick(at));
  EXPECT_EQ(reason(), ec::outcome_unknown);
  refuse(other, ec::busy);
  wait();
  EXPECT_EQ(next().request.first, 1u);
}

// SPEC S7: there is nothing that could be asked for again.
TEST_F(QueueSessions, AReadHasNoUnknownOutcome) {
  ask(1, change(queue_verb::size, 1));
  greet();
  refuse(next(), ec::outcome_unknown);
  (void) next();
  at += 10s;
  take(caller.tick(at));
  ASSERT_EQ(told.size(), 1u);
  EXPECT_FALSE(told[0].unknown);
  EXPECT_EQ(reason(), ec::timed_out);
}

// SPEC S11: under its own number, and no error says that nothing happened.
TEST_F(QueueSessions, AsksAgainWhatSomebodyElseHasAsked) {
  auto earlier = push(7);
  earlier.session.random.fill(9);
  earlier.session.birth = queue_tick{3};
  earlier.number = 200;
  take(caller.call_again(1, earlier, 10s, 0ms, at));
  greet(4);
  const auto one = next();
  EXPECT_EQ(one.request.session, earlier.session);
  EXPECT_EQ(one.request.number, 200u);
  EXPECT_EQ(one.request.first, 73u);
  refuse(one, ec::not_primary);
  answer(next(), queue_status::done, 5);
  EXPECT_EQ(outcome(), queue_status::done);
  take(caller.call_again(2, earlier, 10s, 0ms, at));
  refuse(next(), ec::not_primary);
  (void) next();
  at += 10s;
  take(caller.tick(at));
  EXPECT_EQ(reason(), ec::outcome_unknown);
  for (const auto late :
       {queue_status::session_expired, queue_status::outside_window}) {
    take(caller.call_again(3, earlier, 10s, 0ms, at));
    answer(next(), late);
    EXPECT_EQ(outcome(), late);
  }
}

} // namespace
} // namespace dfs::core
