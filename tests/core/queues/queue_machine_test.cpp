#include "core/queues/queue_machine.hpp"

#include "core/queues/queue_rules.hpp"
#include "core/queues/queue_steps.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace dfs::core {
namespace {

using msg::queue_status;
using test::bytes_item;
using test::number_item;
using test::queue_client;
using test::queue_steps;
using test::tick_to;

struct QueueMachine : ::testing::Test {
  queue_steps x;
  queue_client alice{1};
  queue_client bob{2};

  ~QueueMachine() override {
    x.machine.check();
  }
};

TEST_F(QueueMachine, TheSameLabelGivesTheSameId) { // SPEC Q1
  EXPECT_EQ(x.ask(alice.create("jobs")).value, 1);
  EXPECT_EQ(x.ask(bob.create("jobs")).value, 1);
  EXPECT_EQ(x.ask(bob.create("others")).value, 2);
  EXPECT_EQ(x.ask(alice.find("jobs")).value, 1);
  const auto none = x.ask(alice.find("nothing"));
  EXPECT_EQ(none.value, -1);
  EXPECT_EQ(none.status, queue_status::no_queue);
}

TEST_F(QueueMachine, AnIdIsNeverUsedAgain) { // SPEC Q1, I1
  EXPECT_EQ(x.ask(alice.create("jobs")).value, 1);
  EXPECT_EQ(x.ask(alice.push(1, 5)).value, 1);
  EXPECT_EQ(x.ask(alice.destroy(1)).value, 1);
  EXPECT_EQ(x.ask(alice.find("jobs")).value, -1);
  EXPECT_EQ(x.ask(alice.create("jobs")).value, 2);
  EXPECT_EQ(x.status(alice.size(1)), queue_status::no_queue);
  EXPECT_EQ(x.ask(alice.size(2)).value, 0);
}

// Both sides of a split count on from here, and one of them will be discarded.
TEST_F(QueueMachine, AScatteredIdIsGivenOnOneSideOnly) { // SPEC Q1, Q6
  const auto scattered = [](queue_steps& at, msg::queue_request request) {
    const std::vector<bool> all{true};
    return at.machine
      .apply(at.machine.sequence() + 1, std::span{&request, 1}, all)
      .at(0)
      .value;
  };
  const auto id
    = [](std::int64_t value) { return static_cast<std::uint64_t>(value); };
  queue_steps other;
  queue_steps third;
  for (auto* at : {&x, &other, &third})
    scattered(*at, queue_client{3}.create("before"));
  const auto request = alice.create("jobs");
  const auto ours = scattered(x, request);
  const auto theirs = scattered(other, bob.create("others"));
  EXPECT_GT(ours, 1);
  EXPECT_NE(ours, theirs);
  EXPECT_EQ(x.machine.queues().get(queue_id{id(theirs)}), nullptr);
  // The next ones, though both have made as many; and without being scattered.
  EXPECT_NE(scattered(x, alice.create("more")),
            scattered(other, bob.create("more")));
  const auto plain = [&](queue_steps& at, msg::queue_request next) {
    return at.machine.apply(at.machine.sequence() + 1, std::span{&next, 1})
      .at(0)
      .value;
  };
  EXPECT_NE(plain(x, alice.create("plain")), plain(other, bob.create("plain")));
  other.machine.check();
  // A request that was under way, and is executed on both sides, is one.
  EXPECT_EQ(scattered(third, request), ours);
}

TEST_F(QueueMachine, ItemsLeaveInTheOrderInWhichTheyCame) { // SPEC Q1, I2
  x.ask(alice.create("jobs"));
  x.ask(alice.push(1, 10));
  x.ask(bob.push(1, bytes_item("text")));
  EXPECT_EQ(x.ask(bob.push(1, -1)).value, 3);
  EXPECT_EQ(x.ask(alice.top(1)).item, number_item(10));
  EXPECT_EQ(x.ask(alice.pop(1)).item, number_item(10));
  EXPECT_EQ(x.ask(alice.pop(1)).item, bytes_item("text"));
  const auto last = x.ask(bob.pop(1));
  EXPECT_EQ(last.item, number_item(-1));
  EXPECT_EQ(last.status, queue_status::done); // An item may be -1.
  EXPECT_EQ(last.value, 0);
  const auto none = x.ask(bob.pop(1));
  EXPECT_EQ(none.status, queue_status::empty);
  EXPECT_EQ(none.value, -1);
  EXPECT_EQ(x.status(bob.top(1)), queue_status::empty);
}

TEST_F(QueueMachine, WhatIsNotThereIsSaidToBeNotThere) { // SPEC Q1
  for (const auto id : {1u, 77u}) {
    EXPECT_EQ(x.status(alice.push(id, 1)), queue_status::no_queue);
    EXPECT_EQ(x.status(alice.pop(id)), queue_status::no_queue);
    EXPECT_EQ(x.status(alice.pop(id, true)), queue_status::no_queue);
    EXPECT_EQ(x.status(alice.top(id)), queue_status::no_queue);
    EXPECT_EQ(x.status(alice.size(id)), queue_status::no_queue);
    EXPECT_EQ(x.status(alice.destroy(id)), queue_status::no_queue);
  }
}

TEST_F(QueueMachine, ARepetitionIsAnsweredAndNotExecuted) { // SPEC Q8, I3
  x.ask(alice.create("jobs"));
  const auto push = alice.push(1, 10);
  const auto first = x.ask(push);
  x.ask(bob.push(1, 20));
  EXPECT_EQ(x.ask(push), first); // With the place of the execution.
  EXPECT_EQ(x.ask(alice.size(1)).value, 2);
  const auto pop = bob.pop(1);
  const auto popped = x.ask(pop);
  EXPECT_EQ(x.ask(pop), popped);
  EXPECT_EQ(x.ask(pop), popped);
  EXPECT_EQ(x.ask(alice.size(1)).value, 1);
  const auto destroy = alice.destroy(1);
  const auto destroyed = x.ask(destroy);
  EXPECT_EQ(x.ask(destroy), destroyed);
}

TEST_F(QueueMachine, ARefusalIsKeptToo) { // SPEC Q8: refused is never done
  x.ask(alice.create("jobs"));
  const auto pop = alice.pop(1);
  EXPECT_EQ(x.status(pop), queue_status::empty);
  const auto early = bob.push(2, 7);
  EXPECT_EQ(x.status(early), queue_status::no_queue);
  x.ask(bob.push(1, 10));
  x.ask(bob.create("second"));
  EXPECT_EQ(x.status(pop), queue_status::empty);
  EXPECT_EQ(x.status(early), queue_status::no_queue);
  EXPECT_EQ(x.ask(bob.size(1)).value, 1);
  EXPECT_EQ(x.ask(bob.size(2)).value, 0);
}

TEST_F(QueueMachine, OneMessageHoldsManyRequests) {
  std::vector<msg::queue_request> batch{alice.create("jobs"), alice.push(1, 1),
                                        alice.push(1, 2), bob.pop(1)};
  batch.push_back(batch[3]); // Twice in one message.
  const auto answers = x.machine.apply(9, batch);
  ASSERT_EQ(answers.size(), 5u);
  EXPECT_EQ(answers[3].item, number_item(1));
  EXPECT_EQ(answers[3].place, (msg::queue_place{9, 3}));
  EXPECT_EQ(answers[4], answers[3]);
  EXPECT_EQ(x.machine.sequence(), 9u);
}

TEST_F(QueueMachine, AnAnswerIsKeptUntilTheClientHasIt) { // SPEC Q8
  x.ask(alice.create("jobs"));
  const auto old = alice.push(1, 10);
  x.ask(old);
  EXPECT_EQ(x.machine.sessions().answers(), 2u);
  alice.first = alice.number + 1;
  x.ask(alice.push(1, 11));
  EXPECT_EQ(x.machine.sessions().answers(), 1u);
  EXPECT_EQ(x.status(old), queue_status::outside_window);
  EXPECT_EQ(x.ask(alice.size(1)).value, 2);
}

TEST_F(QueueMachine, AWindowHasALimit) { // SPEC Q8
  x.ask(alice.create("jobs"));
  for (int i = 1; i < 128; ++i)
    EXPECT_EQ(x.status(alice.push(1, i)), queue_status::done);
  auto late = alice.push(1, 128);
  EXPECT_EQ(x.status(late), queue_status::outside_window);
  EXPECT_EQ(x.ask(alice.size(1)).status, queue_status::done);
  late.first = 2; // Now the client has read the first.
  EXPECT_EQ(x.status(late), queue_status::done);
  EXPECT_EQ(x.machine.sessions().answers(), 128u);
}

TEST_F(QueueMachine, RequestsMayComeOutOfTheirOrder) { // SPEC Q8
  x.ask(alice.create("jobs"));
  const auto first = alice.push(1, 1);
  const auto second = alice.push(1, 2);
  EXPECT_EQ(x.ask(second).value, 1);
  EXPECT_EQ(x.ask(first).value, 2);
  EXPECT_EQ(x.ask(second).value, 1);
  EXPECT_EQ(x.ask(alice.pop(1)).item, number_item(2));
}

TEST_F(QueueMachine, ANumberServesOneVerb) {
  x.ask(alice.create("jobs"));
  x.ask(alice.push(1, 1));
  auto other = alice.pop(1);
  --other.number;
  EXPECT_EQ(x.status(other), queue_status::invalid);
  EXPECT_EQ(x.ask(alice.size(1)).value, 1);
}

TEST_F(QueueMachine, AnUnusedSessionExpiresByTicks) { // SPEC Q8, I3
  x.ask(alice.create("jobs"));
  const auto push = alice.push(1, 10);
  x.ask(push);
  x.tick(60);
  EXPECT_EQ(x.status(push), queue_status::done); // Used: it goes on.
  x.tick(60);
  EXPECT_EQ(x.machine.sessions().all().size(), 1u);
  x.tick();
  EXPECT_TRUE(x.machine.sessions().all().empty());
  EXPECT_EQ(x.machine.sessions().bytes(), 0u);
  EXPECT_EQ(x.status(push), queue_status::session_expired);
  EXPECT_EQ(x.status(alice.push(1, 11)), queue_status::session_expired);
  EXPECT_EQ(x.ask(alice.size(1)).value, 1); // A read needs no session.
  queue_client again{1, x.machine.clock().value()};
  EXPECT_EQ(x.status(again.push(1, 12)), queue_status::done);
}

// A late copy, however late: at no tick is it executed a second time.
TEST_F(QueueMachine, AnExpiredSessionIsNeverExecutedAgain) { // SPEC Q8, I3
  x.ask(alice.create("jobs"));
  x.tick(5);
  queue_client late{3, 5};
  const auto push = late.push(1, 10);
  x.ask(push);
  for (int i = 0; i < 300; ++i) {
    x.tick();
    if (i > 60)
      EXPECT_EQ(x.status(push), queue_status::session_expired) << i;
  }
  EXPECT_EQ(x.ask(alice.size(1)).value, 1);
}

TEST_F(QueueMachine, ABirthInTheFutureIsRefused) { // SPEC Q7, Q8
  queue_client stranger{4, 1};
  EXPECT_EQ(x.status(stranger.create("jobs")), queue_status::session_expired);
  x.tick();
  EXPECT_EQ(x.status(stranger.create("jobs")), queue_status::done);
}

TEST_F(QueueMachine, SeveralServersMakeOneTick) { // SPEC Q8
  EXPECT_EQ(x.ask(tick_to(1)).value, 1);
  EXPECT_EQ(x.ask(tick_to(1)).value, 1);
  EXPECT_EQ(x.ask(tick_to(3)).value, 1);
  EXPECT_EQ(x.ask(tick_to(2)).value, 2);
}

TEST_F(QueueMachine, APopThatWaitsIsNotOver) { // SPEC Q1, Q8
  x.ask(alice.create("jobs"));
  auto pop = bob.pop(1, true);
  EXPECT_EQ(x.status(pop), queue_status::waiting);
  EXPECT_EQ(x.status(pop), queue_status::waiting);
  x.ask(alice.push(1, 10));
  const auto popped = x.ask(pop);
  EXPECT_EQ(popped.item, number_item(10));
  x.ask(alice.push(1, 11));
  EXPECT_EQ(x.ask(pop), popped);
  pop.wait = false; // The final copy finds the answer as well.
  EXPECT_EQ(x.ask(pop), popped);
  EXPECT_EQ(x.ask(alice.size(1)).value, 1);
}

TEST_F(QueueMachine, AWaitThatWasGivenUpStaysGivenUp) { // SPEC Q8
  x.ask(alice.create("jobs"));
  auto pop = bob.pop(1, true);
  EXPECT_EQ(x.status(pop), queue_status::waiting);
  auto last = pop;
  last.wait = false;
  EXPECT_EQ(x.status(last), queue_status::empty);
  x.ask(alice.push(1, 10));
  EXPECT_EQ(x.status(pop), queue_status::empty);
  EXPECT_EQ(x.ask(alice.size(1)).value, 1);
}

TEST(QueueLimits, AreKeptWithATypedRefusal) { // I6
  queue_steps x{{.queues = 2, .items = 3, .bytes = 1'000, .sessions = 2}};
  queue_client alice{1};
  queue_client bob{2};
  queue_client carol{3};
  EXPECT_EQ(x.status(alice.create("a")), queue_status::done);
  EXPECT_EQ(x.status(alice.create("b")), queue_status::done);
  const auto third = alice.create("c");
  EXPECT_EQ(x.status(third), queue_status::full);
  EXPECT_EQ(x.status(alice.create("b")), queue_status::done);
  EXPECT_EQ(x.status(bob.push(1, 1)), queue_status::done);
  EXPECT_EQ(x.status(bob.push(1, 2)), queue_status::done);
  EXPECT_EQ(x.status(bob.push(2, 3)), queue_status::done);
  EXPECT_EQ(x.status(bob.push(2, 4)), queue_status::full);
  const auto early = carol.push(1, 5);
  EXPECT_EQ(x.status(early), queue_status::busy);
  x.ask(bob.destroy(2));
  EXPECT_EQ(x.status(third), queue_status::full); // Told is told.
  x.tick(61);
  EXPECT_EQ(x.status(early), queue_status::session_expired);
  x.machine.check();
}

TEST(QueueLimits, BytesOfAnswersCountToo) { // I6
  queue_steps x{{.bytes = 1'000, .unread_bytes = 600}};
  queue_client alice{1};
  queue_client bob{2};
  x.ask(alice.create("jobs"));
  alice.first = alice.number + 1;
  EXPECT_EQ(x.status(alice.push(1, bytes_item(std::string(300, 'a')))),
            queue_status::done);
  EXPECT_EQ(x.status(alice.push(1, bytes_item(std::string(300, 'b')))),
            queue_status::done);
  EXPECT_EQ(x.status(alice.push(1, bytes_item(std::string(300, 'c')))),
            queue_status::full);
  EXPECT_EQ(x.status(bob.pop(1)), queue_status::done);
  EXPECT_EQ(x.status(alice.push(1, bytes_item(std::string(300, 'c')))),
            queue_status::full); // What he was told is kept.
  EXPECT_EQ(x.status(bob.pop(1)), queue_status::unread);
  bob.first = 2; // He has the first answer.
  EXPECT_EQ(x.ask(bob.pop(1)).item, bytes_item(std::string(300, 'b')));
  x.machine.check();
}

TEST(QueueMachineReads, AreToldOutsideTheOrderAsWell) { // SPEC Q6
  queue_steps x;
  queue_client alice{1};
  x.ask(alice.create("jobs"));
  x.ask(alice.push(1, 5));
  const auto hash = x.machine.state_hash();
  EXPECT_EQ(x.machine.look(alice.find("jobs")).value, 1);
  EXPECT_EQ(x.machine.look(alice.top(1)).item, number_item(5));
  EXPECT_EQ(x.machine.look(alice.size(1)).place, (msg::queue_place{2, 0}));
  EXPECT_EQ(x.machine.look(alice.pop(1)).status, queue_status::invalid);
  EXPECT_EQ(x.machine.look(tick_to(1)).status, queue_status::invalid);
  EXPECT_EQ(x.machine.state_hash(), hash);
}

TEST(QueueStateHash, TellsStatesApart) { // I4
  const auto hash_of = [](auto&&... requests) {
    queue_steps x;
    (x.ask(requests), ...);
    return x.machine.state_hash();
  };
  queue_client a{1};
  queue_client b{2};
  const auto create = a.create("jobs");
  const auto one = a.push(1, 1);
  const auto two = a.push(1, 2);
  auto two_bytes = two;
  two_bytes.item = bytes_item("2");
  auto other = b.push(1, 1);
  other.number = one.number;
  const std::vector<std::uint64_t> hashes{hash_of(),
                                          hash_of(create),
                                          hash_of(create, one),
                                          hash_of(create, two),
                                          hash_of(create, two_bytes),
                                          hash_of(create, other),
                                          hash_of(create, one, two),
                                          hash_of(create, two, one),
                                          hash_of(create, one, tick_to(1))};
  for (std::size_t i = 0; i < hashes.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      EXPECT_NE(hashes[i], hashes[j]) << i << " " << j;
  EXPECT_EQ(hash_of(create, one), hash_of(create, one));
}

} // namespace
} // namespace dfs::core
