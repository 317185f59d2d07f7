#include "core/queues/waiting_pops.hpp"

#include "base/rng.hpp"
#include "core/queues/queue_rules.hpp"
#include "core/queues/queue_steps.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace dfs::core {
namespace {

using test::queue_client;

/// One server: a machine and the pops that wait at it.
struct WaitingPops : ::testing::Test {
  queue_machine machine;
  waiting_pops pops;
  queue_client alice{1};
  queue_client bob{2};
  queue_client carol{3};

  /// Applies a message. @returns what the server submits then.
  waiting_pops::requests apply(std::vector<msg::queue_request> batch) {
    const auto asked = batch;
    const auto answers = machine.apply(machine.sequence() + 1, batch);
    return pops.on_applied(asked, answers, machine.queues());
  }

  msg::queue_request wait(queue_client& x) {
    const auto pop = x.pop(1, true);
    EXPECT_TRUE(pops.add(pop));
    EXPECT_TRUE(apply({pop}).empty());
    return pop;
  }

  void SetUp() override {
    apply({alice.create("jobs")});
  }
};

TEST_F(WaitingPops, TheFirstIsSubmittedWhenAnItemComes) { // SPEC Q1
  const auto first = wait(bob);
  wait(carol);
  EXPECT_EQ(pops.size(), 2u);
  const auto submitted = apply({alice.push(1, 5)});
  ASSERT_EQ(submitted, waiting_pops::requests{first});
  EXPECT_TRUE(apply(submitted).empty());
  EXPECT_EQ(pops.size(), 1u);
  EXPECT_EQ(machine.queues().items(), 0u);
}

TEST_F(WaitingPops, AsManyAsThereAreItems) {
  const auto first = wait(bob);
  const auto second = wait(carol);
  const auto third = wait(alice);
  EXPECT_EQ(apply({alice.push(1, 5), alice.push(1, 6)}),
            (waiting_pops::requests{first, second}));
  // Two are under way: this item is for the third.
  EXPECT_EQ(apply({alice.push(1, 7)}), waiting_pops::requests{third});
}

TEST_F(WaitingPops, OneThatCameTooLateWaitsOn) { // SPEC Q8
  const auto pop = wait(bob);
  ASSERT_EQ(apply({alice.push(1, 5)}).size(), 1u);
  EXPECT_TRUE(apply({carol.pop(1)}).empty()); // Of another server.
  EXPECT_TRUE(apply({pop}).empty());
  EXPECT_EQ(pops.size(), 1u);
  EXPECT_EQ(apply({alice.push(1, 6)}), waiting_pops::requests{pop});
}

// One that was under way ends without the item that was there for it.
TEST_F(WaitingPops, AnItemLeftByOneIsForAnother) {
  bob.session.birth = queue_tick{0};
  const auto first = wait(bob);
  const auto second = wait(carol);
  const auto submitted = apply({alice.push(1, 5)});
  ASSERT_EQ(submitted, waiting_pops::requests{first});
  auto moved_on = bob.top(1);
  moved_on.first = moved_on.number; // Says that it has the answer already.
  EXPECT_TRUE(apply({moved_on}).empty());
  EXPECT_EQ(apply(submitted), waiting_pops::requests{second});
  EXPECT_TRUE(apply({second}).empty());
  EXPECT_EQ(machine.queues().items(), 0u);
}

TEST_F(WaitingPops, ADestroyedQueueEndsAll) {
  const auto first = wait(bob);
  const auto second = wait(carol);
  const auto submitted = apply({alice.destroy(1)});
  EXPECT_EQ(submitted, (waiting_pops::requests{first, second}));
  EXPECT_TRUE(apply(submitted).empty());
  EXPECT_EQ(pops.size(), 0u);
}

TEST_F(WaitingPops, WhoGivesUpAsksAFinalTime) { // SPEC Q8
  const auto pop = wait(bob);
  const auto last = pops.give_up(pop.session, pop.number);
  ASSERT_TRUE(last);
  EXPECT_FALSE(last->wait);
  // A copy that waits, from before, is not the answer.
  EXPECT_TRUE(apply({pop}).empty());
  EXPECT_EQ(pops.size(), 1u);
  EXPECT_TRUE(apply({*last}).empty());
  EXPECT_EQ(pops.size(), 0u);
  EXPECT_FALSE(pops.give_up(pop.session, pop.number));
}

TEST_F(WaitingPops, WhoIsGoneIsNotSubmitted) {
  const auto first = wait(bob);
  const auto second = wait(carol);
  pops.drop(first.session, first.number);
  EXPECT_EQ(apply({alice.push(1, 5)}), waiting_pops::requests{second});
}

TEST_F(WaitingPops, TheSameOneWaitsOnce) {
  const auto pop = wait(bob);
  EXPECT_FALSE(pops.add(pop));
  EXPECT_EQ(apply({alice.push(1, 5), alice.push(1, 6)}),
            waiting_pops::requests{pop});
}

TEST_F(WaitingPops, KeepTheirSessions) { // SPEC Q8
  const auto pop = wait(bob);
  for (std::uint64_t tick = 1; tick <= 300; ++tick) {
    apply({test::tick_to(tick)});
    apply(pops.renew(machine.clock(), 20));
  }
  EXPECT_EQ(pops.size(), 1u);
  const auto keep = queue_client{7, 300};
  auto pusher = keep;
  ASSERT_EQ(apply({pusher.push(1, 5)}), waiting_pops::requests{pop});
  EXPECT_TRUE(apply({pop}).empty());
  EXPECT_EQ(machine.queues().items(), 0u);
}

TEST_F(WaitingPops, AreSubmittedAgainAfterAChange) { // SPEC Q4
  const auto first = wait(bob);
  const auto second = wait(carol);
  ASSERT_EQ(apply({alice.push(1, 5)}).size(), 1u);
  EXPECT_EQ(pops.submit_all(), (waiting_pops::requests{first, second}));
}

/// Three servers, whose clients wait, give up, vanish and come back elsewhere;
/// what they submit is sequenced in any order, often twice.
struct waiting_traffic {
  static constexpr std::size_t servers = 3;

  explicit waiting_traffic(std::uint64_t seed) : random{seed} {
    queue_client first{1};
    sequence({first.create("jobs")});
  }

  rng random;
  queue_machine machine; ///< All servers' states are equal.
  std::vector<waiting_pops> pops{servers};
  std::vector<msg::queue_request> submitted;
  std::map<std::uint32_t, queue_client> clients;
  std::map<std::int64_t, int> taken; ///< Items, and how often.
  std::int64_t pushed = 0;
  std::uint32_t names = 10;

  void sequence(std::vector<msg::queue_request> batch) {
    const auto asked = batch;
    const auto answers = machine.apply(machine.sequence() + 1, batch);
    for (std::size_t i = 0; i < asked.size(); ++i)
      if (asked[i].verb == msg::queue_verb::pop
          && answers[i].status == msg::queue_status::done
          && answers[i].place
               == msg::queue_place{machine.sequence(),
                                   static_cast<std::uint32_t>(i)})
        ++taken[answers[i].item.number];
    for (auto& server : pops)
      submit(server.on_applied(asked, answers, machine.queues()));
  }

  void submit(const waiting_pops::requests& x) {
    submitted.insert(submitted.end(), x.begin(), x.end());
  }

  void step() {
    switch (random.below(6)) {
      case 0: { // A new client waits, perhaps at two servers.
        queue_client fresh{++names};
        const auto pop = fresh.pop(1, true);
        for (auto times = 1 + random.below(2); times > 0; --times)
          if (pops[random.below(servers)].add(pop))
            submitted.push_back(pop);
        clients.emplace(names, fresh);
        break;
      }
      case 1: {
        queue_client producer{++names};
        submitted.push_back(producer.push(1, ++pushed));
        break;
      }
      case 2:
        if (!clients.empty() && random.one_in(3)) {
          auto who = clients.begin();
          std::advance(who, random.below(clients.size()));
          auto& server = pops[random.below(servers)];
          const auto last = server.give_up(who->second.session, 1);
          if (last)
            submitted.push_back(*last);
        }
        break;
      default:
        sequence_some();
    }
  }

  void sequence_some() {
    if (submitted.empty())
      return;
    std::vector<msg::queue_request> batch;
    for (auto n = 1 + random.below(3); n > 0 && !submitted.empty(); --n) {
      const auto which
        = submitted.begin()
          + static_cast<std::ptrdiff_t>(random.below(submitted.size()));
      batch.push_back(*which);
      if (!random.one_in(4)) // Else it is sequenced again, later.
        submitted.erase(which);
    }
    sequence(std::move(batch));
  }
};

// While an item is there, nobody waits in vain; each item goes to one pop.
TEST(WaitingPopsTraffic, NobodySleepsBesideAnItem) { // SPEC Q8, I11, I12
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    waiting_traffic x{seed};
    for (int i = 0; i < 500; ++i)
      x.step();
    while (!x.submitted.empty())
      x.sequence_some();
    std::size_t waiting = 0;
    for (const auto& server : x.pops)
      waiting += server.size();
    ASSERT_TRUE(waiting == 0 || x.machine.queues().items() == 0)
      << waiting << " wait, " << x.machine.queues().items() << " items";
    for (const auto& [item, times] : x.taken)
      ASSERT_EQ(times, 1) << item;
    ASSERT_EQ(x.taken.size() + x.machine.queues().items(),
              static_cast<std::size_t>(x.pushed));
  }
}

} // namespace
} // namespace dfs::core
