#include "support/multicast_machines.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <type_traits>

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

class MulticastMachines : public multicast_machines {};

TEST_F(MulticastMachines, OwnersTakeTurns) { // SPEC Q2
  config.message_bytes = msg::multicast_body_bytes_short;
  begin(3);
  run(300ms);
  std::uint64_t orders = 0;
  pass = [&](auto from, auto, const auto& packet) {
    for (const auto& x : packet.parts)
      if (const auto* order = std::get_if<msg::multicast_order>(&x)) {
        EXPECT_EQ(from, order->k % 3);
        ++orders;
      }
    return true;
  };
  for (submit_token i = 1; i <= 30; ++i)
    submit(i % 2, i, std::string(1'000, static_cast<char>('a' + i)));
  run(50ms);
  EXPECT_EQ(orders, 60u); // Each to two others, each once.
  EXPECT_EQ(safe.size(), 30u);
  EXPECT_EQ(delivered[0].size(), 30u);
  EXPECT_EQ(delivered[0], delivered[1]);
  EXPECT_EQ(delivered[0], delivered[2]);
}

// The leader asks again: nobody begins anew, and nobody tells itself.
TEST_F(MulticastMachines, ALostAnswerToTheLeaderIsRepeated) { // SPEC Q5
  unsigned lost = 0;
  pass = [&](auto from, auto to, const auto& packet) {
    EXPECT_NE(from, to);
    for (const auto& x : packet.parts)
      if (std::holds_alternative<msg::members_gathered>(x) && lost < 2) {
        ++lost;
        return false;
      }
    return true;
  };
  begin(3);
  run(300ms);
  EXPECT_EQ(lost, 2u);
  std::set<std::uint64_t> epochs;
  for (const auto& x : machines)
    epochs.insert(x->record().promised.epoch);
  EXPECT_EQ(epochs, std::set<std::uint64_t>{1});
  submit(0, 1, "x");
  run(50ms);
  EXPECT_EQ(safe.size(), 1u);
}

// What a former life has is not there any more. Its answer comes late, and does
// not take the place of the one that counts.
TEST_F(MulticastMachines, AnswersOfFormerLivesDoNotCount) { // SPEC Q5
  std::map<std::size_t, unsigned> answers;
  pass = [&](auto from, auto to, const auto& packet) {
    for (const auto& x : packet.parts)
      if (const auto* told = std::get_if<msg::members_gathered>(&x);
          told && ++answers[from] == 1) {
        auto former = packet;
        auto part = *told;
        part.standing.who.life = life_id{9};
        former.parts = {part};
        network.emplace_back(to, former);
      }
    return true;
  };
  begin(3);
  run(100ms);
  ASSERT_EQ(answers.size(), 2u);
  for (const auto& x : machines) {
    ASSERT_NE(x->configuration(), nullptr);
    EXPECT_EQ(x->configuration()->id.epoch, 1u);
  }
}

// Nor alone.
TEST_F(MulticastMachines, NothingIsFormedWithAFormerLife) { // SPEC Q5
  pass = [&](auto, auto to, const auto& packet) {
    for (const auto& x : packet.parts)
      if (const auto* told = std::get_if<msg::members_gathered>(&x)) {
        auto former = *told;
        former.standing.who.life = life_id{9};
        auto forged = packet;
        forged.parts = {former};
        network.emplace_back(to, forged);
        return false;
      }
    return true;
  };
  begin(3);
  run(100ms);
  for (const auto& x : machines)
    EXPECT_TRUE(x->record().history.empty());
}

TEST_F(MulticastMachines, AnIdleMemberHoldsNobodyUp) { // SPEC Q3
  begin(3);
  run(300ms);
  std::uint64_t other_than_beacons = 0;
  pass = [&](auto, auto, const auto& packet) {
    for (const auto& x : packet.parts)
      other_than_beacons
        += std::holds_alternative<msg::group_beacon>(x) ? 0 : 1;
    other_than_beacons += packet.parts.empty() ? 1 : 0;
    return true;
  };
  run(2s);
  EXPECT_EQ(other_than_beacons, 0u);
  for (submit_token i = 1; i <= 10; ++i) {
    submit(0, i, "x"); // All by one: the others give their places to it.
    run(3ms);
    EXPECT_EQ(safe.size(), i);
  }
}

TEST_F(MulticastMachines, TheLastMessageIsRepaired) { // SPEC Q3
  begin(3);
  run(300ms);
  int lost = 0;
  pass = [&](auto, auto, const auto& packet) { // The first three of each.
    for (const auto& x : packet.parts)
      if (x.index() < 2 && lost < 6)
        return ++lost > 6;
    return true;
  };
  submit(0, 1, "last");
  run(300ms);
  EXPECT_EQ(lost, 6);
  EXPECT_EQ(safe, (std::vector<submit_token>{1}));
  for (const auto& x : delivered)
    EXPECT_EQ(x, (std::vector<std::string>{"last"}));
}

// An owner stops where somebody would have to keep too much for the slowest.
TEST_F(MulticastMachines, NobodyIsLeftFarBehind) { // SPEC Q3
  config.unstable = 10;
  durable = true;
  begin(3);
  run(1s);
  hung = {2};
  for (submit_token i = 1; i <= 30; ++i) {
    submit(0, i, "x");
    run(2ms);
  }
  EXPECT_EQ(machines[0]->status().received, 10u);
  hung = {};
  run(100ms);
  EXPECT_EQ(safe.size(), 30u);
  for (const auto& x : machines)
    EXPECT_EQ(x->status().conflicts, 0u);
}

// All others wait behind it, and of an answer in many datagrams few arrive
// whole: who left it at ten tries a second held the group up for seconds.
TEST_F(MulticastMachines, TheFirstPlaceThatIsMissingIsAskedForOften) {
  begin(3);
  run(300ms);
  std::map<std::uint64_t, int> asked;
  pass = [&](auto from, auto to, const auto& packet) {
    for (const auto& x : packet.parts) {
      if (to == 2
          && (std::holds_alternative<msg::multicast_data>(x)
              || std::holds_alternative<msg::multicast_resend>(x)))
        return false;
      if (const auto* nack = std::get_if<msg::multicast_nack>(&x);
          nack != nullptr && from == 2)
        for (const auto k : nack->bodies)
          ++asked[k];
    }
    return true;
  };
  const auto first = machines[2]->status().received + 1;
  submit(0, 1, "first");
  run(1s); // The waits have grown as far as they do.
  asked.clear();
  run(1s);
  ASSERT_EQ(machines[2]->status().received, first - 1);
  EXPECT_GE(asked[first], 40);
  EXPECT_LE(asked[first], 100);
}

// What answers one NACK is bounded: buffers are small.
TEST_F(MulticastMachines, AnswersToANackAreBounded) { // SPEC Q3
  begin(3);
  run(300ms);
  for (submit_token i = 1; i <= 100; ++i)
    submit(0, i, std::string(4'094, 'x'));
  run(300ms);
  ASSERT_EQ(safe.size(), 100u);
  std::size_t bodies = 0, orders = 0;
  pass = [&](auto from, auto, const auto& packet) {
    for (const auto& x : packet.parts)
      if (from == 1) {
        bodies += std::holds_alternative<msg::multicast_resend>(x) ? 1 : 0;
        orders += std::holds_alternative<msg::multicast_order>(x) ? 1 : 0;
      }
    return false;
  };
  msg::multicast_packet packet;
  packet.group = fingerprint_of(config);
  packet.sender = server_id{1};
  packet.life = life_id{1};
  packet.configuration = machines[1]->configuration()->id;
  msg::multicast_nack nack;
  const auto last = machines[1]->status().received;
  const auto first = last - 39;
  for (auto k = first; k <= last; ++k)
    nack.bodies.push_back(k);
  packet.parts = {nack};
  perform(1, machines[1]->on_packet(packet, now));
  std::size_t expected = 0;
  for (std::size_t bytes = 0; bytes < msg::resend_bytes_max; ++expected)
    bytes += 4'096;
  EXPECT_LE(bodies, expected);
  EXPECT_GT(bodies, 10u);
  msg::multicast_nack many;
  for (std::uint64_t k = 1; k <= last; ++k)
    many.orders.push_back(k);
  many.orders.resize(70, last);
  packet.parts = {many};
  perform(1, machines[1]->on_packet(packet, now));
  EXPECT_EQ(orders, msg::nack_places_max);
}

// A member that waits for its disk has nothing to tell.
TEST_F(MulticastMachines, TellsWhatHasGrownOnly) { // SPEC Q3
  durable = true;
  begin(3);
  run(1s);
  for (const submit_token i : {1, 2}) {
    submit(0, i, "x");
    run(2ms);
  }
  std::size_t status = 0;
  pass = [&](auto from, auto, const auto& packet) {
    status += from == 2 && packet.parts.empty() ? 1 : 0;
    return true;
  };
  hung = {2};
  submit(0, 3, "y"); // The first gives it its place.
  run(10ms);
  EXPECT_EQ(machines[2]->status().received, 3u);
  EXPECT_EQ(status, 0u);
}

TEST_F(MulticastMachines, GivesNothingBackInABatch) {
  begin(3);
  run(300ms);
  machines[0]->begin_batch();
  EXPECT_TRUE(machines[0]->submit(1, "x", now).empty());
  EXPECT_TRUE(machines[0]->submit(2, "y", now).empty());
  const auto effects = machines[0]->end_batch(now);
  EXPECT_FALSE(effects.empty());
  perform(0, effects);
  run(50ms);
  EXPECT_EQ(safe.size(), 2u);
}

TEST_F(MulticastMachines, DutyIsOverWhenItIsDone) {
  begin(1);
  run(1s);
  const auto due = *machines[0]->next_deadline();
  ASSERT_GT(due, now);
  now = due;
  perform(0, machines[0]->tick(now));
  EXPECT_GT(*machines[0]->next_deadline(), due);
}

// However long its clock has run.
TEST_F(MulticastMachines, WhoStartsSaysSoAtOnce) { // SPEC Q5
  now = instant{10ms};
  std::size_t beacons = 0;
  pass = [&](auto, auto, const auto& packet) {
    for (const auto& x : packet.parts)
      beacons += std::holds_alternative<msg::group_beacon>(x) ? 1 : 0;
    return true;
  };
  begin(3);
  EXPECT_EQ(beacons, 6u);
}

// Each order to the next owner is lost: everybody else knows that it stands.
TEST_F(MulticastMachines, ALostTurnIsTakenSoon) { // SPEC Q3
  begin(3);
  run(300ms);
  std::set<std::uint64_t> lost;
  pass = [&](auto from, auto to, const auto& packet) {
    for (const auto& x : packet.parts)
      if (const auto* order = std::get_if<msg::multicast_order>(&x))
        if (order->k % 3 == from && (order->k + 1) % 3 == to
            && lost.insert(order->k).second)
          return false;
    return true;
  };
  const auto began = now;
  for (submit_token i = 1; i <= 30; ++i)
    submit(i % 3, i, std::string(8'000, 'x'));
  while (safe.size() < 30 && now < began + 1s)
    run(1ms);
  EXPECT_GE(lost.size(), 30u);
  // Two milliseconds before the first loss is noticed, then half of one each.
  EXPECT_LE(now - began, 30 * 2ms);
}

TEST_F(MulticastMachines, AnUnheardHalfRefuses) { // SPEC Q6
  begin(3);
  submit(0, 1, "too early");
  EXPECT_EQ(refused, (std::vector<submit_token>{1}));
  run(300ms);
  pass = [](auto from, auto to, const auto&) {
    return (from == 2) == (to == 2); // {1, 2} and {3}.
  };
  run(1'500ms);
  EXPECT_TRUE(machines[0]->serving());
  EXPECT_FALSE(machines[2]->serving());
  submit(2, 2, "alone");
  EXPECT_EQ(refused, (std::vector<submit_token>{1, 2}));
  submit(0, 3, "together");
  run(50ms);
  EXPECT_EQ(safe, (std::vector<submit_token>{3}));
  pass = [](auto, auto, const auto&) { return true; };
  run(1'500ms);
  EXPECT_TRUE(machines[2]->serving()); // SPEC Q5
  EXPECT_EQ(delivered[2], (std::vector<std::string>{"together"}));
}

// By the letter both sides are primary; the one with the highest server stays,
// although a server of the other one hears of it before its neighbour does.
// SPEC O3: all hear each other, and no change ends.
TEST_F(MulticastMachines, AGroupThatChangesTellsForHowLong) {
  begin(3);
  run(300ms);
  for (const auto& machine : machines)
    EXPECT_EQ(machine->status().changing, 0ms);
  pass = [](auto, auto, const auto& packet) {
    return std::ranges::none_of(packet.parts, [](const auto& x) {
      return std::holds_alternative<msg::member_ready>(x);
    });
  };
  restart(0, disk_of(0)); // Makes a change necessary.
  run(3s);
  for (const auto& machine : machines) {
    EXPECT_GT(machine->status().changing, 2s);
    EXPECT_LE(machine->status().changing, 3s);
  }
  pass = [](auto, auto, const auto&) { return true; };
  run(2s);
  for (const auto& machine : machines)
    EXPECT_EQ(machine->status().changing, 0ms);
}

TEST_F(MulticastMachines, TheLowerSideDoesNotGoOnAboveTheHigher) { // SPEC Q7
  begin(3, primary_rule::highest_id_literal);
  run(300ms);
  pass = [](auto from, auto to, const auto&) { return from != 2 && to != 2; };
  run(2s);
  submit(0, 1, "low");
  submit(2, 2, "high");
  run(100ms);
  EXPECT_EQ(safe.size(), 2u);
  pass = [](auto from, auto to, const auto&) { // One way first.
    return (from != 2 && to != 2) || (from == 2 && to == 0);
  };
  run(400ms);
  pass = [](auto, auto, const auto&) { return true; };
  run(5s);
  for (const auto& machine : machines) {
    ASSERT_NE(machine->configuration(), nullptr);
    EXPECT_EQ(machine->configuration()->members.size(), 3u);
  }
  EXPECT_GT(replaced[server_id{1}], 0);
  EXPECT_GT(replaced[server_id{2}], 0);
  EXPECT_EQ(replaced[server_id{3}], 0);
}

TEST_F(MulticastMachines, AnOperatorMayGoOnAlone) { // SPEC Q10
  begin(3);
  run(300ms);
  pass = [](auto, auto, const auto&) { return false; };
  run(1'500ms);
  EXPECT_FALSE(machines[1]->serving());
  perform(1, machines[1]->force_primary(now, false));
  run(300ms);
  EXPECT_TRUE(machines[1]->serving());
  EXPECT_FALSE(machines[0]->serving());
  submit(1, 1, "alone");
  run(20ms);
  EXPECT_EQ(safe, (std::vector<submit_token>{1}));
}

// The others come back, and go on by the rule before they hear of it.
TEST_F(MulticastMachines, WhatAnOperatorForcedStays) { // SPEC Q10
  begin(3);
  run(300ms);
  pass = [](auto from, auto to, const auto&) { return from != 0 && to != 0; };
  run(1'500ms);
  pass = [](auto, auto, const auto&) { return false; };
  run(1'500ms);
  perform(0, machines[0]->force_primary(now, false));
  run(300ms);
  submit(0, 1, "forced");
  pass = [](auto from, auto to, const auto&) { return from != 0 && to != 0; };
  run(1'500ms);
  ASSERT_TRUE(machines[0]->serving());
  ASSERT_TRUE(machines[2]->serving());
  submit(2, 2, "by the rule");
  run(100ms);
  EXPECT_EQ(safe.size(), 2u);
  pass = [](auto, auto, const auto&) { return true; };
  run(3s);
  for (const auto& machine : machines) {
    ASSERT_NE(machine->configuration(), nullptr);
    EXPECT_EQ(machine->configuration()->members.size(), 3u);
  }
  EXPECT_EQ(replaced[server_id{1}], 0);
  EXPECT_GT(replaced[server_id{2}], 0);
  EXPECT_GT(replaced[server_id{3}], 0);
}

// Who is missing may have gone on without them.
TEST_F(MulticastMachines, WhoHasStartedListensFirst) { // SPEC Q7
  begin(3);
  run(300ms);
  ASSERT_TRUE(machines[0]->serving());
  restart_with_state(1);
  restart_with_state(2);
  pass = [](auto from, auto to, const auto&) { return from != 0 && to != 0; };
  const auto began = now;
  while (!machines[2]->serving() && now < began + 5s)
    run(1ms);
  EXPECT_GE(now - began, 800ms);
  EXPECT_LE(now - began, 1s);
}

TEST_F(MulticastMachines, ADonorMayNotHoldWhatAMemberLacks) { // SPEC Q10
  begin(3);
  run(300ms);
  pass = [](auto, auto to, const auto&) { return to != 2; };
  run(900ms);
  for (submit_token i = 1; i <= 50; ++i)
    submit(0, i, std::string(1'000, 'x'));
  run(50ms);
  ASSERT_EQ(safe.size(), 50u);
  // The third one hears whose order goes on, and nothing of it.
  const auto drop = [this]<class Part>(std::type_identity<Part>, auto which) {
    pass = [which](auto, auto, const auto& packet) {
      for (const auto& x : packet.parts)
        if (const auto* part = std::get_if<Part>(&x); part && which(*part))
          return false;
      return true;
    };
  };
  drop(std::type_identity<msg::items_fetched>{},
       [](const auto& x) { return !x.items.empty(); });
  run(250ms);
  EXPECT_EQ(machines[2]->record().lineage, machines[0]->record().lineage);
  EXPECT_EQ(machines[2]->position().k, 0u);
  // The others start again, from a checkpoint. To fetch their state takes
  // longer than to begin a change.
  restart_with_state(0);
  restart_with_state(1);
  drop(std::type_identity<msg::page_fetched>{},
       [this, until = now + 500ms](const auto&) { return now < until; });
  run(3s);
  for (const auto& x : machines) {
    ASSERT_NE(x->configuration(), nullptr);
    EXPECT_EQ(x->configuration()->members.size(), 3u);
    EXPECT_EQ(x->position(), machines[0]->position());
  }
  EXPECT_EQ(replaced, (std::map<server_id, int>{{server_id{3}, 1}}));
}

// Goal: by the letter a state may be older than what its order has of this
// server's own messages. Method: server 2 is made up, after three messages.
TEST_F(MulticastMachines, AnOlderStateEndsNoSubmit) { // SPEC Q7
  msg::multicast_packet said;
  std::vector<msg::message_body> bodies;
  pass = [&](auto from, auto, const auto& packet) {
    for (const auto& x : packet.parts) {
      if (std::holds_alternative<msg::group_beacon>(x) && from == 1)
        said = packet;
      if (const auto* data = std::get_if<msg::multicast_data>(&x))
        bodies.push_back(data->body);
    }
    return true;
  };
  begin(2, primary_rule::highest_id_literal);
  run(300ms);
  std::vector<order_position> positions;
  for (submit_token i = 1; i <= 3; ++i) {
    submit(0, i, std::to_string(i));
    run(3ms);
    positions.push_back(machines[0]->position());
  }
  ASSERT_EQ(bodies.size(), 3u);
  // Two more, under way in one message as server 2 goes on alone.
  std::vector<msg::fetch_pages> asked;
  pass = [&](auto, auto, const auto& packet) {
    for (const auto& x : packet.parts)
      if (const auto* pages = std::get_if<msg::fetch_pages>(&x))
        asked.push_back(*pages);
    return false;
  };
  machines[0]->begin_batch();
  for (submit_token i = 4; i <= 5; ++i)
    submit(0, i, std::to_string(i));
  perform(0, machines[0]->end_batch(now));
  auto beacon = std::get<msg::group_beacon>(said.parts.at(0));
  const msg::configuration_id alone{9, server_id{2}};
  beacon.standing.known
    = {alone, beacon.standing.lineage, 4, {beacon.standing.who}};
  beacon.standing.lineage = beacon.operating = alone;
  beacon.final = 3;
  const auto hear = [&](msg::multicast_part part) {
    said.configuration = alone;
    said.parts = {std::move(part)};
    perform(0, machines[0]->on_packet(said, now));
    run(5ms);
  };
  hear(beacon);
  // The state after the first of the three, then what follows it.
  auto length = [](std::size_t x) {
    return std::string{static_cast<char>(x)} + std::string(7, '\0');
  };
  const auto head = encode(positions[0]);
  snapshot_source source;
  source.hold(1, 1, length(head.size()) + head + length(0) + "state", now);
  hear(source.offer(alone));
  ASSERT_FALSE(asked.empty());
  hear(source.pages(asked[0], now).at(0));
  ASSERT_EQ(machines[0]->position(), positions[0]);
  msg::items_fetched items{alone, {}, 1, positions[0].chain, 3, {}, {}};
  for (std::uint64_t k = 2; k <= 3; ++k)
    items.items.push_back({k, bodies[k - 1]});
  hear(items);
  EXPECT_EQ(machines[0]->position(), positions[2]);
  EXPECT_EQ(safe, (std::vector<submit_token>{1, 2, 3}));
}

TEST_F(MulticastMachines, SixteenServersFitIntoDatagrams) {
  begin(16);
  run(400ms);
  for (const auto& x : machines)
    EXPECT_TRUE(x->serving());
}

} // namespace
} // namespace dfs::core
