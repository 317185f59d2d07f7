#include "actors/support/supervisor.hpp"

#include "actors/support/subsystem.hpp"
#include "support/deterministic_system.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <stdexcept>
#include <string>
#include <vector>

namespace dfs::actors {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using pupil_actor
  = caf::typed_actor<caf::replies_to<msg::get_actor>::with<msg::actor_list>>;

struct pupil_state {
  static inline const char* name = "pupil";
  pupil_state() = default;
};

using pupil_self = pupil_actor::stateful_pointer<pupil_state>;

/// Answers; ends when asked for "quit", throws when asked for "throw"; writes
/// its name when it ends. One that is `deaf` does not end when told to.
pupil_actor::behavior_type pupil(pupil_self self, const std::string& name,
                                 std::vector<std::string>* ends, bool deaf) {
  if (deaf)
    self->set_exit_handler([](const caf::exit_msg&) {});
  self->attach_functor([name, ends] { ends->push_back(name); });
  return {[self](const msg::get_actor& x) -> caf::result<msg::actor_list> {
    if (x.name == "throw")
      throw std::runtime_error{"out of paper"};
    if (x.name == "quit")
      self->quit();
    return msg::actor_list{};
  }};
}

struct SupervisorTest : ::testing::Test, test::deterministic_system {
  actor_registry registry;
  health_board board;
  std::vector<std::string> ends;
  std::vector<std::pair<int, std::string>> given_up;
  subsystem_ref<pupil_actor> anna, bert, carl;
  std::vector<supervised> list;
  supervisor_actor root;

  ~SupervisorTest() override {
    if (root) {
      ask_to_stop(1s);
      advance(2s);
    }
    stop(root);
  }

  void add(const std::string& name, subsystem_ref<pupil_actor> ref,
           on_end policy, bool deaf = false) {
    list.push_back(supervise(name, ref, policy,
                             [this, name, deaf] {
                               return spawn_subsystem(sys, registry,
                                                      {.name = name}, pupil,
                                                      name, &ends, deaf);
                             },
                             {.restarts_max = 2}));
  }

  void start() {
    root = spawn_supervisor(sys,
                            {&registry, &board,
                             [this](int status, const std::string& why) {
                               given_up.emplace_back(status, why);
                             }},
                            std::move(list));
    run();
  }

  std::shared_ptr<caf::optional<msg::subsystems_stopped>>
  ask_to_stop(std::chrono::milliseconds deadline) {
    auto answer = std::make_shared<caf::optional<msg::subsystems_stopped>>();
    auto asking = [=, this](caf::event_based_actor* asker,
                            const msg::stop_subsystems& question) {
      asker->request(root, caf::infinite, question)
        .then([=](msg::subsystems_stopped& x) { *answer = std::move(x); },
              [](caf::error&) {});
    };
    sys.spawn(asking, msg::stop_subsystems{deadline});
    run();
    return answer;
  }

  void tell(const subsystem_ref<pupil_actor>& whom, const char* what) {
    caf::anon_send(whom.get(), msg::get_actor{what});
    run();
  }

  msg::health_report health() {
    return *ask<msg::health_report>(root, msg::get_health{});
  }

  msg::actor_stats stats(const std::string& name) {
    return registry.detail(name, sys.clock().now())->stats;
  }
};

// SPEC S2
TEST_F(SupervisorTest, StartsTheListAndIsWell) {
  add("anna", anna, on_end::end_process);
  add("bert", bert, on_end::restart);
  start();
  EXPECT_TRUE(ask<msg::actor_list>(anna.get(), msg::get_actor{"hello"}));
  EXPECT_TRUE(ask<msg::actor_list>(bert.get(), msg::get_actor{"hello"}));
  EXPECT_TRUE(health().ready);
  const auto actors = registry.list(sys.clock().now()).actors;
  ASSERT_EQ(actors.size(), 3u);
  EXPECT_EQ(actors[0].name, "supervisor");
  EXPECT_EQ(actors[0].parent, "");
  EXPECT_EQ(actors[1].name, "anna");
  EXPECT_EQ(actors[1].parent, "supervisor");
}

TEST_F(SupervisorTest, RestartsWithAFreshHandle) {
  add("bert", bert, on_end::restart);
  start();
  const auto before = bert.get();
  tell(bert, "throw");
  EXPECT_FALSE(health().ready);
  EXPECT_THAT(given_up, IsEmpty());
  advance(250ms);
  EXPECT_TRUE(health().ready);
  EXPECT_NE(bert.get(), before);
  EXPECT_TRUE(ask<msg::actor_list>(bert.get(), msg::get_actor{"hello"}));
  EXPECT_EQ(stats("bert").restarts, 1u);
  EXPECT_EQ(stats("bert").failures, 1u);
}

TEST_F(SupervisorTest, TakesAnEndWithoutErrorForAnEndToo) {
  add("bert", bert, on_end::restart);
  start();
  tell(bert, "quit");
  EXPECT_FALSE(health().ready);
  advance(250ms);
  EXPECT_TRUE(health().ready);
}

TEST_F(SupervisorTest, GivesUpAfterTooManyRestarts) {
  add("anna", anna, on_end::end_process);
  add("bert", bert, on_end::restart);
  start();
  for (auto i = 0; i < 2; ++i) {
    tell(bert, "throw");
    EXPECT_THAT(given_up, IsEmpty());
    advance(500ms);
  }
  tell(bert, "throw");
  EXPECT_THAT(given_up,
              ElementsAre(std::pair{core::subsystem_failure_status,
                                    std::string{"subsystem bert has failed "
                                                "for good"}}));
  advance(10min);
  EXPECT_EQ(stats("bert").restarts, 2u);
  tell(anna, "throw");
  EXPECT_EQ(given_up.size(), 1u) << "said once";
}

TEST_F(SupervisorTest, RestartsForEverIfItIsSeldom) {
  add("bert", bert, on_end::restart);
  start();
  for (auto i = 0; i < 10; ++i) {
    tell(bert, "throw");
    advance(61s); // The window is a minute.
    advance(250ms);
  }
  EXPECT_THAT(given_up, IsEmpty());
  EXPECT_EQ(stats("bert").restarts, 10u);
}

// A client that can end one of them must not end the node: SPEC S10.
TEST_F(SupervisorTest, RestartsForEverWhatTheNodeCanDoWithout) {
  add("bert", bert, on_end::restart_always);
  start();
  for (auto i = 0; i < 10; ++i) {
    if (bert.get())
      tell(bert, "throw");
    EXPECT_TRUE(health().ready) << "others are served meanwhile";
    advance(5s);
    advance(250ms);
  }
  EXPECT_THAT(given_up, IsEmpty());
  EXPECT_LE(stats("bert").restarts, 2u) << "in a minute";
  advance(60s);
  advance(250ms);
  EXPECT_TRUE(ask<msg::actor_list>(bert.get(), msg::get_actor{"hello"}));
}

TEST_F(SupervisorTest, EndsTheProcessAtOnceIfThePolicySaysSo) {
  add("anna", anna, on_end::end_process);
  start();
  tell(anna, "throw");
  EXPECT_EQ(given_up.size(), 1u);
  advance(1min);
  EXPECT_EQ(stats("anna").restarts, 0u);
}

// SPEC S6: bottom up, top down.
TEST_F(SupervisorTest, StopsInReverseOrder) {
  add("anna", anna, on_end::end_process);
  add("bert", bert, on_end::restart);
  add("carl", carl, on_end::end_process);
  start();
  const auto answer = ask_to_stop(5s);
  ASSERT_TRUE(*answer);
  EXPECT_THAT((*answer)->hung, IsEmpty());
  EXPECT_THAT(ends, ElementsAre("carl", "bert", "anna"));
  EXPECT_THAT(given_up, IsEmpty());
  advance(1min);
  EXPECT_EQ(stats("bert").restarts, 0u) << "an end that was asked for";
  EXPECT_FALSE(static_cast<bool>(bert.get())) << "no handle is left";
}

TEST_F(SupervisorTest, NamesWhoHangsAndStopsTheOthers) {
  add("anna", anna, on_end::end_process);
  add("bert", bert, on_end::end_process, true);
  add("carl", carl, on_end::end_process);
  start();
  const auto deaf = bert.get();
  const auto answer = ask_to_stop(3s);
  EXPECT_THAT(ends, ElementsAre("carl"));
  advance(1s); // A third of the deadline for one that hangs.
  EXPECT_THAT(ends, ElementsAre("carl", "anna"));
  EXPECT_FALSE(*answer);
  advance(2s);
  ASSERT_TRUE(*answer);
  EXPECT_THAT((*answer)->hung, ElementsAre("bert"));
  caf::anon_send(deaf, msg::get_actor{"quit"});
  run();
  EXPECT_THAT(given_up, IsEmpty()) << "late is not unplanned";
}

TEST_F(SupervisorTest, StopsWhatWaitsForItsRestart) {
  add("bert", bert, on_end::restart);
  start();
  tell(bert, "throw");
  const auto answer = ask_to_stop(1s);
  ASSERT_TRUE(*answer);
  advance(1min);
  EXPECT_EQ(stats("bert").restarts, 0u);
}

// SPEC O3: /livez says when the supervisor is silent.
TEST_F(SupervisorTest, IsLiveAsLongAsItTicks) {
  add("anna", anna, on_end::end_process);
  start();
  const auto now = sys.clock().now();
  EXPECT_TRUE(board.report(now).live);
  EXPECT_TRUE(board.report(now + 4s).live);
  EXPECT_FALSE(board.report(now + 5s).live);
  EXPECT_FALSE(board.report(now + 5s).ready);
}

TEST(HealthBoard, IsNotReadyBeforeAnybodyHasSaidSo) {
  health_board board;
  const auto now = instant{} + 1h;
  EXPECT_FALSE(board.report(now).live);
  board.heartbeat(now);
  EXPECT_TRUE(board.report(now).live);
  EXPECT_FALSE(board.report(now).ready) << "no check at all";
  board.set("group", false, "not joined");
  EXPECT_FALSE(board.report(now).ready);
  EXPECT_THAT(board.report(now).checks,
              ElementsAre(msg::health_check{"group", false, "not joined"}));
  board.set("group", true, "whatever");
  EXPECT_TRUE(board.report(now).ready);
  EXPECT_EQ(board.report(now).checks[0].reason, "");
  board.pass("group", "its disk is full");
  EXPECT_TRUE(board.report(now).ready);
  EXPECT_EQ(board.report(now).checks[0].reason, "its disk is full");
}

// SPEC O3: a handler that waits, and a disk that hangs, are told of in time.
TEST(HealthBoard, TellsWhoGetsNoFurther) {
  actor_registry registry;
  health_board board;
  const auto began = instant{} + 1h;
  board.watch(registry);
  auto disk = 0ms;
  board.watch("some-log", [&] { return disk; });
  board.set("group", true);
  const auto report = [&](std::chrono::milliseconds later) {
    board.heartbeat(began + later);
    return board.report(began + later);
  };
  const auto worker = registry.enroll("worker", "");
  const auto life = worker->begin_life(began);
  const auto scrubber = registry.enroll("scrubber", "", true);
  const auto patient = scrubber->begin_life(began);
  life->arrived(began);
  life->taken(began + 1s);
  life->arrived(began + 10s);
  worker->handling_begins(began + 10s);
  life->arrived(began + 11s);
  EXPECT_EQ(report(11s).checks[1].reason, "");
  const msg::health_check slow{"subsystems", true,
                               "worker has finished no message for 2.0 s"};
  EXPECT_EQ(report(12s).checks[1], slow);
  EXPECT_TRUE(report(12s).ready);
  EXPECT_FALSE(report(15s).ready);
  life->taken(began + 15s);
  worker->handling_ends(began + 10s, began + 15s, {}, true);
  EXPECT_TRUE(report(15s).ready);
  EXPECT_TRUE(report(60s).ready) << "nobody is at work: it is a wrong count";
  life->taken(began + 15s);
  EXPECT_EQ(report(60s).checks[1].reason, "");
  patient->arrived(began + 60s);
  scrubber->handling_begins(began + 60s);
  EXPECT_TRUE(report(90s).ready);
  EXPECT_NE(report(90s).checks[1].reason, "");
  disk = 2s;
  EXPECT_TRUE(report(90s).ready);
  EXPECT_EQ(report(90s).checks[2].reason,
            "some-log has waited for its disk for 2.0 s");
}

// With threads, as main does it.
TEST(StopSupervisor, WaitsForTheAnswer) {
  struct config : caf::actor_system_config {
    config() {
      msg::register_messages(*this);
      set("scheduler.max-threads", std::size_t{2});
    }
  } config;
  actor_registry registry;
  health_board board;
  std::vector<std::string> ends;
  caf::actor_system sys{config};
  subsystem_ref<pupil_actor> anna;
  std::vector<supervised> list;
  list.push_back(supervise("anna", anna, on_end::end_process, [&] {
    return spawn_subsystem(sys, registry, {.name = "anna"}, pupil,
                           std::string{"anna"}, &ends, false);
  }));
  auto root = spawn_supervisor(sys, {&registry, &board, {}}, std::move(list));
  EXPECT_THAT(stop_supervisor(sys, std::move(root), 5s), IsEmpty());
  EXPECT_THAT(ends, ElementsAre("anna"));
}

} // namespace
} // namespace dfs::actors
