#include "actors/support/subsystem.hpp"

#include "messages/register.hpp"
#include "messages/type_ids.hpp"
#include "support/deterministic_system.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <stdexcept>
#include <string>

namespace dfs::actors {
namespace {

using namespace std::chrono_literals;

// An actor that knows nothing of meters.
using worker_actor
  = caf::typed_actor<caf::replies_to<msg::get_actor>::with<msg::actor_list>,
                     caf::reacts_to<msg::get_health>,
                     caf::reacts_to<caf::tick_atom>>;

struct worker_state {
  static inline const char* name = "worker";
  worker_state() = default;
  int ticks = 0;
};

using worker_self = worker_actor::stateful_pointer<worker_state>;

worker_actor::behavior_type worker(worker_self self, bool broken) {
  if (broken)
    throw std::runtime_error{"no disk"};
  return {
    [](const msg::get_actor& x) -> caf::result<msg::actor_list> {
      if (x.name == "throw")
        throw std::runtime_error{"out of paper"};
      return msg::actor_list{};
    },
    [](const msg::get_health&) {},
    [self](caf::tick_atom) { ++self->state.ticks; },
  };
}

worker_actor::behavior_type lonely_worker(worker_self self) {
  return worker(self, false);
}

struct SubsystemTest : ::testing::Test, test::deterministic_system {
  actor_registry registry;

  worker_actor spawn_worker(bool broken = false) {
    return spawn_subsystem(sys, registry, {.name = "worker"}, worker, broken);
  }

  msg::actor_stats stats() {
    return registry.detail("worker", sys.clock().now())->stats;
  }
};

// SPEC S2, O1
TEST_F(SubsystemTest, CountsMessagesWithoutTheActorsHelp) {
  const auto actor = spawn_worker();
  EXPECT_EQ(stats().activity, msg::actor_activity::starting);
  self->send(actor, caf::tick_atom_v);
  self->send(actor, msg::get_health{});
  EXPECT_EQ(stats().mailbox, 2u);
  run();
  EXPECT_EQ(stats().mailbox, 0u);
  EXPECT_EQ(stats().messages, 2u);
  EXPECT_EQ(stats().activity, msg::actor_activity::idle);
  EXPECT_EQ(stats().failures, 0u);
  EXPECT_EQ(stats().parent, "supervisor");
  ASSERT_TRUE(ask<msg::actor_list>(actor, msg::get_actor{"calm"}));
  const auto detail = *registry.detail("worker", sys.clock().now());
  ASSERT_EQ(detail.recent.size(), 3u);
  EXPECT_EQ(detail.recent[0].type, "dfs::msg::get_actor");
  EXPECT_EQ(detail.recent[1].type, "dfs::msg::get_health");
  EXPECT_EQ(detail.recent[2].type, "@atom");
  stop(actor);
}

TEST_F(SubsystemTest, KeepsTheNewestOfManyMessages) {
  const auto actor = spawn_worker();
  for (auto i = 0; i < 100; ++i)
    self->send(actor, caf::tick_atom_v);
  self->send(actor, msg::get_health{});
  run();
  const auto detail = *registry.detail("worker", sys.clock().now());
  ASSERT_EQ(detail.recent.size(), 16u);
  EXPECT_EQ(detail.recent.front().type, "dfs::msg::get_health");
  EXPECT_EQ(detail.recent.back().type, "@atom");
  stop(actor);
}

TEST_F(SubsystemTest, KnowsHowLongAnActorLives) {
  const auto actor = spawn_worker();
  advance(90s);
  EXPECT_EQ(stats().age, 90s);
  stop(actor);
}

// SPEC S10: nobody waits for it any more.
TEST_F(SubsystemTest, DropsWhatWasGivenUpBeforeItBegan) {
  const auto actor = spawn_worker();
  std::vector<std::string> answers;
  const auto remember
    = [&](const caf::error& x) { answers.push_back(sys.render(x)); };
  sys.spawn(
    [&](caf::event_based_actor* asking, int) {
      for (const auto* text : {"first", "second"}) {
        auto answer
          = asking->request(actor, caf::infinite, msg::get_actor{text});
        if (answers.empty())
          registry.given_up()->add(asking->ctrl(), answer.id().integer_value());
        answers.emplace_back(text);
        answer.then(
          [&](const msg::actor_list&) { answers.emplace_back("done"); },
          remember);
      }
    },
    0);
  run();
  EXPECT_EQ(answers,
            (std::vector<std::string>{
              "first", "second", "system_error(request_timeout)", "done"}));
  EXPECT_EQ(stats().mailbox, 0u);
  EXPECT_EQ(stats().messages, 1u);
  EXPECT_EQ(registry.given_up()->size(), 0u) << "dropped once";
  // Of another asker the same number says nothing.
  const auto* const other = self->ctrl();
  registry.given_up()->add(other, 1);
  EXPECT_TRUE(registry.given_up()->contains(other, 1));
  EXPECT_FALSE(registry.given_up()->contains(nullptr, 1));
  stop(actor);
}

// SPEC S2: a handler that throws ends its actor, and is no secret.
TEST_F(SubsystemTest, CountsAnExceptionAndEndsTheActor) {
  const auto actor = spawn_worker();
  self->monitor(actor);
  EXPECT_FALSE(ask<msg::actor_list>(actor, msg::get_actor{"throw"}));
  EXPECT_EQ(stats().failures, 1u);
  EXPECT_EQ(stats().messages, 1u);
  EXPECT_EQ(stats().activity, msg::actor_activity::ended);
  EXPECT_EQ(stats().last_error, "handling dfs::msg::get_actor: out of paper");
  self->receive(
    [](const caf::down_msg& x) {
      EXPECT_EQ(x.reason, caf::sec::runtime_error);
    },
    caf::after(0s) >> [] { ADD_FAILURE() << "no DOWN"; });
}

TEST_F(SubsystemTest, CountsAnExceptionOfTheSpawnFunction) {
  const auto actor = spawn_worker(true);
  run();
  EXPECT_EQ(stats().failures, 1u);
  EXPECT_EQ(stats().activity, msg::actor_activity::ended);
  EXPECT_EQ(stats().last_error, "starting: no disk");
}

TEST_F(SubsystemTest, CountsWhatNobodyUnderstands) {
  const auto actor = spawn_worker();
  caf::anon_send(caf::actor_cast<caf::actor>(actor), std::string{"hello"},
                 std::uint64_t{1});
  run();
  EXPECT_EQ(stats().failures, 1u);
  EXPECT_EQ(stats().last_error, "unexpected message: @str, @u64");
  EXPECT_EQ(stats().activity, msg::actor_activity::idle);
  stop(actor);
}

TEST_F(SubsystemTest, KeepsCountersOverARestart) {
  const auto first = spawn_worker();
  self->send(first, caf::tick_atom_v);
  run();
  advance(10s);
  caf::anon_send_exit(first, caf::exit_reason::kill);
  run();
  EXPECT_EQ(stats().activity, msg::actor_activity::ended);
  const auto second = spawn_worker();
  self->send(first, caf::tick_atom_v); // To the dead one.
  EXPECT_EQ(stats().mailbox, 0u);
  self->send(second, caf::tick_atom_v);
  EXPECT_EQ(stats().mailbox, 1u);
  run();
  EXPECT_EQ(stats().restarts, 1u);
  EXPECT_EQ(stats().messages, 3u); // Two ticks and the exit.
  EXPECT_EQ(stats().age, 0s);
  EXPECT_NE(stats().last_error.find("kill"), std::string::npos);
  EXPECT_EQ(registry.list(sys.clock().now()).actors.size(), 1u);
  stop(second);
}

TEST_F(SubsystemTest, TakesAFunctionWithoutArguments) {
  const auto actor
    = spawn_subsystem(sys, registry, {.name = "lonely"}, lonely_worker);
  EXPECT_TRUE(ask<msg::actor_list>(actor, msg::get_actor{"calm"}));
  stop(actor);
}

TEST_F(SubsystemTest, SaysWhenNobodyHasThatName) {
  const auto detail = registry.detail("nobody", sys.clock().now());
  ASSERT_FALSE(detail);
  EXPECT_EQ(detail.error().code, ec::not_found);
}

// With threads: what the console sees of an actor that hangs.
struct threaded_config : caf::actor_system_config {
  threaded_config() {
    msg::register_messages(*this);
    set("scheduler.max-threads", std::size_t{2});
  }
};

using stuck_actor = caf::typed_actor<caf::reacts_to<caf::tick_atom>>;

struct stuck_state {
  static inline const char* name = "stuck";
  stuck_state() = default;
};

stuck_actor::behavior_type stuck(stuck_actor::stateful_pointer<stuck_state>,
                                 std::promise<void>* entered,
                                 std::shared_future<void> go) {
  return {[entered, go](caf::tick_atom) {
    if (entered != nullptr && go.wait_for(0s) != std::future_status::ready)
      entered->set_value();
    go.wait();
  }};
}

// SPEC O1
TEST(StuckSubsystem, IsSeenWithItsMailboxGrowing) {
  actor_registry registry;
  std::promise<void> entered;
  std::promise<void> go;
  {
    threaded_config config;
    caf::actor_system sys{config};
    const auto actor = spawn_subsystem(sys, registry, {.name = "stuck"}, stuck,
                                       &entered, go.get_future().share());
    for (auto i = 0; i < 10; ++i)
      caf::anon_send(actor, caf::tick_atom_v);
    entered.get_future().wait();
    const auto later = sys.clock().now() + 7s;
    const auto x = registry.detail("stuck", later)->stats;
    EXPECT_EQ(x.activity, msg::actor_activity::busy);
    EXPECT_GE(x.busy_for, 7s);
    EXPECT_EQ(x.mailbox, 10u); // The one in hand is not done.
    EXPECT_EQ(x.messages, 0u);
    go.set_value();
  }
  const auto x = registry.detail("stuck", instant::clock::time_point{})->stats;
  EXPECT_EQ(x.messages, 10u);
  EXPECT_EQ(x.mailbox, 0u);
  EXPECT_EQ(x.activity, msg::actor_activity::ended);
  EXPECT_GT(x.handling_max, 0ns);
}

TEST(LatencyHistogram, HasBucketsWithoutGapsWithinAQuarter) {
  using histogram = latency_histogram;
  auto lower = 0ns;
  for (std::size_t i = 0; i < histogram::bucket_count - 1; ++i) {
    const auto upper = histogram::upper_bound(i);
    ASSERT_GT(upper, lower);
    ASSERT_EQ(histogram::bucket_of(upper), i) << i;
    ASSERT_EQ(histogram::bucket_of(upper + 1ns), i + 1) << i;
    if (i > 0) {
      ASSERT_LE(upper.count(), lower.count() * 5 / 4 + 1) << i;
    }
    lower = upper;
  }
  EXPECT_EQ(histogram::bucket_of(24h), histogram::bucket_count - 1);
  EXPECT_EQ(histogram::bucket_of(0ns), 0u);
}

TEST(LatencyHistogram, FindsQuantilesWithinAQuarterAboveTheTruth) {
  latency_histogram histogram;
  for (auto i = 1; i <= 1'000; ++i)
    histogram.add(std::chrono::microseconds{i});
  const auto x = histogram.read();
  EXPECT_EQ(x.total, 1'000u);
  EXPECT_EQ(x.sum, 500'500us);
  EXPECT_EQ(x.max, 1'000us);
  EXPECT_GE(x.quantile(0.5), 500us);
  EXPECT_LE(x.quantile(0.5), 625us);
  EXPECT_GE(x.quantile(0.99), 990us);
  EXPECT_LE(x.quantile(0.99), 1'000us);
  EXPECT_EQ(x.quantile(1.0), 1'000us);
  EXPECT_EQ(latency_histogram{}.read().quantile(0.5), 0ns);
}

} // namespace
} // namespace dfs::actors
