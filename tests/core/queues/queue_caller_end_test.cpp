#include "core/queues/queue_caller_hands.hpp"
#include "messages/queue_end.hpp"

// When a caller ends its session: a late copy would begin it anew, and be
// executed again (SPEC Q8).

namespace dfs::core {
namespace {

using namespace std::chrono_literals;
using namespace test;
using msg::queue_status;

struct QueueSessionEnds : QueueCaller {
  bool keeps() {
    take(caller.end_session());
    return ended.empty();
  }
};

TEST_F(QueueSessionEnds, FreesThePlaceOfASession) { // SPEC Q8
  ask(1, push(7));
  ask(2, pop(true), 1h);
  greet(5);
  const auto one = next();
  answer(one, queue_status::done, 1);
  EXPECT_TRUE(keeps());     // The pop waits.
  refuse(next(), ec::busy); // It was not begun.
  wait();
  answer(next(), queue_status::done, 0);
  take(caller.end_session());
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].server, "a");
  EXPECT_EQ(ended[0].request.verb, msg::queue_end_session);
  EXPECT_EQ(ended[0].request.session, one.request.session);
  EXPECT_EQ(ended[0].request.number, 3u);
  EXPECT_TRUE(check_request(ended[0].request));
  take(caller.end_session());
  EXPECT_EQ(ended.size(), 1u);
  // What comes then is of another one.
  ask(3, push(8));
  greet(5);
  EXPECT_NE(next().request.session, one.request.session);
}

TEST_F(QueueSessionEnds, NotOfOneThatWasSentTwice) {
  ask(1, push(7));
  greet();
  refuse(next(), ec::outcome_unknown);
  answer(next(), queue_status::done, 1);
  EXPECT_TRUE(keeps());
}

TEST_F(QueueSessionEnds, NotOfOneThatTwoServersHaveAnswered) {
  ask(1, push(7));
  greet();
  answer(next(), queue_status::done, 1);
  ask(2, push(8));
  refuse(next(), ec::not_primary); // Not begun there.
  answer(next(), queue_status::done, 1);
  EXPECT_TRUE(keeps());
}

TEST_F(QueueSessionEnds, NotWhileTheCopyThatWaitsMayBeUnderWay) {
  ask(1, pop(true), 1h);
  greet();
  (void) next();
  take(caller.end_waits(at));
  answer(next(), queue_status::empty);
  EXPECT_TRUE(keeps());
}

TEST_F(QueueSessionEnds, NotWhenOneWasGivenUp) {
  ask(1, push(7));
  greet();
  answer(next(), queue_status::done, 1);
  told.clear();
  ask(2, push(8));
  (void) next();
  at += 10s;
  take(caller.tick(at));
  EXPECT_EQ(reason(), ec::outcome_unknown);
  EXPECT_TRUE(keeps());
}

TEST_F(QueueSessionEnds, NotOfOneThatNobodyUsed) {
  EXPECT_TRUE(keeps());
  ask(1, change(msg::queue_verb::size, 1));
  greet();
  answer(next(), queue_status::done, 0);
  EXPECT_TRUE(keeps());
}

} // namespace
} // namespace dfs::core
