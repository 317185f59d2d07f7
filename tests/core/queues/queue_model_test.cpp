#include "core/queues/queue_model.hpp"

#include "base/rng.hpp"
#include "core/queues/queue_rules.hpp"
#include "core/queues/queue_steps.hpp"
#include "core/queues/snapshot_pages.hpp"
#include "support/property.hpp"

#include <gtest/gtest.h>

// The state machine against the model, under what clients, networks and
// servers may do: repetitions of anything at any time, ticks, new sessions,
// answers read or not, limits that are reached, snapshots in the middle.

namespace dfs::core {
namespace {

using test::queue_client;
using test::queue_model;

/// Takes numbers apart: each choice uses up some of what is left of one.
struct choices {
  std::uint64_t left;

  std::uint64_t below(std::uint64_t bound) {
    const auto x = left % bound;
    left /= bound;
    return x;
  }
};

queue_limits small_limits() {
  return {.queues = 3,
          .items = 8,
          .bytes = 1'500,
          .sessions = 3,
          .window = 4,
          .unread_bytes = 200,
          .session_ticks = 3};
}

struct traffic {
  queue_machine machine{small_limits()};
  queue_model model{small_limits(), {}, {}, 0, 0, {}, {}};
  std::vector<queue_client> clients{queue_client{1}, queue_client{2},
                                    queue_client{3}};
  std::uint32_t names = 3;
  std::vector<msg::queue_request> sent;

  msg::queue_request fresh(choices& x) {
    auto& of = clients[x.below(clients.size())];
    const auto clock = machine.clock().value();
    if (clock > of.session.birth.value() + 3 && x.below(2) == 0)
      of = queue_client{++names, clock};
    if (x.below(8) != 0) // It has read most of what it was told.
      of.first = std::max(
        of.first,
        of.number + 1 - x.below(std::min(of.number, std::uint64_t{3}) + 1));
    const auto newest = static_cast<std::uint64_t>(model.made) + 1;
    const auto queue = newest - x.below(std::min<std::uint64_t>(newest, 4));
    const auto label = std::string(1, static_cast<char>('a' + x.below(4)));
    switch (x.below(12)) {
      case 0:
        return of.create(label);
      case 2:
        return of.find(label);
      case 3:
        return x.below(8) == 0 ? of.destroy(queue) : of.create(label);
      case 4:
        return of.top(queue);
      case 5:
        return of.size(queue);
      case 1:
      case 6:
      case 7:
        return of.pop(queue, x.below(2) == 0);
      case 8:
        return of.push(queue, test::bytes_item(std::string(x.below(80), 'x')));
      default:
        return of.push(queue, static_cast<std::int64_t>(x.below(100)));
    }
  }

  msg::queue_request choose(choices& x) {
    const auto what = x.below(32);
    if (what == 0)
      return test::tick_to(
        std::max<std::uint64_t>(1, machine.clock().value() + x.below(3)));
    if (what == 1) { // The next request of a new client.
      const auto birth = machine.clock().value() + 1 - x.below(3);
      clients[x.below(clients.size())] = queue_client{++names, birth};
    }
    if (what >= 8 && what < 16 && !sent.empty())
      return sent[x.below(sent.size())];
    if (what == 16) { // A client that uses a number for two things.
      auto other = fresh(x);
      other.number = std::max(other.first, other.number - 1);
      return other;
    }
    if (what == 17)
      sent.push_back(clients[x.below(clients.size())].end());
    else
      sent.push_back(fresh(x));
    return sent.back();
  }

  void step(std::uint64_t number) {
    choices x{number};
    std::vector<msg::queue_request> batch;
    for (auto count = 1 + x.below(3); count > 0; --count)
      batch.push_back(choose(x));
    const auto sequence = machine.sequence() + 1 + x.below(2);
    const auto asked = batch;
    const auto answers = machine.apply(sequence, batch);
    for (std::uint32_t i = 0; i < asked.size(); ++i)
      RC_ASSERT(answers[i] == model.ask(asked[i], {sequence, i}));
    machine.check();
    if (x.below(4) == 0)
      reload();
  }

  void reload() {
    snapshot_writer writer{machine};
    snapshot_loader loader{small_limits()};
    while (auto page = writer.next())
      RC_ASSERT(bool{loader.take(*std::move(page))});
    auto made = loader.finish();
    RC_ASSERT(bool{made});
    RC_ASSERT(made->state_hash() == machine.state_hash());
    machine = *std::move(made);
    machine.check();
  }
};

TEST(QueueModel, AgreesUnderAnyTraffic) { // SPEC Q1, Q5, Q8; I1-I6
  const auto numbers = rc::gen::resize(
    200, rc::gen::container<std::vector<std::uint64_t>>(
           rc::gen::inRange<std::uint64_t>(0, std::uint64_t{1} << 62)));
  test::check_property(
    [&] {
      traffic x;
      for (const auto number : *numbers)
        x.step(number);
    },
    1, 500);
}

// The traffic reaches what it is meant to reach.
TEST(QueueModel, TrafficMeetsEveryStatus) {
  rng random{7};
  traffic x;
  std::map<std::string_view, int> met;
  for (int i = 0; i < 50'000; ++i) {
    choices one{random.below(std::uint64_t{1} << 62)};
    auto request = x.choose(one);
    const auto asked = request;
    const auto sequence = x.machine.sequence() + 1;
    const auto answer = x.machine.apply(sequence, {&request, 1}).front();
    ASSERT_EQ(answer, x.model.ask(asked, {sequence, 0}));
    ++met[to_string(answer.status)];
  }
  EXPECT_EQ(met.size(), 10u);
  for (const auto& [status, times] : met)
    EXPECT_GT(times, 25) << status;
}

} // namespace
} // namespace dfs::core
