#include "support/multicast_machines.hpp"

#include <algorithm>

// Who says what in a change, how often, and who gives up when.

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

class ChangeSteps : public multicast_machines {
protected:
  ChangeSteps() {
    lets = [](auto, auto, const auto&) { return true; };
    pass = [this](auto from, auto to, const auto& packet) {
      for (const auto& x : packet.parts)
        said.push_back({from, to, now, x});
      return lets(from, to, packet);
    };
  }

  template <class Part>
  [[nodiscard]] std::vector<instant>
  times(std::size_t from, std::size_t to) const {
    std::vector<instant> out;
    for (const auto& x : said)
      if (x.from == from && x.to == to && std::holds_alternative<Part>(x.what))
        out.push_back(x.at);
    return out;
  }

  template <class Part>
  [[nodiscard]] static bool has(const msg::multicast_packet& packet) {
    return std::ranges::any_of(packet.parts, [](const part& x) {
      return std::holds_alternative<Part>(x);
    });
  }

  // The ballots that a server has asked another one to promise, and when first.
  [[nodiscard]] std::vector<std::pair<msg::configuration_id, instant>>
  ballots(std::size_t from, std::size_t to) const {
    std::vector<std::pair<msg::configuration_id, instant>> out;
    for (const auto& x : said)
      if (const auto* ask = std::get_if<msg::gather_members>(&x.what);
          ask && x.from == from && x.to == to
          && (out.empty() || out.back().first != ask->ballot))
        out.emplace_back(ask->ballot, x.at);
    return out;
  }

  // Each step of a change, from the leader to another member and back.
  void each_is_said(std::size_t leader, std::size_t member, std::size_t count) {
    EXPECT_EQ(times<msg::gather_members>(leader, member).size(), count);
    EXPECT_EQ(times<msg::members_gathered>(member, leader).size(), count);
    EXPECT_EQ(times<msg::commit_members>(leader, member).size(), count);
    EXPECT_EQ(times<msg::member_ready>(member, leader).size(), count);
    EXPECT_EQ(times<msg::install_members>(leader, member).size(), count);
  }

  static void every_20_ms(const std::vector<instant>& times) {
    ASSERT_GE(times.size(), 8u);
    for (std::size_t i = 1; i < times.size(); ++i) {
      EXPECT_GE(times[i] - times[i - 1], 20ms);
      EXPECT_LE(times[i] - times[i - 1], 25ms);
    }
  }

  // A datagram of another server's present life.
  void hears(std::size_t who, std::size_t from, part x) {
    msg::multicast_packet packet;
    packet.group = fingerprint_of(config);
    packet.sender = server_id{from + 1};
    packet.life = life_id{1};
    packet.parts = {std::move(x)};
    perform(who, machines[who]->on_packet(packet, now));
  }

  void is_gone(std::size_t who) {
    lets = [who, before = lets](auto from, auto to, const auto& packet) {
      return from != who && to != who && before(from, to, packet);
    };
    for (std::size_t i = 0; i < machines.size(); ++i)
      if (i != who)
        perform(i, machines[i]->suspect(server_id{who + 1}, life_id{1}, now));
  }

  struct word {
    std::size_t from;
    std::size_t to;
    instant at;
    part what;
  };
  std::vector<word> said;
  decltype(pass) lets;
};

TEST_F(ChangeSteps, AreSaidOnceIfNothingIsLost) { // SPEC Q5
  begin(3);
  run(1s);
  each_is_said(2, 0, 1);
  each_is_said(2, 1, 1);
  said.clear();
  is_gone(2);
  run(300ms);
  each_is_said(1, 0, 1);
}

// New servers, whose disks are new, have an attempt before the others.
TEST_F(ChangeSteps, AreSaidOnceToNewDisksAndToOthers) { // SPEC Q5
  durable = true;
  begin(4);
  run(1s);
  for (const std::size_t i : {0u, 1u, 2u})
    each_is_said(3, i, 1);
  is_gone(0);
  run(1s);
  said.clear();
  lets = [](auto, auto, const auto&) { return true; };
  replace_disk(0);
  run(1s);
  for (const std::size_t i : {0u, 1u, 2u})
    each_is_said(3, i, 1);
  EXPECT_EQ(machines[0]->configuration()->members.size(), 4u);
}

TEST_F(ChangeSteps, AskForAnAnswerEvery20Ms) { // SPEC Q5
  begin(3);
  lets = [](auto from, auto, const auto& packet) {
    return from != 0 || !has<msg::members_gathered>(packet);
  };
  run(300ms);
  every_20_ms(times<msg::gather_members>(2, 0));
  every_20_ms(times<msg::members_gathered>(0, 2));
  EXPECT_EQ(times<msg::gather_members>(2, 1).size(), 1u);
  EXPECT_TRUE(times<msg::commit_members>(2, 1).empty());
}

TEST_F(ChangeSteps, SayWhatIsNextEvery20Ms) { // SPEC Q5
  begin(3);
  lets = [](auto, auto to, const auto& packet) {
    return to != 0 || !has<msg::commit_members>(packet);
  };
  run(300ms);
  every_20_ms(times<msg::commit_members>(2, 0));
  EXPECT_EQ(times<msg::commit_members>(2, 1).size(), 1u); // It is ready.
  every_20_ms(times<msg::member_ready>(1, 2));
  EXPECT_EQ(times<msg::gather_members>(2, 0).size(), 1u);
}

// One of them is heard, and does not answer.
TEST_F(ChangeSteps, WithoutProgressAreBegunAgain) { // SPEC Q4
  begin(3);
  lets = [](auto from, auto, const auto& packet) {
    return from != 0 || !has<msg::members_gathered>(packet);
  };
  run(12s);
  const auto tried = ballots(2, 0);
  ASSERT_GE(tried.size(), 7u);
  for (std::size_t i = 1; i < 7; ++i) {
    EXPECT_LT(tried[i - 1].first, tried[i].first);
    const auto gap = tried[i].second - tried[i - 1].second;
    const auto least
      = (i == 1 ? 400ms : 1'600ms) + 20ms * std::min<std::size_t>(i, 5);
    EXPECT_GE(gap, least);
    EXPECT_LE(gap, least + 50ms);
  }
  lets = [](auto, auto, const auto&) { return true; };
  run(600ms);
  EXPECT_TRUE(machines[2]->serving());
}

// Nobody waits for the answer of one that has left.
TEST_F(ChangeSteps, AreBegunAgainWhenOneLeaves) { // SPEC Q4
  begin(4);
  run(1s);
  lets = [](auto from, auto, const auto& packet) {
    return from != 1 || !has<msg::members_gathered>(packet);
  };
  said.clear();
  is_gone(0);
  run(200ms);
  ASSERT_EQ(ballots(3, 1).size(), 1u);
  is_gone(1);
  run(150ms);
  ASSERT_NE(machines[3]->configuration(), nullptr);
  EXPECT_EQ(machines[3]->configuration()->members.size(), 2u);
  EXPECT_TRUE(machines[2]->serving());
}

// The member cannot know whether the others have installed it: it takes nothing
// else for as long.
TEST_F(ChangeSteps, WithoutProgressFor800MsAreGivenUpByAMember) { // SPEC Q4
  begin(3);
  run(1s);
  lets = [](auto, auto to, const auto& packet) {
    return to != 2 || !has<msg::members_gathered>(packet);
  };
  is_gone(0);
  for (int i = 0; i < 3'000 && machines[1]->configuration(); ++i)
    run(100us);
  ASSERT_EQ(machines[1]->configuration(), nullptr);
  const auto began = now;
  lets = [](auto, auto, const auto&) { return false; };
  auto known = machines[1]->record().known;
  known.id.epoch += 5;
  msg::group_beacon beacon;
  beacon.standing.who = {server_id{1}, store_id{1}, life_id{1}};
  beacon.standing.known = known;
  while (machines[1]->record().known != known && now < began + 2s) {
    hears(1, 0, beacon);
    run(1ms);
  }
  EXPECT_GE(now - began, 790ms);
  EXPECT_LE(now - began, 820ms);
}

TEST_F(ChangeSteps, AreTakenFromTheLeaderAlone) { // SPEC Q6
  begin(3);
  run(1s);
  const auto id = machines[1]->configuration()->id;
  const auto ask = [](std::uint64_t epoch, std::uint64_t leader) {
    return msg::gather_members{{epoch, server_id{leader}}};
  };
  said.clear();
  hears(1, 0, ask(id.epoch + 3, 1)); // It follows another one.
  hears(1, 2, ask(id.epoch + 3, 1)); // That is not its ballot.
  hears(1, 2, ask(id.epoch, 3));     // It has promised that one.
  EXPECT_TRUE(times<msg::members_gathered>(1, 2).empty());
  ASSERT_NE(machines[1]->configuration(), nullptr);
  EXPECT_EQ(machines[1]->record().promised, id);
  hears(1, 2, ask(id.epoch + 3, 3));
  EXPECT_EQ(machines[1]->configuration(), nullptr);
  EXPECT_EQ(machines[1]->record().promised.epoch, id.epoch + 3);
  EXPECT_EQ(times<msg::members_gathered>(1, 2).size(), 1u);
}

// One has promised as many ballots as there may be attempts, and is away: it
// may have installed any of them, for all that the others know.
class ManyAttempts : public ChangeSteps {
protected:
  void lose_attempts(std::size_t count) {
    durable = true;
    begin(4);
    run(1s);
    lets = [](auto from, auto to, const auto&) { return from != 0 && to != 0; };
    auto record = machines[3]->record();
    for (std::size_t i = 0; i < count; ++i) {
      auto x = record.known;
      x.id.epoch += i + 1;
      record.attempts.push_back(x);
      record.promised = x.id;
    }
    for (const std::size_t i : {0u, 1u, 2u, 3u}) {
      auto stored = disk_of(i);
      stored.record = record;
      if (i == 0)
        stored.record.attempts.clear();
      restart(i, stored);
    }
    said.clear();
    run(2s);
  }
};

TEST_F(ManyAttempts, LeaveRoomForOne) { // SPEC Q4
  lose_attempts(attempts_most - 1);
  EXPECT_TRUE(machines[3]->serving());
  EXPECT_EQ(machines[3]->configuration()->members.size(), 3u);
}

TEST_F(ManyAttempts, AreNotForgottenForOneMore) { // SPEC Q4
  lose_attempts(attempts_most);
  EXPECT_FALSE(machines[3]->serving());
  EXPECT_TRUE(times<msg::commit_members>(3, 2).empty());
  const auto tried = ballots(3, 2);
  ASSERT_GE(tried.size(), 10u);
  for (std::size_t i = 1; i < tried.size(); ++i)
    EXPECT_GE(tried[i].second - tried[i - 1].second, 20ms);
  lets = [](auto, auto, const auto&) { return true; };
  run(2s);
  for (const auto& x : machines) {
    ASSERT_NE(x->configuration(), nullptr);
    EXPECT_EQ(x->configuration()->members.size(), 4u);
  }
}

// It has not heard of it, or its beacons are late: for a while that is no
// reason to refuse anything.
TEST_F(ChangeSteps, AServiceIsNotToldThatWhoIsLateIsLost) { // SPEC Q6
  durable = true;
  lets = [this](auto from, auto to, const auto& packet) {
    return !machines[2]->configuration() || from == 2 || to != 2
           || !has<msg::group_beacon>(packet);
  };
  begin(3);
  while (!machines[2]->configuration())
    run(100us);
  losses.clear();
  run(290ms);
  EXPECT_TRUE(losses.empty());
  EXPECT_TRUE(machines[2]->serving());
}

// It is heard, and has not installed it: another one begins, as nothing else
// takes it in.
TEST_F(ChangeSteps, WhoDoesNotInstallItInTimeIsTakenInAgain) { // SPEC Q5
  begin(3);
  const auto first = [this] {
    return machines[2]->configuration()
           && machines[2]->configuration()->id.epoch == 1;
  };
  lets = [&](auto from, auto to, const auto& packet) {
    return to != 0 || from == 0 || !first()
           || (packet.configuration.epoch != 1
               && !has<msg::install_members>(packet));
  };
  while (!first())
    run(100us);
  const auto began = now;
  while (first() && now < began + 2s)
    run(1ms);
  EXPECT_GE(now - began, 300ms);
  EXPECT_LE(now - began, 400ms);
  lets = [](auto, auto, const auto&) { return true; };
  run(2s);
  for (const auto& x : machines) {
    ASSERT_NE(x->configuration(), nullptr);
    EXPECT_EQ(x->configuration()->members.size(), 3u);
  }
}

// Its former life was a member; this one has nothing, and nobody follows it.
TEST_F(ChangeSteps, WhoComesBackWithNothingDoesNotLead) { // SPEC Q5
  begin(3);
  while (!machines[0]->configuration())
    run(100us);
  lets = [](auto, auto to, const auto& packet) {
    return to != 2 || !has<msg::items_fetched>(packet);
  };
  restart(2, std::nullopt);
  run(20ms);
  said.clear();
  run(260ms);
  std::size_t beacons = 0;
  for (const auto& x : said)
    if (const auto* beacon = std::get_if<msg::group_beacon>(&x.what);
        beacon && x.from == 0) {
      ++beacons;
      EXPECT_NE(beacon->follows, server_id{3});
    }
  EXPECT_GT(beacons, 0u);
}

// Late, or of another ballot: only those of this one count.
TEST_F(ChangeSteps, AnswersToOtherBallotsDoNotCount) { // SPEC Q4
  begin(3);
  run(1s);
  const auto before = machines[2]->configuration()->id;
  said.clear();
  is_gone(1);
  lets = [](auto from, auto to, const auto& packet) {
    return from != 1 && to != 1
           && (from != 0 || !has<msg::member_ready>(packet));
  };
  for (int i = 0; i < 2'000 && times<msg::member_ready>(0, 2).empty(); ++i)
    run(100us);
  msg::member_ready ready;
  for (const auto& x : said)
    if (const auto* y = std::get_if<msg::member_ready>(&x.what))
      ready = *y;
  run(1ms);
  auto other = ready;
  other.ballot = before;
  hears(2, 0, other);
  EXPECT_EQ(machines[2]->configuration(), nullptr);
  hears(2, 0, ready);
  ASSERT_NE(machines[2]->configuration(), nullptr);
  EXPECT_EQ(machines[2]->configuration()->id, ready.ballot);
  EXPECT_TRUE(machines[2]->record().attempts.empty());
}

TEST_F(ChangeSteps, BeginWhenASetHasStoodFor30Ms) { // SPEC Q6
  begin(3);
  run(1s);
  said.clear();
  const auto began = now;
  is_gone(0);
  run(100ms);
  const auto tried = ballots(2, 1);
  ASSERT_EQ(tried.size(), 1u);
  EXPECT_GE(tried[0].second - began, 30ms);
  EXPECT_LE(tried[0].second - began, 60ms);
}

TEST_F(ChangeSteps, AddMembersAtMostEvery500Ms) { // SPEC Q5
  begin(3);
  run(1s);
  is_gone(0);
  while (!machines[2]->configuration()
         || machines[2]->configuration()->members.size() != 2)
    run(100us);
  said.clear();
  const auto began = now;
  lets = [](auto, auto, const auto&) { return true; };
  run(800ms);
  const auto tried = ballots(2, 1);
  ASSERT_EQ(tried.size(), 1u);
  EXPECT_GE(tried[0].second - began, 499ms);
  EXPECT_LE(tried[0].second - began, 600ms);
  EXPECT_EQ(machines[0]->configuration()->members.size(), 3u);
}

} // namespace
} // namespace dfs::core
