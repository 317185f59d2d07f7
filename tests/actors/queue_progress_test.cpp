#include "actors/queue_server.hpp"
#include "support/deterministic_system.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace dfs::actors {
namespace {

using namespace std::chrono_literals;

/// A group that does what the test says.
struct group_script {
  multicast_service_actor service;
  fileserver::multicast_report report;
  bool delivers = true;
  std::uint64_t places = 0;
  fileserver::multicast_submits waiting;

  void tell(fileserver::multicast_event event) {
    auto batch = std::make_shared<multicast_batch>();
    batch->events.push_back(std::move(event));
    caf::anon_send(service, multicast_news{std::move(batch)});
  }

  void deliver() {
    for (auto& [token, payload] : std::exchange(waiting, {}))
      tell(core::deliver_payload{++places, 0, server_id{1}, std::move(payload),
                                 token});
  }
};

multicast_group_actor::behavior_type
scripted_group(multicast_group_actor::pointer,
               std::shared_ptr<group_script> script) {
  return {
    [=](caf::subscribe_atom, const multicast_service_actor& service) {
      script->service = service;
    },
    [=](const multicast_payloads& x) {
      for (auto& payload : x.batch->payloads)
        script->waiting.push_back(std::move(payload));
      if (script->delivers)
        script->deliver();
    },
    [](const multicast_state&) {},
    [](force_multicast) {},
    [=](get_multicast) {
      return multicast_standing{
        std::make_shared<const fileserver::multicast_report>(script->report)};
    },
    [](const msg::member_changed&) {},
  };
}

struct QueueProgress : testing::Test, test::deterministic_system {
  QueueProgress() {
    group.set(sys.spawn(scripted_group, script));
    queue_server_options options;
    options.server = server_id{1};
    options.names[server_id{1}] = "fs-1";
    options.group = group;
    options.board = &board;
    options.counters = counters;
    queues = sys.spawn(queue_server, options);
    run();
    script->tell(core::configuration_installed{
      {{1, server_id{1}}, {}, 1, {{server_id{1}, store_id{1}, life_id{1}}}}});
    run();
  }

  ~QueueProgress() override {
    script->service = multicast_service_actor{};
    stop(queues);
    stop(group.get());
    group.clear();
  }

  void create() {
    msg::change_queue x;
    x.request.verb = msg::queue_verb::create;
    x.request.session.random[0] = 1;
    x.request.number = ++numbers;
    x.request.label = "jobs";
    self->send(queues, x, door_caller{1});
    run();
  }

  void seconds_pass(int count) {
    for (int i = 0; i < count; ++i)
      advance(1s);
  }

  msg::health_check check() {
    const auto report = board.report(instant{});
    const auto at = std::ranges::find(report.checks, std::string{"queues"},
                                      &msg::health_check::name);
    return at == report.checks.end() ? msg::health_check{} : *at;
  }

  msg::queue_group_status status() {
    auto told = ask<msg::queue_group_status>(queues, msg::get_queue_group{});
    EXPECT_TRUE(told);
    return told ? *told : msg::queue_group_status{};
  }

  std::shared_ptr<caf::expected<msg::queue_list>> list() {
    auto answer = std::make_shared<caf::expected<msg::queue_list>>(
      caf::sec::request_timeout);
    sys.spawn(
      [=, this](caf::event_based_actor* asker, msg::list_queues question) {
        asker->request(queues, caf::infinite, question)
          .then([=](msg::queue_list& x) { *answer = std::move(x); },
                [=](caf::error& x) { *answer = std::move(x); });
      },
      msg::list_queues{});
    run();
    return answer;
  }

  std::shared_ptr<group_script> script = std::make_shared<group_script>();
  health_board board;
  subsystem_ref<multicast_group_actor> group;
  queue_server_actor queues;
  std::shared_ptr<queue_counters> counters = std::make_shared<queue_counters>();
  std::uint64_t numbers = 0;
};

// SPEC O3
TEST_F(QueueProgress, AGroupThatDeliversNothingIsNotReady) {
  create();
  seconds_pass(20); // An idle group is well. Its clock goes on by itself.
  EXPECT_TRUE(check().passed);
  script->delivers = false;
  create();
  seconds_pass(4);
  EXPECT_TRUE(check().passed);
  seconds_pass(4);
  EXPECT_FALSE(check().passed);
  EXPECT_EQ(check().reason, "nothing was delivered for 8 s, the oldest request "
                            "has waited for 8 s");
  EXPECT_TRUE(counters->stuck);
  const auto told = status();
  EXPECT_TRUE(told.primary);
  EXPECT_EQ(told.why_not, check().reason);
  EXPECT_EQ(counters->oldest_ms, 8'000u);
  EXPECT_EQ(counters->silent_ms, 8'000u);

  script->delivers = true;
  script->deliver();
  seconds_pass(1);
  EXPECT_TRUE(check().passed);
  EXPECT_FALSE(counters->stuck);
  EXPECT_EQ(status().why_not, "");
  EXPECT_EQ(counters->oldest_ms, 0u);
}

// SPEC O3
TEST_F(QueueProgress, AGroupThatChangesForEverIsNotReady) {
  script->report.status.changing = 4'900ms;
  seconds_pass(3);
  EXPECT_TRUE(check().passed);
  script->report.status.changing = 6s;
  seconds_pass(2);
  EXPECT_FALSE(check().passed);
  EXPECT_EQ(check().reason, "the group has been changing for 6 s");
  EXPECT_EQ(status().why_not, check().reason);
  script->report.status.changing = 0s;
  seconds_pass(1);
  EXPECT_TRUE(check().passed);
}

// What is not primary says why already.
TEST_F(QueueProgress, ALostPrimaryIsNotCalledStuck) {
  script->delivers = false;
  create();
  script->report.status.changing = 60s;
  script->tell(core::primary_lost{
    core::primary_verdict::no_quorum, {server_id{1}}, {}, false, false});
  seconds_pass(10);
  EXPECT_FALSE(check().passed);
  EXPECT_EQ(check().reason.find("changing"), std::string::npos);
  EXPECT_FALSE(counters->stuck);
}

// SPEC Q6: a server that is cut off takes itself for primary for a while.
TEST_F(QueueProgress, AListIsAsNewAsTheOrderOrMarkedStale) {
  create();
  auto told = list();
  ASSERT_TRUE(*told);
  EXPECT_FALSE((*told)->stale);
  EXPECT_EQ((*told)->queues.size(), 1u);

  script->delivers = false;
  told = list();
  EXPECT_FALSE(*told); // It waits.
  script->deliver();
  run();
  ASSERT_TRUE(*told);
  EXPECT_FALSE((*told)->stale);

  told = list();
  script->tell(core::primary_lost{
    core::primary_verdict::no_quorum, {server_id{1}}, {}, false, false});
  run();
  ASSERT_TRUE(*told);
  EXPECT_TRUE((*told)->stale);
  EXPECT_EQ((*told)->queues.size(), 1u);
}

TEST_F(QueueProgress, AListDoesNotWaitForAGroupThatIsStuck) {
  script->delivers = false;
  const auto told = list();
  seconds_pass(2);
  ASSERT_TRUE(*told);
  EXPECT_TRUE((*told)->stale);
}

} // namespace
} // namespace dfs::actors
