#include "actors/queue_server.hpp"

#include "actors/support/from_caf.hpp"
#include "core/queues/queue_rules.hpp"
#include "fileserver/multicast/multicast_driver.hpp"
#include "messages/queue_end.hpp"
#include "messages/queue_inspect.hpp"
#include "messages/register.hpp"
#include "support/eventually.hpp"
#include "wire/codec.hpp"

#include <caf/scoped_actor.hpp>

#include <gtest/gtest.h>

#include <mutex>

namespace dfs::actors {
namespace {

using namespace std::chrono_literals;
using fileserver::multicast_events;

struct message_config : caf::actor_system_config {
  message_config() {
    msg::register_messages(*this);
  }
};

constexpr auto patience = 20s;

/// What the group was told. Any thread.
struct told_group {
  std::mutex guard;
  multicast_service_actor service;
  std::vector<core::submit_token> tokens;
  std::vector<std::string> payloads;
  std::uint8_t version = 0; ///< What all servers read, as it tells.

  std::size_t count() {
    const std::lock_guard lock{guard};
    return tokens.size();
  }
};

multicast_group_actor::behavior_type
silent_group(multicast_group_actor::pointer,
             const std::shared_ptr<told_group>& told) {
  return {
    [told](caf::subscribe_atom, const multicast_service_actor& service) {
      const std::lock_guard lock{told->guard};
      told->service = service;
    },
    [told](const multicast_payloads& x) {
      const std::lock_guard lock{told->guard};
      for (const auto& [token, payload] : x.batch->payloads) {
        told->tokens.push_back(token);
        told->payloads.push_back(payload);
      }
    },
    [](const multicast_state&) {},
    [](force_multicast) {},
    [told](get_multicast) {
      const std::lock_guard lock{told->guard};
      auto report = std::make_shared<fileserver::multicast_report>();
      report->status.version = told->version;
      return multicast_standing{std::move(report)};
    },
    [](const msg::member_changed&) {},
  };
}

// A pop that waits is handed to the group once more for each configuration.
struct QueueCopies : testing::Test {
  explicit QueueCopies(const std::string& rule = "majority") {
    group.set(sys.spawn(silent_group, told));
    queue_server_options options;
    options.rule = rule;
    options.server = server_id{1};
    options.names[server_id{1}] = "fs-1";
    options.group = group;
    queues = sys.spawn(queue_server, options);
    EXPECT_TRUE(test::eventually(
      [&] {
        const std::lock_guard lock{told->guard};
        return static_cast<bool>(told->service);
      },
      patience));
  }
  ~QueueCopies() override {
    caf::anon_send_exit(queues, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(group.get(), caf::exit_reason::user_shutdown);
    self->wait_for(queues, group.get());
    const std::lock_guard lock{told->guard};
    told->service = nullptr;
  }

  template <class Event>
  void tell(Event x) {
    auto batch = std::make_shared<multicast_batch>();
    batch->events.push_back(std::move(x));
    self->send(told->service, multicast_news{std::move(batch)});
  }
  static core::configuration_installed installed(std::uint64_t epoch) {
    core::configuration_installed x;
    x.configuration.id = {epoch, server_id{1}};
    x.configuration.members = {{server_id{1}, {}, life_id{1}}};
    return x;
  }
  void install(std::uint64_t epoch) {
    tell(installed(epoch));
  }
  void refuse(std::size_t i) {
    tell(core::submit_ended{told->tokens.at(i), core::submit_outcome::refused});
  }
  bool has_payloads(std::size_t count) {
    return test::eventually([&] { return told->count() == count; }, patience);
  }

  /// Of the batch that this becomes.
  std::uint16_t format_of(msg::queue_verb verb) {
    msg::queue_request x;
    x.session.random[0] = 1;
    x.number = 1 + told->count();
    x.verb = verb;
    if (verb == msg::queue_verb::create)
      x.label = "jobs";
    else
      x.queue = queue_id{1};
    self->send(queues, msg::change_queue{x, 0ms}, door_caller{1});
    if (!has_payloads(x.number))
      return 0;
    const std::lock_guard lock{told->guard};
    const auto batch = wire::decode<msg::queue_batch>(told->payloads.back());
    return batch ? batch->format : 0;
  }

  auto pop() {
    msg::queue_request x;
    x.session.random[0] = 1;
    x.number = 1;
    x.verb = msg::queue_verb::pop;
    x.wait = true;
    x.queue = queue_id{1};
    return self->request(queues, patience, msg::change_queue{x, 1min},
                         door_caller{1});
  }
  template <class Handle>
  static ec outcome(Handle handle) {
    auto found = ec::timed_out;
    handle.receive([&](const msg::queue_answer&) { ADD_FAILURE(); },
                   [&](const caf::error& why) { found = from_caf(why).code; });
    return found;
  }

  message_config config;
  caf::actor_system sys{config};
  caf::scoped_actor self{sys};
  std::shared_ptr<told_group> told = std::make_shared<told_group>();
  subsystem_ref<multicast_group_actor> group;
  queue_server_actor queues;
};

TEST_F(QueueCopies, OfOneThatIsUnderWayARefusalSaysNothing) { // SPEC S11
  install(1);
  auto waits = pop();
  ASSERT_TRUE(has_payloads(1));
  install(2);
  ASSERT_TRUE(has_payloads(2));
  refuse(1);
  EXPECT_EQ(outcome(std::move(waits)), ec::outcome_unknown);
}

// The group tells of both in one batch: the new copy is not with it yet.
TEST_F(QueueCopies, OfOneThatIsAboutToGoARefusalSaysNothing) { // SPEC S11, Q8
  install(1);
  auto waits = pop();
  ASSERT_TRUE(has_payloads(1));
  auto batch = std::make_shared<multicast_batch>();
  batch->events.emplace_back(installed(2));
  batch->events.emplace_back(
    core::submit_ended{told->tokens.at(0), core::submit_outcome::refused});
  self->send(told->service, multicast_news{std::move(batch)});
  EXPECT_EQ(outcome(std::move(waits)), ec::outcome_unknown);
  EXPECT_TRUE(has_payloads(2)) << "it may take an item";
}

TEST_F(QueueCopies, ThatAreAllRefusedWereNotBegun) { // SPEC S11
  install(1);
  auto waits = pop();
  ASSERT_TRUE(has_payloads(1));
  refuse(0);
  EXPECT_EQ(outcome(std::move(waits)), ec::busy);
  // The next one is counted anew.
  auto again = pop();
  ASSERT_TRUE(has_payloads(2));
  refuse(1);
  EXPECT_EQ(outcome(std::move(again)), ec::busy);
}

TEST_F(QueueCopies, AreUnknownWhenTheLogFails) { // SPEC S11
  install(1);
  auto waits = pop();
  ASSERT_TRUE(has_payloads(1));
  tell(fileserver::group_failed{fail(ec::io_error, "the disk")});
  EXPECT_EQ(outcome(std::move(waits)), ec::outcome_unknown);
}

// Ids are counted where nothing is ever discarded. After an operator's order it
// may have been.
TEST_F(QueueCopies, HaveScatteredIdsAfterAnOrder) { // SPEC Q1, Q10
  install(1'000);
  EXPECT_EQ(format_of(msg::queue_verb::create), 1u);
  install(1u << 24);
  EXPECT_EQ(format_of(msg::queue_verb::create), 2u);
  EXPECT_EQ(format_of(msg::queue_verb::destroy), 1u);
}

// -- limits -------------------------------------------------------------------

struct QueueLimits : QueueCopies {
  std::uint64_t numbers = 0;

  void push(std::size_t bytes) {
    msg::queue_request x;
    x.session.random[0] = 3;
    x.number = ++numbers;
    x.verb = msg::queue_verb::push;
    x.queue = queue_id{1};
    x.item.is_bytes = true;
    x.item.bytes.assign(bytes, 'x');
    pushes.push_back(self->request(queues, patience, msg::change_queue{x, 0ms},
                                   door_caller{1}));
  }
  std::vector<decltype(std::declval<QueueCopies&>().pop())> pushes;
};

// What the group has not delivered waits here: each is handed on at once.
TEST_F(QueueLimits, CountItemsUntilTheyAreAnswered) { // SPEC Q1
  install(1);
  for (std::size_t i = 1; i <= 64; ++i) {
    push(1u << 20);
    ASSERT_TRUE(has_payloads(i));
  }
  push(1);
  EXPECT_EQ(outcome(std::move(pushes.back())), ec::busy);
  refuse(0);
  EXPECT_EQ(outcome(std::move(pushes.front())), ec::busy);
  push(1); // There is room again.
  EXPECT_TRUE(has_payloads(65));
}

// Each repetition has an answer of its own to wait for.
TEST_F(QueueLimits, BoundTheRepetitionsOfARequest) { // SPEC S11
  install(1);
  using answer = decltype(pop());
  std::vector<answer> all;
  for (int i = 0; i < 17; ++i)
    all.push_back(pop());
  EXPECT_EQ(outcome(std::move(all.back())), ec::outcome_unknown);
  refuse(0);
  for (int i = 0; i < 16; ++i)
    EXPECT_EQ(outcome(std::move(all[static_cast<std::size_t>(i)])), ec::busy);
}

// -- sessions that end --------------------------------------------------------

struct QueueSessionEnds : QueueCopies {
  void read_version(std::uint8_t x) {
    const std::lock_guard lock{told->guard};
    told->version = x;
  }
  ec end(std::uint8_t session) {
    msg::queue_request ends;
    ends.session.random[0] = session;
    ends.number = ends.first = 2;
    ends.verb = msg::queue_end_session;
    auto found = ec::timed_out;
    self
      ->request(queues, patience, msg::change_queue{ends, 0ms}, door_caller{1})
      .receive(
        [&](const msg::queue_answer& x) {
          found = x.status == msg::queue_status::done ? ec{} : ec::malformed;
        },
        [&](const caf::error& why) { found = from_caf(why).code; });
    return found;
  }
  /// Until the server knows what all read: it asks each second.
  bool ends_soon(std::uint8_t session) {
    return test::eventually([&] { return end(session) == ec{}; }, patience);
  }
  std::vector<msg::queue_batch> batches() {
    const std::lock_guard lock{told->guard};
    std::vector<msg::queue_batch> all;
    for (const auto& x : told->payloads)
      all.push_back(*wire::decode<msg::queue_batch>(x));
    return all;
  }
};

// Who does not read such batches would stop.
TEST_F(QueueSessionEnds, AreToldWhenAllServersReadThem) { // SPEC Q8
  install(1);
  EXPECT_EQ(end(7), ec::busy);
  read_version(core::queue_ends_version);
  ASSERT_TRUE(ends_soon(7));
  ASSERT_TRUE(has_payloads(1)); // Nobody else asks for anything.
  const auto batch = batches().front();
  EXPECT_EQ(batch.format, core::queue_format_ends);
  ASSERT_EQ(batch.requests.size(), 1u);
  EXPECT_EQ(batch.requests[0].verb, msg::queue_end_session);
  read_version(core::queue_ends_version - 1); // One came back as it was.
  EXPECT_TRUE(test::eventually([&] { return end(8) == ec::busy; }, patience));
}

// A pop that waits is submitted again, perhaps behind the end of its session.
TEST_F(QueueSessionEnds, WaitForWhatIsOpen) { // SPEC Q8
  install(1);
  read_version(core::queue_ends_version);
  auto waits = pop(); // Of session 1.
  ASSERT_TRUE(ends_soon(2));
  EXPECT_EQ(end(1), ec::busy);
  refuse(0);
  EXPECT_EQ(outcome(std::move(waits)), ec::busy);
  EXPECT_EQ(end(1), ec{});
}

TEST_F(QueueSessionEnds, AreNotWithQueuesWhoseIdsAreScattered) { // SPEC Q1
  install(1u << 24);
  read_version(core::queue_ends_version);
  ASSERT_TRUE(ends_soon(2));
  ASSERT_TRUE(has_payloads(1));
  ASSERT_EQ(end(3), ec{});
  msg::queue_request x;
  x.session.random[0] = 1;
  x.number = 1;
  x.verb = msg::queue_verb::create;
  x.label = "jobs";
  self->send(queues, msg::change_queue{x, 0ms}, door_caller{1});
  ASSERT_TRUE(has_payloads(3));
  for (const auto& batch : batches()) {
    ASSERT_EQ(batch.requests.size(), 1u);
    EXPECT_EQ(batch.format, batch.requests[0].verb == msg::queue_verb::create
                              ? core::queue_format_scattered
                              : core::queue_format_ends);
  }
}

struct QueueCopiesByTheLetter : QueueCopies {
  QueueCopiesByTheLetter() : QueueCopies{"highest-id-literal"} {
    // nop
  }
};

TEST_F(QueueCopiesByTheLetter, HaveScatteredIds) { // SPEC Q1, Q6
  install(1);
  EXPECT_EQ(format_of(msg::queue_verb::create), 2u);
  EXPECT_EQ(format_of(msg::queue_verb::destroy), 1u);
}

} // namespace
} // namespace dfs::actors
