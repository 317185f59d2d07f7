#include "actors/queue_server.hpp"

#include "actors/support/from_caf.hpp"
#include "messages/register.hpp"
#include "support/eventually.hpp"
#include "support/queue_group.hpp"

#include <caf/scoped_actor.hpp>

#include <gtest/gtest.h>

namespace dfs::actors {
namespace {

using namespace std::chrono_literals;
using msg::queue_status;
using msg::queue_verb;

struct message_config : caf::actor_system_config {
  message_config() {
    msg::register_messages(*this);
  }
};

constexpr auto patience = 20s;

// Queue servers in one process, over drivers on loopback.
struct QueueServers : testing::Test {
  struct server {
    std::unique_ptr<fileserver::multicast_driver> driver;
    subsystem_ref<multicast_group_actor> group;
    queue_server_actor queues;
    std::shared_ptr<queue_counters> counters
      = std::make_shared<queue_counters>();
  };

  ~QueueServers() override {
    for (std::uint64_t i = 1; i <= 3; ++i)
      end(i);
  }

  void start(std::uint64_t i) {
    auto opened = group.open(i);
    ASSERT_TRUE(opened) << opened.error().context;
    auto& x = servers[i];
    x.driver = *std::move(opened);
    multicast_group_options of_group;
    of_group.driver = x.driver.get();
    x.group.set(sys.spawn(multicast_group, of_group));
    queue_server_options of_queues;
    of_queues.server = server_id{i};
    for (std::uint64_t j = 1; j <= 3; ++j)
      of_queues.names[server_id{j}] = "fs-" + std::to_string(j);
    of_queues.group = x.group;
    of_queues.counters = x.counters;
    x.queues = sys.spawn(queue_server, of_queues);
  }

  void end(std::uint64_t i) {
    const auto found = servers.find(i);
    if (found == servers.end())
      return;
    auto& x = found->second;
    x.driver->stop();
    caf::anon_send_exit(x.queues, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(x.group.get(), caf::exit_reason::user_shutdown);
    self->wait_for(x.queues, x.group.get());
    x.group.clear();
    servers.erase(found);
  }

  void begin() {
    for (std::uint64_t i = 1; i <= 3; ++i)
      start(i);
    ASSERT_TRUE(primary({1, 2, 3}));
  }

  bool primary(const std::vector<std::uint64_t>& which) {
    return test::eventually(
      [&] {
        for (const auto i : which)
          if (!servers[i].counters->primary)
            return false;
        return true;
      },
      patience);
  }

  template <class Reply, class Request>
  result<Reply> ask(std::uint64_t i, Request request) {
    return ask_beside<Reply>(i, std::move(request));
  }

  template <class Reply, class... Words>
  result<Reply> ask_beside(std::uint64_t i, Words... words) {
    result<Reply> outcome{fail(ec::timed_out)};
    self->request(servers[i].queues, patience, std::move(words)...)
      .receive([&](Reply& x) { outcome = std::move(x); },
               [&](caf::error& why) { outcome = from_caf(why); });
    return outcome;
  }

  msg::queue_request request(queue_verb verb, std::uint64_t queue = 0) {
    msg::queue_request x;
    x.session.random[0] = 1;
    x.number = ++numbers;
    x.verb = verb;
    x.queue = queue_id{queue};
    return x;
  }

  result<msg::queue_answer> change(std::uint64_t i, msg::queue_request x,
                                   std::chrono::milliseconds within = 0ms) {
    return ask_beside<msg::queue_answer>(
      i, msg::change_queue{std::move(x), within}, door_caller{1});
  }

  std::uint64_t create(std::uint64_t i, const std::string& label) {
    auto x = request(queue_verb::create);
    x.label = label;
    const auto answer = change(i, x);
    return answer ? static_cast<std::uint64_t>(answer->value) : 0;
  }

  result<msg::queue_answer>
  push(std::uint64_t i, std::uint64_t queue, std::int64_t item) {
    auto x = request(queue_verb::push, queue);
    x.item.number = item;
    return change(i, x);
  }

  message_config config;
  caf::actor_system sys{config};
  caf::scoped_actor self{sys};
  test::queue_group group{3, false};
  std::map<std::uint64_t, server> servers;
  std::uint64_t numbers = 0;
};

// SPEC Q1, Q2
TEST_F(QueueServers, AnswerAlikeWhoeverIsAsked) {
  begin();
  const auto queue = create(1, "jobs");
  ASSERT_GT(queue, 0u);
  EXPECT_EQ(create(2, "jobs"), queue);
  for (std::int64_t i = 0; i < 30; ++i) {
    const auto pushed = push(1 + static_cast<std::uint64_t>(i) % 3, queue, i);
    ASSERT_TRUE(pushed) << pushed.error().context;
    EXPECT_EQ(pushed->value, i + 1);
  }
  const auto size = ask<msg::queue_answer>(
    3, msg::read_queue{request(queue_verb::size, queue)});
  ASSERT_TRUE(size);
  EXPECT_EQ(size->value, 30);
  EXPECT_FALSE(size->stale);
  for (std::int64_t i = 0; i < 30; ++i) {
    const auto popped = change(1 + static_cast<std::uint64_t>(i) % 3,
                               request(queue_verb::pop, queue));
    ASSERT_TRUE(popped) << popped.error().context;
    EXPECT_EQ(popped->item.number, i);
  }
  const auto none = change(1, request(queue_verb::pop, queue));
  ASSERT_TRUE(none);
  EXPECT_EQ(none->status, queue_status::empty);
  const auto list = ask<msg::queue_list>(2, msg::list_queues{});
  ASSERT_TRUE(list);
  ASSERT_EQ(list->queues.size(), 1u);
  EXPECT_EQ(list->queues[0].label, "jobs");
}

// SPEC Q8
TEST_F(QueueServers, ARepeatedRequestIsExecutedOnce) {
  begin();
  const auto queue = create(1, "jobs");
  ASSERT_TRUE(push(1, queue, 7));
  ASSERT_TRUE(push(1, queue, 8));
  const auto pop = request(queue_verb::pop, queue);
  const auto first = change(1, pop);
  const auto again = change(2, pop);
  ASSERT_TRUE(first && again);
  EXPECT_EQ(first->item.number, 7);
  EXPECT_EQ(*again, *first);
}

// SPEC Q1
TEST_F(QueueServers, APopWaitsForAnItemPushedElsewhere) {
  begin();
  const auto queue = create(1, "jobs");
  auto pop = request(queue_verb::pop, queue);
  pop.wait = true;
  caf::scoped_actor waiter{sys};
  auto waiting = waiter->request(servers[2].queues, patience,
                                 msg::change_queue{pop, 15s}, door_caller{2});
  ASSERT_TRUE(push(3, queue, 42));
  waiting.receive([](msg::queue_answer& x) { EXPECT_EQ(x.item.number, 42); },
                  [](caf::error&) { FAIL(); });
  // Without one it ends with its patience.
  pop.number = ++numbers;
  const auto none = change(2, pop, 50ms);
  ASSERT_TRUE(none);
  EXPECT_EQ(none->status, queue_status::empty);
}

TEST_F(QueueServers, APopWaitsNoLongerThanItsRequest) { // SPEC S10
  begin();
  const auto queue = create(1, "jobs");
  auto pop = request(queue_verb::pop, queue);
  pop.wait = true;
  const auto none = ask_beside<msg::queue_answer>(
    1, msg::change_queue{pop, std::chrono::hours{24 * 365}},
    door_caller{1, instant::clock::now() + 50ms});
  ASSERT_TRUE(none);
  EXPECT_EQ(none->status, queue_status::empty);
}

TEST_F(QueueServers, AnItemGoesToNobodyWhoIsGone) {
  begin();
  const auto queue = create(1, "jobs");
  auto pop = request(queue_verb::pop, queue);
  pop.wait = true;
  caf::scoped_actor waiter{sys};
  auto waiting = waiter->request(servers[1].queues, patience,
                                 msg::change_queue{pop, 15s}, door_caller{2});
  ASSERT_TRUE(
    test::eventually([&] { return servers[1].counters->applied >= 2; }));
  self->send(servers[1].queues, door_caller{2});
  // The door counts it as work until it is answered.
  bool answered = false;
  waiting.receive(
    [](msg::queue_answer&) {},
    [&](caf::error& why) { answered = from_caf(why).code == ec::cancelled; });
  EXPECT_TRUE(answered);
  ASSERT_TRUE(push(1, queue, 42));
  const auto popped = change(1, request(queue_verb::pop, queue));
  ASSERT_TRUE(popped);
  EXPECT_EQ(popped->item.number, 42);
}

// A front door that is restarted tells of no connection that ended meanwhile.
TEST_F(QueueServers, AnItemGoesToNobodyWhoseDoorHasEnded) { // SPEC Q1, S11
  begin();
  const auto queue = create(1, "jobs");
  auto pop = request(queue_verb::pop, queue);
  pop.wait = true;
  auto door = std::make_unique<caf::scoped_actor>(sys);
  (void) (*door)->request(servers[1].queues, patience,
                          msg::change_queue{pop, 15s}, door_caller{2});
  const auto waiting = [&](std::uint64_t count) { // Sooner than the pop's 15 s.
    return test::eventually(
      [&] { return servers[1].counters->clients_waiting == count; }, 8s);
  };
  ASSERT_TRUE(waiting(1));
  ASSERT_TRUE(
    test::eventually([&] { return servers[1].counters->applied >= 2; }));
  door.reset();
  ASSERT_TRUE(waiting(0));
  ASSERT_TRUE(push(1, queue, 42));
  const auto popped = change(1, request(queue_verb::pop, queue));
  ASSERT_TRUE(popped);
  EXPECT_EQ(popped->item.number, 42);
}

// SPEC Q6
TEST_F(QueueServers, WhoIsNotPrimarySaysWhyAndReadsStale) {
  begin();
  const auto queue = create(1, "jobs");
  ASSERT_TRUE(push(1, queue, 7));
  end(2);
  end(3);
  ASSERT_TRUE(
    test::eventually([&] { return !servers[1].counters->primary; }, patience));
  const auto refused = push(1, queue, 8);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ec::not_primary);
  const auto& why = refused.error().context;
  EXPECT_TRUE(why.starts_with("too few of the last primary configuration; "
                              "here: server"))
    << why;
  EXPECT_TRUE(
    why.ends_with("; others of the last primary: servers 2 (fs-2), 3 (fs-3)"))
    << why;
  const auto read = ask<msg::queue_answer>(
    1, msg::read_queue{request(queue_verb::size, queue)});
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->stale);
  EXPECT_EQ(read->value, 1);
  const auto forced
    = ask<msg::queue_primary_forced>(1, msg::force_queue_primary{"me"});
  ASSERT_TRUE(forced) << forced.error().context;
  // How far the others were, though they are away.
  ASSERT_EQ(forced->members.size(), 3u);
  EXPECT_TRUE(forced->members[0].heard);
  for (const auto& row : forced->members) {
    EXPECT_TRUE(row.member);
    EXPECT_GE(row.received, 2u);
  }
  ASSERT_TRUE(primary({1}));
  EXPECT_TRUE(push(1, queue, 8));
}

// Its disk is new, and nobody else is there. SPEC Q10
TEST_F(QueueServers, WhoHasNothingIsForcedOnlyIfThatIsMeant) {
  start(1);
  msg::force_queue_primary order{"me"};
  const auto refused = ask<msg::queue_primary_forced>(1, order);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ec::invalid_argument);
  order.with_nothing = true;
  ASSERT_TRUE(test::eventually(
    [&] { return static_cast<bool>(ask<msg::queue_primary_forced>(1, order)); },
    patience));
  ASSERT_TRUE(primary({1}));
}

// SPEC Q5
TEST_F(QueueServers, WhoComesBackWithNothingHasTheQueuesAgain) {
  begin();
  const auto queue = create(1, "jobs");
  for (std::int64_t i = 0; i < 100; ++i)
    ASSERT_TRUE(push(1, queue, i));
  end(3);
  ASSERT_TRUE(push(1, queue, 100));
  start(3);
  ASSERT_TRUE(primary({1, 2, 3}));
  const auto popped = change(3, request(queue_verb::pop, queue));
  ASSERT_TRUE(popped) << popped.error().context;
  EXPECT_EQ(popped->item.number, 0);
  EXPECT_EQ(popped->value, 100);
}

TEST_F(QueueServers, WhatCanNeverBeRightIsRefused) {
  begin();
  auto bad = request(queue_verb::create);
  const auto refused = change(1, bad);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ec::invalid_argument);
  const auto read
    = ask<msg::queue_answer>(1, msg::read_queue{request(queue_verb::pop, 1)});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ec::invalid_argument);
  const auto missing = change(1, request(queue_verb::pop, 999));
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->status, queue_status::no_queue);
}

} // namespace
} // namespace dfs::actors
