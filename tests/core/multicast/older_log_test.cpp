#include "support/multicast_machines.hpp"

#include <algorithm>

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

// The disk of the third of three is put back to what it was before, while the
// first is away. The second may lack what those two had acknowledged.
class OlderLog : public multicast_machines {
protected:
  OlderLog() {
    durable = true;
    begin(3);
    run(300ms);
    order(5);
    older = disk_of(2);
    order(5);
  }

  void order(int count) {
    for (const auto end = safe.size() + static_cast<std::size_t>(count);
         safe.size() < end;) {
      submit(0, ++tokens, "x");
      run(10ms);
    }
  }

  void without_the_first() {
    pass = [](auto from, auto to, const auto&) { return from != 0 && to != 0; };
  }

  void all_have_all() {
    for (const auto& x : machines) {
      ASSERT_NE(x->configuration(), nullptr);
      EXPECT_EQ(x->configuration()->members.size(), 3u);
      EXPECT_EQ(x->position(), machines[0]->position());
    }
  }

  // One after that in which all are, at the same place.
  [[nodiscard]] msg::group_configuration next(std::uint64_t epochs) const {
    auto x = machines[2]->record().known;
    x.previous = x.id;
    x.id.epoch += epochs;
    x.first = machines[2]->position().k + 1;
    return x;
  }

  // Of a new life of another server.
  void third_hears(std::size_t from, part x, std::uint64_t received = 0) {
    msg::multicast_packet packet;
    packet.group = fingerprint_of(config);
    packet.sender = server_id{from + 1};
    packet.life = life_id{100};
    packet.received = received;
    packet.parts = {std::move(x)};
    perform(2, machines[2]->on_packet(packet, now));
  }

  [[nodiscard]] static msg::group_beacon
  beacon_of(std::size_t who, const msg::group_configuration& known) {
    msg::group_beacon x;
    x.standing.who = {server_id{who + 1}, store_id{who + 1}, life_id{100}};
    x.standing.known = known;
    return x;
  }

  // The third leads a change with a new life of the second, which tells in its
  // promise that it has the order up to there. @returns whether it goes on.
  bool goes_on_with(std::uint64_t received) {
    std::optional<msg::configuration_id> ballot;
    pass = [&](auto from, auto, const auto& packet) {
      for (const auto& x : packet.parts)
        if (const auto* ask = std::get_if<msg::gather_members>(&x);
            ask && from == 2)
          ballot = ask->ballot;
      return false;
    };
    auto beacon = beacon_of(1, machines[2]->record().known);
    auto& standing = beacon.standing;
    standing.lineage = standing.known.id;
    standing.fit = true;
    beacon.heard = {server_id{2}, server_id{3}};
    beacon.follows = server_id{3};
    run(1s); // The former lives are silent.
    for (int i = 0; i < 100 && !ballot; ++i) {
      third_hears(1, beacon, machines[2]->position().k);
      run(10ms);
    }
    EXPECT_TRUE(ballot);
    standing.promised = ballot.value_or(msg::configuration_id{});
    third_hears(1, msg::members_gathered{standing.promised, standing, received},
                received);
    return !machines[2]->record().attempts.empty();
  }

  stored_group older;
  submit_token tokens = 0;
};

TEST_F(OlderLog, HasNoVoteInItsConfiguration) { // SPEC Q10
  without_the_first();
  restart(2, older);
  run(5s);
  EXPECT_FALSE(machines[1]->serving());
  EXPECT_FALSE(machines[2]->serving());
  EXPECT_EQ(went_back, (std::map<server_id, int>{{server_id{3}, 1}}));
  pass = [](auto, auto, const auto&) { return true; };
  run(2s);
  all_have_all();
  // In what it has joined since, it has one.
  without_the_first();
  run(3s);
  EXPECT_TRUE(machines[1]->serving());
  EXPECT_TRUE(machines[2]->serving());
}

TEST_F(OlderLog, HasNoVoteInAConfigurationThatItForgot) { // SPEC Q10
  restart_with_state(2);
  run(2s);
  all_have_all();
  ASSERT_TRUE(went_back.empty()); // That was its own disk.
  without_the_first();
  restart(2, older);
  run(5s);
  EXPECT_FALSE(machines[1]->serving());
  EXPECT_FALSE(machines[2]->serving());
  EXPECT_EQ(went_back, (std::map<server_id, int>{{server_id{3}, 1}}));
  // That it is forgetful is on its disk.
  restart_with_state(2);
  run(5s);
  EXPECT_FALSE(machines[2]->serving());
  pass = [](auto, auto, const auto&) { return true; };
  run(2s);
  all_have_all();
}

// All places are there. What is missing is that this server was ready for an
// attempt, which it may have installed.
TEST_F(OlderLog, KnowsByTheAttemptsOfOthers) { // SPEC Q10
  older = disk_of(2);
  restart_with_state(2);
  pass = [](auto, auto, const auto& packet) {
    return std::ranges::none_of(packet.parts, [](const part& x) {
      return std::holds_alternative<msg::member_ready>(x);
    });
  };
  for (int i = 0; i < 5'000 && machines[1]->record().attempts.empty(); ++i)
    run(100us);
  ASSERT_FALSE(machines[1]->record().attempts.empty());
  ASSERT_TRUE(went_back.empty());
  without_the_first();
  restart(2, older);
  run(5s);
  EXPECT_EQ(went_back, (std::map<server_id, int>{{server_id{3}, 1}}));
  EXPECT_FALSE(machines[2]->serving());
  pass = [](auto, auto, const auto&) { return true; };
  run(2s);
  all_have_all();
}

// It answers the leader before it has heard how far it was.
TEST_F(OlderLog, IsFoundByTheLeader) { // SPEC Q10
  EXPECT_FALSE(goes_on_with(machines[2]->position().k - 1));
}

TEST_F(OlderLog, IsNotSuspectedByTheLeaderIfItHasAll) { // SPEC Q4
  EXPECT_TRUE(goes_on_with(machines[2]->position().k));
}

// The copy was made between the promise and the attempt.
TEST_F(OlderLog, KnowsByAConfigurationThatItOnlyPromised) { // SPEC Q10
  const auto formed = next(1);
  older = disk_of(2);
  older.record.promised = formed.id;
  restart(2, older);
  third_hears(1, beacon_of(1, formed));
  EXPECT_TRUE(machines[2]->record().forgetful);
  EXPECT_EQ(machines[2]->record().known, formed);
}

// It may have acknowledged places in it since.
TEST_F(OlderLog, DoesNotInstallAnAttemptOfItsFormerLife) { // SPEC Q10
  const auto formed = next(1);
  const auto later = next(2);
  older = disk_of(2);
  older.record.promised = formed.id;
  older.record.attempts = {formed};
  restart(2, older);
  auto beacon = beacon_of(1, machines[2]->record().known);
  beacon.standing.attempts = {later};
  third_hears(1, beacon);
  EXPECT_TRUE(machines[2]->record().forgetful);
  third_hears(0, beacon_of(0, formed));
  EXPECT_TRUE(machines[2]->record().forgetful);
  EXPECT_EQ(machines[2]->record().known, formed);
}

TEST_F(OlderLog, DoesNotHoldUpAMajority) { // SPEC Q4
  restart(2, older);
  run(3s);
  all_have_all();
  EXPECT_EQ(safe.size(), 10u);
}

// Of two that were left, one is forgetful. The third, which is back, knows that
// it was not asked, so those two did nothing that the second does not know.
TEST_F(OlderLog, HalfIsEnoughWhereAllAreHere) { // SPEC Q6
  without_the_first();
  run(2s);
  ASSERT_TRUE(machines[1]->serving());
  older = disk_of(2);
  for (int i = 0; i < 5; ++i) {
    submit(1, ++tokens, "y");
    run(10ms);
  }
  restart(2, older);
  run(3s);
  EXPECT_FALSE(machines[1]->serving());
  pass = [](auto, auto, const auto&) { return true; };
  run(3s);
  all_have_all();
}

TEST_F(OlderLog, OfAMajorityWaitsForTheOperator) { // SPEC Q10
  const auto first = disk_of(0);
  older = disk_of(2);
  restart_with_state(1);
  run(2s);
  order(5);
  restart(0, first);
  restart(2, older);
  run(5s);
  for (const auto& x : machines)
    EXPECT_FALSE(x->serving());
  EXPECT_EQ(went_back,
            (std::map<server_id, int>{{server_id{1}, 1}, {server_id{3}, 1}}));
  perform(1, machines[1]->force_primary(now));
  run(5s);
  all_have_all();
}

} // namespace
} // namespace dfs::core
