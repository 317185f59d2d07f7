#include "core/versions/put_machine.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

const msg::group_set set{group_id{9},
                         group_epoch{100},
                         {3, 2, 2},
                         {store_id{1}, store_id{2}, store_id{3}}};
const instant start = instant{} + 1h;

msg::put_file a_put() {
  msg::put_file x;
  x.group = set.group;
  x.epoch = set.epoch;
  x.file = inode_id{5};
  x.put = x.content = {put_writer{1}, 1};
  x.looked_up_at = 7;
  return x;
}

TEST(PutMachine, SaysNotDoneOnlyWhenItIsCertain) { // SPEC V4
  using outcome = put_over::outcome;
  put_machine once{{}, a_put(), start + 10s};
  (void) once.begin(set, 7, start);
  auto out = once.on_put(fail(ec::no_redundancy), start);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(std::get<put_over>(out[0]).is, outcome::not_done);

  put_machine twice{{}, a_put(), start + 10s};
  (void) twice.begin(set, 7, start);
  (void) twice.on_put(fail(ec::outcome_unknown), start);
  (void) twice.on_located(set, 7, true, start);
  out = twice.on_put(fail(ec::no_redundancy), start);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<send_settle>(out[0]));
  out = twice.on_settled(
    msg::put_settled{{put_writer{1}, 1}, version_number{3}}, start);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(std::get<put_over>(out[0]).is, outcome::done);
}

// Who leads now may not lead yet: the master is not asked in a loop.
TEST(PutMachine, WaitsBeforeItAsksWhoLeadsAgain) {
  const put_config config;
  put_machine machine{config, a_put(), start + 10s};
  (void) machine.begin(set, 7, start);
  (void) machine.on_put(fail(ec::outcome_unknown), start);
  (void) machine.on_located(set, 7, true, start);
  (void) machine.on_put(fail(ec::no_redundancy), start); // It settles it now.
  const auto now = start + 500ms;
  const auto out = machine.on_settled(fail(ec::not_primary), now);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<ask_leader>(out[0]));
  EXPECT_TRUE(machine.tick(now).empty());
  EXPECT_EQ(machine.next_deadline(), now + config.again);
}

TEST(PutMachine, KnowsWhatCouldNotBeSent) { // SPEC V4
  using outcome = put_over::outcome;
  put_machine first{{}, a_put(), start + 10s};
  (void) first.begin(set, 7, start);
  auto out = first.on_unsent(fail(ec::unavailable), start);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(std::get<put_over>(out[0]).is, outcome::not_done);

  put_machine second{{}, a_put(), start + 10s};
  (void) second.begin(set, 7, start);
  (void) second.on_put(fail(ec::unavailable), start);
  (void) second.on_located(set, 7, true, start);
  out = second.on_unsent(fail(ec::unavailable), start);
  ASSERT_EQ(out.size(), 1u); // The first may have been done.
  EXPECT_TRUE(std::holds_alternative<send_settle>(out[0]));
}

// The lead leaves a server without room, and nothing has happened there.
TEST(PutMachine, AsksForAWhileWhereThereIsNoRoom) { // SPEC V2, S7
  put_machine machine{{}, a_put(), start + 10s};
  const auto full = fail(ec::full, "no room");
  const auto asks = [](const put_effects& out) {
    return out.size() == 1 && std::holds_alternative<ask_leader>(out[0]);
  };
  (void) machine.begin(set, 7, start);
  EXPECT_TRUE(asks(machine.on_put(full, start)));
  (void) machine.on_located(set, 7, true, start + 1s);
  EXPECT_TRUE(asks(machine.on_put(full, start + 1s)));
  (void) machine.on_located(set, 7, true, start + 4s);
  const auto out = machine.on_put(full, start + 4s);
  ASSERT_EQ(out.size(), 1u);
  const auto* last = std::get_if<put_over>(&out[0]);
  ASSERT_NE(last, nullptr);
  EXPECT_EQ(last->is, put_over::outcome::not_done) << "it never was";
  EXPECT_EQ(last->why.code, ec::full);
}

TEST(PutMachine, DoesNothingBeforeItsTimeAndAfterItsEnd) {
  put_machine machine{{}, a_put(), start + 10s};
  (void) machine.begin(set, 7, start);
  EXPECT_TRUE(machine.tick(start).empty());
  (void) machine.on_put(fail(ec::no_redundancy), start);
  ASSERT_TRUE(machine.over());
  EXPECT_TRUE(machine.tick(start + 20s).empty());
}

// What was looked up later may be another file of the same name.
TEST(PutMachine, SaysWhenItsNameWasLookedUpFirst) { // SPEC V8
  put_machine machine{{}, a_put(), start + 10s};
  const auto sent = [](const put_effects& out) {
    return std::get<send_put>(out.at(0)).what.looked_up_at;
  };
  EXPECT_EQ(sent(machine.begin(set, 8, start)), 8u);
  (void) machine.on_put(fail(ec::outcome_unknown), start);
  EXPECT_EQ(sent(machine.on_located(set, 9, true, start)), 8u);
}

TEST(PutMachine, HasMoreTimeWhileAContentIsBrought) {
  put_machine machine{{}, a_put(), start + 5s};
  (void) machine.begin(set, 7, start);
  machine.extend(start + 20s);
  for (const auto& x : machine.tick(start + 6s))
    EXPECT_FALSE(std::holds_alternative<put_over>(x));
  EXPECT_FALSE(machine.over());
}

TEST(PutMachine, AsksUntilItsTimeIsOverThenSaysUnknown) { // SPEC S7
  put_machine machine{{}, a_put(), start + 5s};
  (void) machine.begin(set, 7, start);
  auto now = start;
  for (int i = 0; i < 20 && !machine.over(); ++i) {
    now = machine.next_deadline();
    for (const auto& x : machine.tick(now))
      if (std::holds_alternative<ask_leader>(x))
        (void) machine.on_located(set, 7, true, now);
      else
        EXPECT_EQ(std::get<put_over>(x).is, put_over::outcome::unknown);
  }
  EXPECT_TRUE(machine.over());
  EXPECT_EQ(now, start + 5s);
}

} // namespace
} // namespace dfs::core
