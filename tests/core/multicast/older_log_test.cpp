#include "support/multicast_machines.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

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

  void with_all() {
    pass = [](auto, auto, const auto&) { return true; };
  }

  // Once all are there they go on, with what was acknowledged.
  void all_come_back(std::chrono::microseconds within = 2s) {
    with_all();
    run(within);
    all_have_all();
  }

  // The older disk is put back while the first is away. @returns whether the
  // other two go on.
  [[nodiscard]] bool goes_on_without_the_first() {
    without_the_first();
    restart(2, older);
    run(5s);
    EXPECT_EQ(machines[1]->serving(), machines[2]->serving());
    return machines[1]->serving();
  }

  void is_found_once() {
    EXPECT_EQ(went_back, (std::map<server_id, int>{{server_id{3}, 1}}));
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

  // The third leads a change with a new life of the second. @returns what that
  // one tells in its promise.
  msg::member_standing gather_the_second() {
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
    return standing;
  }

  // @param received The second has the order up to there.
  // @returns whether the third goes on with that change.
  bool
  goes_on_with(const msg::member_standing& second, std::uint64_t received) {
    third_hears(1, msg::members_gathered{second.promised, second, received},
                received);
    return !machines[2]->record().attempts.empty();
  }

  stored_group older;
  submit_token tokens = 0;
};

TEST_F(OlderLog, HasNoVoteInItsConfiguration) { // SPEC Q10
  EXPECT_FALSE(goes_on_without_the_first());
  is_found_once();
  all_come_back();
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
  EXPECT_FALSE(goes_on_without_the_first());
  is_found_once();
  // That it is forgetful is on its disk.
  restart_with_state(2);
  run(5s);
  EXPECT_FALSE(machines[2]->serving());
  all_come_back();
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
  EXPECT_FALSE(goes_on_without_the_first());
  is_found_once();
  all_come_back();
}

// It answers the leader before it has heard how far it was.
TEST_F(OlderLog, IsFoundByTheLeader) { // SPEC Q10
  EXPECT_FALSE(
    goes_on_with(gather_the_second(), machines[2]->position().k - 1));
}

TEST_F(OlderLog, IsNotSuspectedByTheLeaderIfItHasAll) { // SPEC Q4
  EXPECT_TRUE(goes_on_with(gather_the_second(), machines[2]->position().k));
}

// By then it has promised more than that attempt's ballot.
TEST_F(OlderLog, KnowsByAnAttemptThatItHearsOfInAChange) { // SPEC Q10
  restart(2, older);
  const auto second = gather_the_second();
  auto attempt = next(1);
  attempt.id.leader = server_id{1};
  attempt.members.erase(attempt.members.begin() + 1);
  ASSERT_LT(machines[2]->record().known.id, attempt.id);
  ASSERT_LT(attempt.id, second.promised);
  auto beacon = beacon_of(0, machines[2]->record().known);
  beacon.standing.attempts = {attempt};
  third_hears(0, beacon);
  EXPECT_TRUE(machines[2]->record().forgetful);
  EXPECT_FALSE(goes_on_with(second, machines[2]->position().k));
}

// It was ready for that attempt, which another one has installed. What it
// forgot of before says nothing any more.
TEST_F(OlderLog, IsNotForgetfulInWhatItInstallsInTheMiddleOfAChange) {
  restart(2, older); // SPEC Q10
  ASSERT_TRUE(goes_on_with(gather_the_second(), machines[2]->position().k));
  const auto formed = machines[2]->record().attempts.back();
  ASSERT_LT(formed.id, gather_the_second().promised);
  auto lost = next(1);
  lost.id.leader = server_id{1};
  ASSERT_LT(lost.id, formed.id);
  auto beacon = beacon_of(1, formed);
  beacon.standing.attempts = {lost};
  third_hears(1, beacon);
  EXPECT_EQ(machines[2]->record().known, formed);
  EXPECT_FALSE(machines[2]->record().forgetful);
}

// The leader's disk went back, and it gave the id to {1, 3} as well.
TEST_F(OlderLog, InstallsNotTheOtherConfigurationOfAnId) { // SPEC Q5
  ASSERT_TRUE(goes_on_with(gather_the_second(), machines[2]->position().k));
  const auto own = machines[2]->record().attempts.back();
  auto other = own;
  for (auto& x : other.members)
    if (x.server == server_id{2})
      x = {server_id{1}, store_id{1}, life_id{100}};
  auto beacon = beacon_of(0, other);
  beacon.operating = other.id;
  third_hears(0, beacon);
  EXPECT_NE(machines[2]->record().lineage, own.id);
}

// That change has failed, and others remember it.
TEST_F(OlderLog, IsNotSuspectedForWhatItPromisedInThisLife) { // SPEC Q4
  auto attempt = next(1);
  attempt.id = gather_the_second().promised;
  ASSERT_LT(attempt.id, gather_the_second().promised);
  auto beacon = beacon_of(0, machines[2]->record().known);
  beacon.standing.attempts = {attempt};
  third_hears(0, beacon);
  EXPECT_FALSE(machines[2]->record().forgetful);
}

// Its first datagram says that it is there; not what it remembers.
TEST_F(OlderLog, IsInNoSetWithWhomItHasNotHeardOut) { // SPEC Q10
  restart(2, older);
  std::set<server_id> heard;
  pass = [&](auto from, auto, const auto& packet) {
    for (const auto& x : packet.parts)
      if (const auto* beacon = std::get_if<msg::group_beacon>(&x);
          beacon && from == 2)
        heard = {beacon->heard.begin(), beacon->heard.end()};
    return false;
  };
  third_hears(0, msg::install_members{});
  run(500ms);
  EXPECT_FALSE(heard.contains(server_id{1}));
  third_hears(0, beacon_of(0, next(1)));
  run(500ms);
  EXPECT_TRUE(heard.contains(server_id{1}));
  EXPECT_TRUE(machines[2]->record().forgetful);
}

// It led {1, 3}, forgets it, and leads {2, 3} from the same configuration: with
// the same id the first could never be taken in again.
TEST_F(OlderLog, GivesNoIdTwice) { // SPEC Q5
  older = disk_of(2);
  pass = [](auto from, auto to, const auto&) { return from != 1 && to != 1; };
  run(2s);
  order(5);
  const auto first = machines[0]->record().known;
  ASSERT_EQ(first.members.size(), 2u);
  ASSERT_EQ(first.id.leader, server_id{3});
  EXPECT_TRUE(goes_on_without_the_first()) << "nobody here knows better";
  EXPECT_NE(machines[2]->record().known.id, first.id);
  all_come_back(5s);
}

TEST_F(OlderLog, KnowsByAnotherConfigurationOfTheSameId) { // SPEC Q10
  const auto own = machines[2]->record().known;
  auto other = own;
  other.members.erase(other.members.begin() + 1);
  other.first = own.first - 1;
  third_hears(0, beacon_of(0, other));
  EXPECT_EQ(machines[2]->record().known, own) << "the other one gives way";
  other.first = own.first + 5;
  third_hears(0, beacon_of(0, other));
  EXPECT_EQ(machines[2]->record().known, other);
  EXPECT_TRUE(machines[2]->record().forgetful);
  EXPECT_NE(machines[2]->record().lineage, other.id);
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
  all_come_back(3s);
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
  perform(1, machines[1]->force_primary(now, false));
  run(5s);
  all_have_all();
}

// Who lacks no more than that is taken in, and gets the rest with the change.
TEST_F(OlderLog, IsFitIfItLacksLittle) { // SPEC Q5
  std::optional<bool> fit;
  pass = [&](auto from, auto, const auto& packet) {
    for (const auto& x : packet.parts)
      if (const auto* beacon = std::get_if<msg::group_beacon>(&x);
          beacon && from == 2)
        fit = beacon->standing.fit;
    return false;
  };
  auto beacon = beacon_of(1, machines[2]->record().known);
  beacon.standing.lineage = beacon.standing.known.id;
  const auto tells = [&](std::uint64_t final) {
    beacon.final = final;
    third_hears(1, beacon);
    fit.reset();
    run(250ms);
    return fit;
  };
  const auto held = machines[2]->status().received;
  EXPECT_EQ(tells(held + config.fit_lag), true);
  EXPECT_EQ(tells(held + config.fit_lag + 1), false);
}

// It has promised another ballot since, and what it was committed to before is
// not what is installed.
TEST_F(OlderLog, InstallsNothingButWhatItIsToldTo) { // SPEC Q4
  auto committed = next(1);
  older = disk_of(2);
  older.record.attempts = {committed};
  older.record.promised = next(2).id;
  restart(2, older);
  const auto known = machines[2]->record().known;
  third_hears(1, msg::install_members{next(2).id});
  EXPECT_EQ(machines[2]->record().known, known);
}

// A state brings nothing if all in it is final here.
TEST_F(OlderLog, FetchesNoStateThatIsNoNews) { // SPEC Q5
  std::size_t asked = 0;
  pass = [&](auto from, auto, const auto& packet) {
    for (const auto& x : packet.parts)
      asked += from == 2 && std::holds_alternative<msg::fetch_pages>(x) ? 1 : 0;
    return false;
  };
  restart_with_state(2);
  auto beacon = beacon_of(1, machines[2]->record().known);
  beacon.standing.lineage = beacon.standing.known.id;
  beacon.standing.fit = true;
  const auto held = machines[2]->position().k;
  beacon.final = held + 5;
  third_hears(1, beacon);
  msg::snapshot_offered offer{beacon.standing.lineage, 1, held, 5'000, 7};
  third_hears(1, offer);
  run(50ms);
  EXPECT_EQ(asked, 0u);
  offer.k = held + 1;
  third_hears(1, offer);
  run(50ms);
  EXPECT_GT(asked, 0u);
}

TEST_F(OlderLog, IsToldToTheService) { // SPEC Q10
  EXPECT_FALSE(losses[server_id{3}].empty());
  EXPECT_FALSE(losses[server_id{3}].back().forgetful); // Its disk was new.
  EXPECT_FALSE(goes_on_without_the_first());
  EXPECT_TRUE(losses[server_id{3}].back().forgetful);
  EXPECT_FALSE(losses[server_id{2}].back().forgetful);
}

} // namespace
} // namespace dfs::core
