#include "actors/failure_detector.hpp"

#include "support/detector_group.hpp"
#include "wire/codec.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace dfs::actors {
namespace {

using namespace std::chrono_literals;
using test::group_node;

struct FailureDetectorTest : ::testing::Test, test::detector_group {
  group_node& alice = spawn(msg::role::introducer, true);

  /// Alice's group, of `count` members.
  void form(std::size_t count) {
    ASSERT_TRUE(join(alice));
    while (nodes.size() < count) {
      const auto joined = join(spawn(msg::role::chunkserver));
      ASSERT_TRUE(joined) << sys.render(joined.error());
    }
    pass(2s);
    for (const auto& node : nodes)
      ASSERT_EQ(list(*node).size(), count) << node->record.name;
  }

  /// Nothing that this node sends or should get passes from now on.
  void cut_off(const group_node& node) {
    const auto where = node.record.id.address();
    fabric->passes = [where](const endpoint& from, const endpoint& to) {
      return from != where && to != where;
    };
  }

  const failure_detector_state& state_of(const group_node& node) {
    using actor
      = failure_detector_actor::stateful_pointer<failure_detector_state>;
    return dynamic_cast<actor>(
             caf::actor_cast<caf::abstract_actor*>(node.detector))
      ->state;
  }

  bool knows(const group_node& node, const msg::member_id& whom) {
    const auto ids = list(node);
    return std::find(ids.begin(), ids.end(), whom) != ids.end();
  }
};

TEST_F(FailureDetectorTest, FoundsAGroupOfItsOwn) { // SPEC M2
  const auto joined = join(alice);
  ASSERT_TRUE(joined);
  EXPECT_EQ(joined->self, alice.record);
  EXPECT_EQ(joined->members, 1u);
  EXPECT_EQ(list(alice), std::vector{alice.record.id});
  EXPECT_TRUE(status(alice).joined);
  const auto again = ask<msg::group_joined>(alice.detector, msg::join_group{});
  EXPECT_EQ(*again, *joined) << "it is in, and answers at once";
}

TEST_F(FailureDetectorTest, LetsOthersIn) { // SPEC M2
  form(3);
  const auto all
    = ask<msg::member_list>(nodes[2]->membership, msg::list_members{});
  ASSERT_TRUE(all);
  EXPECT_EQ(all->self, nodes[2]->record.id);
  EXPECT_EQ(all->members[0], alice.record);
  const auto shown = status(*nodes[1]);
  EXPECT_EQ(shown.monitored.size(), 2u);
  EXPECT_EQ(shown.members, 3u);
  EXPECT_TRUE(shown.suspects.empty());
  EXPECT_EQ(shown.malformed, 0u);
  EXPECT_LE(shown.lag_max, 10ms); // Time goes in steps of that.
}

TEST_F(FailureDetectorTest, CountsWhomItSuspects) { // SPEC O3
  form(3);
  const auto& counters = *state_of(alice).options.counters;
  EXPECT_EQ(counters.suspects, 0u);
  cut_off(*nodes[2]);
  std::uint64_t most = 0;
  for (auto i = 0; i < 80; ++i) {
    pass(100ms);
    most = std::max(most, counters.suspects.load());
  }
  EXPECT_EQ(most, 1u);
  EXPECT_EQ(counters.suspects, 0u) << "it is off the list";
}

TEST_F(FailureDetectorTest, KeepsTheAddressesOfMembers) { // SPEC M2
  form(3);
  pass(3s);
  EXPECT_EQ(nodes[2]->known->size(), 2u);
  end(*nodes[1]);
  pass(9s);
  ASSERT_EQ(nodes[2]->known->size(), 2u);
  const core::known_address first{address(1), 0s};
  EXPECT_EQ(nodes[2]->known->front(), first);
  EXPECT_EQ(nodes[2]->known->back().where, address(2)) << "it may be back";
}

TEST_F(FailureDetectorTest, TellsThatNobodyAnswers) { // SPEC M4
  using core::group_reach;
  form(4);
  cut_off(*nodes[3]);
  pass(3s);
  const auto& deaf = *nodes[3]->reaches;
  EXPECT_EQ(deaf,
            (std::vector{group_reach::answered, group_reach::unanswered}));
  pass(3s);
  EXPECT_EQ(deaf.back(), group_reach::alone);
  fabric->passes = [](const endpoint&, const endpoint&) { return true; };
  pass(6s);
  EXPECT_EQ(deaf.back(), group_reach::answered);
  EXPECT_EQ(list(*nodes[3]).size(), 4u);
  for (auto i : {0, 1, 2})
    EXPECT_EQ(*nodes[i]->reaches, std::vector{group_reach::answered}) << i;
}

TEST_F(FailureDetectorTest, SaysThatNoIntroducerAnswersAndGoesOnAsking) {
  auto& bob = spawn(msg::role::chunkserver); // SPEC M2
  const auto request = msg::join_group{{}, false, 1'500ms};
  const auto lonely
    = ask_for<msg::group_joined>(bob.detector, request, 1'600ms);
  EXPECT_EQ(lonely.error(), ec::timed_out);
  EXPECT_FALSE(status(bob).joined);
  ASSERT_TRUE(join(alice)); // The introducer is up at last.
  pass(2s);
  EXPECT_TRUE(ask<msg::group_joined>(bob.detector, msg::join_group{}));
}

TEST_F(FailureDetectorTest, HandsARefusalOn) {
  form(1);
  ASSERT_TRUE(join(spawn(msg::role::master)));
  const auto refused = join(spawn(msg::role::master));
  EXPECT_EQ(refused.error(), ec::master_exists);
  pass(1s);
  EXPECT_EQ(list(alice).size(), 2u);
}

// Newer metadata: perhaps the master in its way has just died.
TEST_F(FailureDetectorTest, AsksOnWhenARefusalMayPass) { // SPEC S7
  form(1);
  ASSERT_TRUE(join(spawn(msg::role::master)));
  auto& second = spawn(msg::role::master, false, master_term{1});
  const auto refused = ask_for<msg::group_joined>(
    second.detector, msg::join_group{{}, false, 1'500ms}, 1'600ms);
  EXPECT_EQ(refused.error(), ec::unavailable);
  EXPECT_EQ(list(alice).size(), 2u);
  end(*nodes[1]);
  pass(8s);
  EXPECT_TRUE(ask<msg::group_joined>(second.detector, msg::join_group{}));
  EXPECT_EQ(list(alice).size(), 2u);
}

TEST_F(FailureDetectorTest, TellsOfACrashInTime) { // SPEC M4
  form(5);
  const auto dead = nodes[3]->record.id;
  self->send(alice.membership, msg::watch_members{},
             caf::actor_cast<member_listener_actor>(self));
  end(*nodes[3]);
  pass(2s);
  std::size_t suspecting = 0;
  for (auto i : {0, 1, 2, 4})
    for (const auto& suspect : status(*nodes[i]).suspects) {
      EXPECT_EQ(suspect.member, dead);
      EXPECT_GT(suspect.age, 0ms);
      ++suspecting;
    }
  EXPECT_EQ(suspecting, 4u);
  pass(3s);
  for (auto i : {0, 1, 2, 4})
    EXPECT_FALSE(knows(*nodes[i], dead)) << i;
  bool told = false;
  bool more = true;
  self->receive_while(more)(
    [&](const msg::member_changed& x) {
      EXPECT_EQ(x.change, msg::member_change::failed);
      EXPECT_EQ(x.member, nodes[3]->record);
      EXPECT_NE(x.cause, "");
      told = true;
    },
    [](const msg::member_list&) {}, caf::after(0s) >> [&] { more = false; });
  EXPECT_TRUE(told);
}

TEST_F(FailureDetectorTest, SaysGoodbye) { // SPEC M4, M6
  form(3);
  auto& bob = *nodes[1];
  const auto left
    = ask_for<msg::group_left>(bob.detector, msg::leave_group{}, 1s);
  ASSERT_TRUE(left);
  EXPECT_EQ(left->self, bob.record.id);
  EXPECT_TRUE(list(bob).empty());
  EXPECT_FALSE(knows(alice, bob.record.id));
  EXPECT_FALSE(knows(*nodes[2], bob.record.id));
  EXPECT_TRUE(ask<msg::group_left>(bob.detector, msg::leave_group{}))
    << "it may be repeated";
}

TEST_F(FailureDetectorTest, JoinsAfterItLeftAsAnotherIncarnation) { // SPEC M1
  form(2);
  auto& bob = *nodes[1];
  ASSERT_TRUE(ask_for<msg::group_left>(bob.detector, msg::leave_group{}, 1s));
  const auto back = join(bob);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->self.id.start_ms, bob.record.id.start_ms + 1);
  EXPECT_EQ(*bob.stamps, std::vector{back->self.id.start_ms});
  EXPECT_EQ(*ask<msg::member_record>(bob.membership, msg::get_self{}),
            back->self);
  EXPECT_TRUE(knows(alice, back->self.id));
  EXPECT_EQ(list(bob).size(), 2u);
}

// SPEC M5
TEST_F(FailureDetectorTest, RejoinsByItselfWhenItWasRemovedWrongly) {
  form(4);
  auto& bob = *nodes[1];
  cut_off(bob);
  pass(6s);
  EXPECT_FALSE(knows(alice, bob.record.id));
  fabric->passes = [](const endpoint&, const endpoint&) { return true; };
  pass(6s);
  const auto now = *ask<msg::member_record>(bob.membership, msg::get_self{});
  EXPECT_GT(now.id.start_ms, bob.record.id.start_ms);
  ASSERT_FALSE(bob.lives->empty());
  EXPECT_EQ(bob.lives->back(), now) << "whoever holds leases must hear of it";
  EXPECT_EQ(bob.stamps->back(), now.id.start_ms) << "written down";
  EXPECT_EQ(status(bob).self, now);
  for (const auto& node : nodes) {
    EXPECT_EQ(list(*node).size(), 4u) << node->record.name;
    EXPECT_TRUE(knows(*node, now.id)) << node->record.name;
  }
}

TEST_F(FailureDetectorTest, NothingOfAMalformedPacketCounts) { // SPEC M8
  form(2);
  const auto before = status(alice);
  const auto list_before = list(alice);
  const auto good = wire::encode(
    msg::gossip_packet{nodes[1]->record.id, msg::gossip_watch_request{}});
  for (std::size_t size = 0; size < good.size(); ++size)
    self->send(alice.detector,
               msg::group_datagram{socket_kind::group,
                                   nodes[1]->record.id.address(),
                                   good.substr(0, size)});
  run();
  EXPECT_EQ(status(alice).malformed, before.malformed + good.size());
  EXPECT_EQ(list(alice), list_before);
}

TEST_F(FailureDetectorTest, ReportsTrafficByKindAndFromZero) { // SPEC M6
  form(3);
  const auto report
    = ask<msg::bandwidth_report>(alice.detector, msg::get_bandwidth{});
  ASSERT_TRUE(report);
  std::set<std::string> names;
  for (const auto& row : report->rows)
    names.insert(row.name);
  EXPECT_TRUE(names.contains("ping"));
  EXPECT_TRUE(names.contains("ack"));
  EXPECT_FALSE(names.contains("refusal")) << "there was none";
  EXPECT_EQ(*ask<msg::bandwidth_report>(alice.detector, msg::reset_time{}),
            *report);
  EXPECT_TRUE(ask<msg::bandwidth_report>(alice.detector, msg::get_bandwidth{})
                ->rows.empty());
  for (const auto& node : nodes)
    EXPECT_TRUE(node->network->classes_agree);
}

TEST(TrafficClass, HasANameForEachClass) { // SPEC M6
  EXPECT_EQ(traffic_class_of(""), net::traffic_class::other);
  EXPECT_EQ(traffic_class_of("\1"), net::traffic_class::other);
  EXPECT_EQ(traffic_class_of("\2\1"), net::traffic_class::other);
  EXPECT_EQ(traffic_class_of("\1\x3f"), net::traffic_class::other);
  net::traffic all;
  for (auto& total : all.in)
    total.packets = 1;
  std::set<std::string> names;
  for (const auto& row : report_of(all).rows)
    names.insert(row.name);
  EXPECT_TRUE(names.contains("other"));
  EXPECT_TRUE(names.contains("challenge"));
  EXPECT_TRUE(names.contains("answer"));
  EXPECT_TRUE(names.contains("dropped"));
}

// An idle node sleeps: one timer on its way, and now and then one that was
// overtaken, however long it runs; and never later than the machine asks for.
TEST_F(FailureDetectorTest, HasATimerWhenItNeedsOneAndHardlyMore) {
  form(5);
  std::size_t pending_max = 0;
  for (int step = 0; step < 6'000; ++step) {
    pass(10ms);
    pending_max = std::max(pending_max, scheduler.clock().schedule().size());
    for (const auto& node : nodes) {
      const auto& state = state_of(*node);
      if (state.gone)
        continue;
      ASSERT_TRUE(state.armed);
      ASSERT_LE(*state.armed, *state.machine->next_deadline());
    }
    if (step == 3'000)
      self->send(nodes[4]->detector, msg::leave_group{});
    if (step == 3'500)
      self->send(nodes[4]->detector, msg::join_group{});
  }
  EXPECT_LE(pending_max, 2 * nodes.size());
}

TEST_F(FailureDetectorTest, KeepsItsTrafficSmall) { // SPEC M3
  form(5);
  ask<msg::bandwidth_report>(alice.detector, msg::reset_time{});
  pass(20s);
  std::uint64_t bytes = 0;
  for (const auto& row :
       ask<msg::bandwidth_report>(alice.detector, msg::get_bandwidth{})->rows)
    bytes += row.out.wire_bytes;
  EXPECT_LE(bytes, 20 * 1'900u);
  EXPECT_GE(bytes, 20 * 500u) << "it probes";
}

TEST_F(FailureDetectorTest, AnswersWhoWaitsWhenItEnds) {
  auto& bob = spawn(msg::role::chunkserver);
  caf::expected<msg::group_joined> answer{caf::sec::request_timeout};
  auto asked = self->request(bob.detector, 1s, msg::join_group{});
  pass(100ms);
  stop(bob.detector);
  asked.receive([&](msg::group_joined& x) { answer = std::move(x); },
                [&](caf::error& x) { answer = std::move(x); });
  EXPECT_EQ(answer.error(), ec::shutting_down);
}

} // namespace
} // namespace dfs::actors
