#include "support/multicast_machines.hpp"

#include <algorithm>
#include <set>

// Configurations that only one server has installed, one after another.

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

class Successions : public multicast_machines {
protected:
  static bool is_ready(const msg::multicast_packet& x) {
    return std::ranges::any_of(x.parts, [](const auto& part) {
      return std::holds_alternative<msg::member_ready>(part);
    });
  }

  // To one who is behind, not in a change.
  static bool gives_items(const msg::multicast_packet& x) {
    return std::ranges::any_of(x.parts, [](const auto& part) {
      const auto* told = std::get_if<msg::items_fetched>(&part);
      return told && is_none(told->ballot) && !told->items.empty();
    });
  }

  void heal() {
    pass = [](auto, auto, const auto&) { return true; };
  }

  void all_are_there() {
    for (const auto& x : machines) {
      ASSERT_NE(x->configuration(), nullptr);
      EXPECT_EQ(x->configuration()->members.size(), machines.size());
      EXPECT_EQ(x->position(), machines[0]->position());
    }
  }

  void all_delivered_the_same() {
    all_are_there();
    for (const auto& x : delivered)
      EXPECT_EQ(x, delivered[0]);
    EXPECT_TRUE(replaced.empty());
  }

  // Of place 1 only the third knows that it is safe. The first restarts, and of
  // the change that follows all are ready, but only the third hears that it is
  // over, and then nobody hears it.
  void install_at_the_third_alone() {
    begin(3);
    run(300ms);
    first = machines[2]->record().known.id;
    pass = [](auto from, auto to, const auto& x) {
      return from == 2 ? to == 1 && x.received == 0 : to == 2;
    };
    submit(2, 1, "X"); // The second gives it its place.
    run(5ms);
    ASSERT_EQ(safe, (std::vector<submit_token>{1}));
    ASSERT_TRUE(delivered[0].empty() && delivered[1].empty());
    pass = [this](auto from, auto to, const auto& x) {
      const bool alone = machines[2]->record().known.id > first;
      return !(alone && (from == 2 || to == 2))
             && !(alone && from == 0 && is_ready(x)) && !gives_items(x)
             && !(from == 2 && to == 1 && x.configuration == first);
    };
    restart_with_state(0);
    for (int i = 0; i < 200 && machines[2]->record().known.id == first; ++i)
      run(10ms);
    second = machines[2]->record().known;
    ASSERT_GT(second.id, first);
    ASSERT_EQ(second.members.size(), 3u);
    ASSERT_EQ(second.first, 2u);
    ASSERT_TRUE(delivered[0].empty() && delivered[1].empty());
    ASSERT_EQ(machines[0]->record().known.id, first);
    ASSERT_EQ(machines[1]->record().known.id, first);
  }

  msg::configuration_id first;
  msg::group_configuration second;
};

// Four servers. The fourth place is at the first server alone, which nobody
// hears. {2, 3, 4} go on, of which only 4 hears so; then {1, 2, 3}, of which
// only 3 does: it has the fourth place from 1. Then {1, 2, 4} meet.
TEST_F(Successions, WhatOneInstallerDeliveredStays) { // SPEC Q4
  begin(4);
  run(300ms);
  for (submit_token i = 1; i <= 3; ++i) {
    submit(2, i, std::to_string(i));
    run(20ms);
  }
  pass = [](auto from, auto to, const auto&) { return from != 0 || to == 0; };
  submit(2, 4, "X");
  run(5ms);
  ASSERT_EQ(machines[0]->status().received, 4u);
  ASSERT_EQ(machines[2]->status().received, 3u);
  std::set<std::size_t> gone{0};
  auto known = machines[3]->record().known.id;
  pass = [&](auto from, auto to, const auto& x) {
    const auto installer = gone.contains(0) ? 3u : 2u;
    if (from == installer && !gone.contains(2) && x.configuration > known) {
      known = x.configuration;
      gone = {installer};
    }
    return !gone.contains(from) && !gone.contains(to);
  };
  for (int i = 0; i < 100 && !gone.contains(2); ++i)
    run(50ms);
  ASSERT_TRUE(gone.contains(2));
  EXPECT_EQ(machines[2]->record().known.first, 5u);
  const auto told = delivered[2];
  run(4s); // 4 meets 1 and 2.
  EXPECT_TRUE(machines[3]->serving());
  submit(3, 5, "Y");
  run(50ms);
  EXPECT_EQ(delivered[3].back(), "Y");
  heal();
  run(5s);
  all_delivered_the_same();
  EXPECT_EQ(std::ranges::count(delivered[0], "X"), 1);
  EXPECT_TRUE(std::equal(told.begin(), told.end(), delivered[0].begin()));
}

// The others were ready for what the third has installed, and for another one
// since. They hear of it, but get nothing of what it holds.
TEST_F(Successions, WhoWasReadyHasWhatItVouchedFor) { // SPEC Q4
  install_at_the_third_alone();
  run(1'500ms); // The attempts of {1, 2} fail.
  ASSERT_GT(machines[0]->record().attempts.size(), 1u);
  pass = [](auto from, auto, const auto& x) {
    return !(from == 2 && gives_items(x)) && !(from == 0 && is_ready(x));
  };
  const auto follows = [this](std::size_t i) {
    return machines[i]->record().lineage == second.id;
  };
  for (int i = 0; i < 3'000 && !(follows(0) && follows(1)); ++i)
    run(1ms);
  ASSERT_TRUE(follows(0) && follows(1));
  pass = [](auto from, auto to, const auto&) { return from != 2 && to != 2; };
  run(2s);
  submit(1, 2, "Y");
  run(100ms);
  heal();
  run(5s);
  all_delivered_the_same();
  EXPECT_EQ(delivered[0].at(0), "X");
}

// All are ready, and both install it. The second has heard so of the third, and
// the third nothing of the second.
TEST_F(Successions, AnInstallationAloneDeliversNothing) { // SPEC Q4
  durable = true;
  begin(3);
  run(1s); // Nobody listens any more to who else may be there.
  first = machines[2]->record().known.id;
  const auto tells_nothing = [this](const auto& x) {
    return x.configuration != first || x.received == 0;
  };
  pass = [&](auto, auto, const auto& x) { return tells_nothing(x); };
  submit(2, 1, "X");
  run(5ms);
  pass = [&](auto from, auto to, const auto& x) {
    return from != 0 && to != 0 && tells_nothing(x)
           && !(from == 1 && x.configuration > first);
  };
  for (const std::size_t i : {1u, 2u})
    perform(i, machines[i]->suspect(server_id{1}, life_id{1}, now));
  run(200ms);
  for (const std::size_t i : {1u, 2u}) {
    ASSERT_NE(machines[i]->configuration(), nullptr);
    EXPECT_GT(machines[i]->configuration()->id, first);
    EXPECT_EQ(machines[i]->configuration()->first, 2u);
    EXPECT_TRUE(machines[i]->serving());
  }
  EXPECT_EQ(delivered[1], (std::vector<std::string>{"X"}));
  EXPECT_TRUE(delivered[2].empty());
  EXPECT_EQ(announced[1], (std::vector<std::size_t>{0, 1}));
  EXPECT_EQ(announced[2], (std::vector<std::size_t>{0}));
  pass = [](auto from, auto to, const auto&) { return from != 0 && to != 0; };
  run(50ms);
  EXPECT_EQ(delivered[2], (std::vector<std::string>{"X"}));
  EXPECT_EQ(announced[2], (std::vector<std::size_t>{0, 1}));
  EXPECT_EQ(safe, (std::vector<submit_token>{1}));
}

// The others fall silent before they tell that they have installed it, and then
// one of them is heard once more: that is not enough to go on with.
TEST_F(Successions, AServiceThatHearsOfItTooLateKnowsThatItIsLost) { // SPEC Q6
  begin(4);
  run(1s);
  first = machines[3]->record().known.id;
  const auto tells_nothing = [this](const auto& x) {
    return x.configuration != first || x.received == 0;
  };
  pass = [&](auto, auto, const auto& x) { return tells_nothing(x); };
  submit(3, 1, "X");
  run(5ms);
  std::vector<msg::multicast_packet> late;
  pass = [&](auto from, auto to, const auto& x) {
    const bool of_next = x.configuration > first && from != 3 && to == 3;
    if (of_next && x.parts.empty())
      late.push_back(x);
    return from != 0 && to != 0 && tells_nothing(x) && !of_next;
  };
  for (const std::size_t i : {1u, 2u, 3u})
    perform(i, machines[i]->suspect(server_id{1}, life_id{1}, now));
  for (int i = 0; i < 200 && late.size() < 2; ++i)
    run(1ms);
  ASSERT_GE(late.size(), 2u);
  EXPECT_TRUE(machines[3]->serving());
  EXPECT_FALSE(announced[3].size() > 1);
  pass = [](auto, auto, const auto&) { return false; };
  run(2s);
  EXPECT_FALSE(machines[3]->serving());
  perform(3, machines[3]->on_packet(late.front(), now));
  EXPECT_EQ(announced[3].size(), 2u);
  EXPECT_FALSE(machines[3]->serving());
  EXPECT_FALSE(serves[3]);
}

// What a server holds in a configuration counts when its record of that is
// durable: before it might forget that it has installed it.
TEST_F(Successions, TellsNothingBeforeItsRecordIsDurable) { // SPEC Q10
  durable = true;
  begin(3);
  run(300ms);
  first = machines[2]->record().known.id;
  for (submit_token i = 1; i <= 3; ++i) {
    submit(2, i, "X");
    run(20ms);
  }
  std::uint64_t told = 0;
  pass = [&](auto from, auto, const auto& x) {
    if (from == 1 && x.configuration > first)
      told = std::max(told, x.received);
    return from != 0;
  };
  // Held by all, known to be safe by none: place 4.
  pass = [&, all = pass](auto from, auto to, const auto& x) {
    return all(from, to, x) && (x.configuration != first || x.received < 4);
  };
  submit(2, 4, "Y");
  run(5ms);
  for (const std::size_t i : {1u, 2u})
    perform(i, machines[i]->suspect(server_id{1}, life_id{1}, now));
  for (int i = 0; i < 10'000; ++i) { // The disk of the second hangs just then.
    run(100us);
    if (machines[1]->record().known.id > first)
      break;
    if (!machines[1]->record().attempts.empty() && issued[1] == done[1])
      hung = {1};
  }
  ASSERT_GT(machines[1]->record().known.id, first);
  ASSERT_EQ(machines[1]->record().known.first, 5u);
  ASSERT_LT(done[1], issued[1]);
  run(100ms);
  EXPECT_EQ(told, 3u);
  EXPECT_EQ(delivered[2].size(), 3u);
  hung = {};
  run(50ms);
  EXPECT_EQ(told, 4u);
  EXPECT_EQ(delivered[2].size(), 4u);
}

// As before, but 1 and 2 had cut off what they were ready with.
class AloneWithItsConfiguration : public Successions {
protected:
  void SetUp() override {
    install_at_the_third_alone();
    for (const std::size_t i : {0u, 1u}) {
      stored_group joined;
      joined.record.promised = machines[i]->record().promised;
      joined.record.known = second;
      joined.record.lineage = second.id;
      restart(i, joined);
    }
  }
};

TEST_F(AloneWithItsConfiguration, TheOthersHaveNoVote) { // SPEC Q4
  pass = [](auto from, auto to, const auto&) { return from != 2 && to != 2; };
  run(3s);
  EXPECT_FALSE(machines[0]->serving());
  EXPECT_FALSE(machines[1]->serving());
  heal();
  run(2s);
  all_are_there();
  for (const auto& x : delivered)
    EXPECT_EQ(x.at(0), "X");
}

TEST_F(AloneWithItsConfiguration, AnOperatorMayDoWithoutIt) { // SPEC Q6
  pass = [](auto from, auto to, const auto&) { return from != 2 && to != 2; };
  run(1s);
  for (const std::size_t i : {0u, 1u})
    perform(i, machines[i]->force_primary(now, false));
  run(1s);
  EXPECT_TRUE(machines[0]->serving());
  EXPECT_TRUE(machines[1]->serving());
}

// It gives them what it holds below its configuration, though that is not all
// final: else nobody ever could be fit.
TEST_F(AloneWithItsConfiguration, GivesTheOthersWhatIsNotFinal) { // SPEC Q5
  auto x = disk_of(2);
  x.position = {};
  msg::message_body body{{server_id{3}, life_id{1}, 1}, {}, {}};
  body.kind = msg::body_kind::packed;
  pack(body.bytes, "X");
  x.items = {body};
  restart(2, x);
  heal();
  run(2s);
  all_are_there();
  for (const auto& y : delivered)
    EXPECT_EQ(y.back(), "X");
}

} // namespace
} // namespace dfs::core
