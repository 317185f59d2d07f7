#pragma once

#include "core/queues/queue_caller.hpp"
#include "core/queues/queue_machine.hpp"
#include "core/queues/queue_rules.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <vector>

namespace dfs::test {

using namespace std::chrono_literals;
using msg::queue_status;
using msg::queue_verb;
using std::chrono::milliseconds;

inline msg::queue_request
change(queue_verb verb, std::uint64_t queue, std::int64_t item = 0) {
  msg::queue_request x;
  x.verb = verb;
  x.queue = queue_id{queue};
  x.item.number = item;
  return x;
}

inline msg::queue_request push(std::int64_t item) {
  return change(queue_verb::push, 1, item);
}

inline msg::queue_request pop(bool wait = false) {
  auto x = change(queue_verb::pop, 1);
  x.wait = wait;
  return x;
}

/// A caller whose effects the test performs by hand.
struct QueueCaller : ::testing::Test {
  QueueCaller() {
    at += 1h;
  }

  void take(core::queue_effects x) {
    for (auto& each : x) {
      if (auto* sending = std::get_if<core::queue_send>(&each))
        sent.push_back(std::move(*sending));
      else if (auto* greeting = std::get_if<core::queue_greet>(&each))
        greetings.push_back(*greeting);
      else if (auto* end = std::get_if<core::queue_end>(&each))
        ended.push_back(*end);
      else
        told.push_back(std::get<core::queue_told>(std::move(each)));
    }
    caller.check();
  }

  void
  ask(core::queue_call id, msg::queue_request what, milliseconds wait = 0ms) {
    take(caller.call(id, std::move(what), 10s, wait, at));
  }

  void greet(std::uint64_t birth = 0, bool primary = true,
             std::vector<std::string> primaries = {}) {
    ASSERT_FALSE(greetings.empty());
    greetings.pop_front();
    core::queue_greeting_heard heard{
      queue_tick{birth}, primary, std::move(primaries), {"a", "b", "c"}};
    take(caller.on_greeting(heard, {}, at));
  }

  void refuse_greeting(ec code, std::vector<std::string> others = {}) {
    ASSERT_FALSE(greetings.empty());
    greetings.pop_front();
    take(caller.on_greeting(fail(code, "no"), others, at));
  }

  /// The next one that was sent; it is taken.
  core::queue_send next() {
    EXPECT_FALSE(sent.empty());
    auto x = sent.front();
    sent.pop_front();
    return x;
  }

  void answer(const core::queue_send& x, queue_status status,
              std::int64_t value = -1, bool stale = false) {
    msg::queue_answer made;
    made.session = x.request.session;
    made.number = x.request.number;
    made.verb = x.request.verb;
    made.status = status;
    made.value = value;
    made.stale = stale;
    take(caller.on_answer(x.attempt, made, at));
  }

  void refuse(const core::queue_send& x, ec code) {
    take(caller.on_answer(x.attempt, fail(code, "not now"), at));
  }

  /// On to the next thing that the caller wants to do.
  void wait() {
    const auto next = caller.next_deadline();
    ASSERT_TRUE(next);
    at = std::max(at, *next);
    take(caller.tick(at));
  }

  ec reason() {
    EXPECT_FALSE(told.empty());
    const auto x = told.front();
    told.pop_front();
    EXPECT_FALSE(x.answer);
    return x.answer ? ec{} : x.answer.error().code;
  }

  queue_status outcome() {
    EXPECT_FALSE(told.empty());
    const auto x = told.front();
    told.pop_front();
    EXPECT_TRUE(x.answer) << x.answer.error().context;
    return x.answer ? x.answer->status : queue_status{};
  }

  std::uint8_t sessions = 0;
  instant at;
  core::queue_caller caller{{"a", "b", "c"}, [this] {
                              decltype(msg::queue_session::random) bits{};
                              bits.fill(++sessions);
                              return bits;
                            }};
  std::deque<core::queue_send> sent;
  std::deque<core::queue_greet> greetings;
  std::vector<core::queue_end> ended;
  std::deque<core::queue_told> told;
};

} // namespace dfs::test
