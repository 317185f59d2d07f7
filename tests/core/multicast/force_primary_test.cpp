#include "support/multicast_machines.hpp"

#include <algorithm>

// What an operator's order does, what it leaves alone, and when it is over.

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

/// What an order adds once: far more than all that these tests do by the rule.
constexpr std::uint64_t forced_epochs = 1u << 24;

class ForcedPrimary : public multicast_machines {
protected:
  void SetUp() override {
    durable = true;
    begin(3);
    run(300ms);
    submit(1, 1, "x");
    run(100ms);
    for (const auto& x : delivered)
      ASSERT_EQ(x.size(), 1u);
  }

  void cut_all() {
    pass = [](auto, auto, const auto&) { return false; };
  }
  void cut_off(std::size_t who) {
    pass = [who](auto from, auto to, const auto&) {
      return from != who && to != who;
    };
  }
  void heal() {
    pass = [](auto, auto, const auto&) { return true; };
  }

  void force(std::size_t who, bool blank = false) {
    perform(who, machines[who]->force_primary(now, blank));
  }

  [[nodiscard]] std::uint64_t epoch_of(std::size_t who) const {
    return machines[who]->record().promised.epoch;
  }

  void all_are_in_one() {
    for (const auto& x : machines) {
      ASSERT_NE(x->configuration(), nullptr);
      EXPECT_EQ(x->configuration()->members.size(), 3u);
      EXPECT_EQ(x->position().k, machines[0]->position().k);
    }
  }

  /// As from another server: it knows of that configuration.
  void hears_of(std::size_t who, std::size_t from,
                const msg::group_configuration& known) {
    msg::multicast_packet packet;
    packet.group = fingerprint_of(config);
    packet.sender = server_id{from + 1};
    packet.life = life_id{1};
    msg::group_beacon beacon;
    beacon.standing.who = {packet.sender, stores[from], packet.life};
    beacon.standing.known = known;
    packet.parts = {beacon};
    perform(who, machines[who]->on_packet(packet, now));
  }
};

// It would put nothing in the place of what all others have.
TEST_F(ForcedPrimary, IsNotOneThatHasNothing) { // SPEC Q10
  replace_disk(0);
  cut_all();
  run(1'500ms);
  force(0);
  run(5s);
  EXPECT_FALSE(machines[0]->serving());
  heal();
  run(5s);
  all_are_in_one();
  EXPECT_EQ(replaced[server_id{2}], 0);
  EXPECT_EQ(replaced[server_id{3}], 0);
}

TEST_F(ForcedPrimary, MayHaveNothingIfTheOperatorSaysSo) { // SPEC Q10
  replace_disk(0);
  cut_all();
  run(1'500ms);
  force(0, true);
  run(1s);
  EXPECT_TRUE(machines[0]->serving());
}

// Two who have gone on were heard once, and are gone for good since.
TEST_F(ForcedPrimary, MayLackTheLastConfigurationKnown) { // SPEC Q10
  auto known = machines[0]->record().known;
  known.previous = known.id;
  known.id = {known.id.epoch + 5, server_id{3}};
  known.first = 10;
  known.members.erase(known.members.begin());
  cut_all();
  run(1'500ms);
  hears_of(0, 2, known);
  ASSERT_EQ(machines[0]->record().known.id, known.id);
  ASSERT_LT(machines[0]->record().lineage, known.id);
  run(1'500ms);
  force(0);
  run(1s);
  ASSERT_TRUE(machines[0]->serving());
  submit(0, 2, "y");
  run(20ms);
  EXPECT_EQ(delivered[0].back(), "y");
  heal();
  run(5s);
  all_are_in_one();
  EXPECT_GT(machines[0]->record().known.id, known.id);
}

// The operator orders it at one that is behind, and another one is there that
// has more: that one goes on, and has heard of the order only.
TEST_F(ForcedPrimary, IsWhoeverIsThereWithMore) { // SPEC Q10
  cut_off(0);
  run(2s);
  ASSERT_TRUE(machines[2]->serving());
  submit(2, 2, "y");
  run(100ms);
  cut_all();
  run(1'500ms);
  pass = [](auto from, auto to, const auto& x) { // 3 gives 1 nothing.
    return from != 1 && to != 1
           && std::ranges::none_of(x.parts, [](const auto& part) {
                return std::holds_alternative<msg::items_fetched>(part)
                       || std::holds_alternative<msg::snapshot_offered>(part);
              });
  };
  run(1'500ms);
  ASSERT_FALSE(machines[2]->serving());
  force(0);
  run(1s);
  ASSERT_TRUE(machines[2]->serving());
  EXPECT_EQ(machines[2]->configuration()->members.size(), 1u);
  EXPECT_FALSE(machines[0]->serving());
  heal();
  run(5s);
  all_are_in_one();
  EXPECT_TRUE(replaced.empty());
}

// Else it would make any set primary that meets an hour later.
TEST_F(ForcedPrimary, IsNotOneAfterTenSeconds) { // SPEC Q6
  cut_all();
  run(1'500ms);
  hung = {0}; // Nothing comes of it.
  force(0);
  run(9'900ms);
  EXPECT_FALSE(machines[0]->serving());
  run(100ms);
  hung.clear();
  run(15s);
  EXPECT_FALSE(machines[0]->serving());
  force(0);
  run(1s);
  EXPECT_TRUE(machines[0]->serving());
}

TEST_F(ForcedPrimary, IsOneForAsLongAsTheOrderStands) { // SPEC Q10
  cut_all();
  run(1'500ms);
  hung = {0};
  force(0);
  run(9s);
  hung.clear();
  run(900ms);
  EXPECT_TRUE(machines[0]->serving());
}

// The rule says yes meanwhile: then there is nothing to override.
TEST_F(ForcedPrimary, LeavesAPrimaryByTheRuleAlone) { // SPEC Q6
  cut_all();
  run(1'500ms);
  hung = {0};
  force(0);
  run(1s);
  heal();
  hung.clear();
  run(3s);
  all_are_in_one();
  // The order is over with that.
  cut_off(0);
  run(3s);
  EXPECT_FALSE(machines[0]->serving());
  force(1); // Which is in the primary.
  run(100ms);
  cut_all();
  run(3s);
  EXPECT_FALSE(machines[1]->serving());
}

TEST_F(ForcedPrimary, IsNotTwiceAsFarAheadAfterFailures) { // SPEC Q10
  cut_all();
  run(1'500ms);
  const auto before = epoch_of(0);
  hung = {0};
  force(0);
  run(5s); // It gives up, and begins anew.
  hung.clear();
  run(2s);
  ASSERT_TRUE(machines[0]->serving());
  EXPECT_GE(epoch_of(0), before + forced_epochs);
  EXPECT_LT(epoch_of(0), before + forced_epochs + 1'000);
}

// What the servers that are gone said last is no order any more.
TEST_F(ForcedPrimary, IsForgottenByWhoHeardOfIt) { // SPEC Q10
  hung = {0};
  cut_all();
  run(1'500ms);
  force(0);
  run(1s);
  pass = [](auto from, auto to, const auto&) { return from == 0 && to != 0; };
  run(500ms);
  cut_off(0);
  run(3s);
  ASSERT_TRUE(machines[2]->serving());
  restart_with_state(1);
  run(3s);
  ASSERT_TRUE(machines[2]->serving());
  EXPECT_LT(epoch_of(2), 2 * forced_epochs);
}

// A server that is broken, or a packet of another time: what is known, and
// what is promised, only rises.
TEST_F(ForcedPrimary, IsNotNeededForWhatNobodyCanBelieve) { // SPEC Q6
  auto known = machines[0]->record().known;
  known.id.epoch = std::uint64_t{1} << 63;
  const auto before = machines[0]->record();
  hears_of(0, 2, known);
  EXPECT_EQ(machines[0]->record(), before);
  EXPECT_EQ(machines[0]->status().conflicts, 1u);
  known.id.epoch = before.promised.epoch + (std::uint64_t{1} << 32);
  hears_of(0, 2, known);
  EXPECT_EQ(machines[0]->record().known.id, known.id);
  // Who knows nothing has nothing to judge by.
  replace_disk(0);
  known.id.epoch = std::uint64_t{1} << 56;
  hears_of(0, 2, known);
  EXPECT_EQ(machines[0]->record().known.id, known.id);
}

} // namespace
} // namespace dfs::core
