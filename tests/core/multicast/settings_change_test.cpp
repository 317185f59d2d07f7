#include "support/multicast_machines.hpp"

#include <algorithm>

// Servers that are restarted with other settings, one after another: which rule
// decides meanwhile, and from when on the new one does.

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

class SettingsChange : public multicast_machines {
protected:
  void form(std::size_t n, primary_rule rule = primary_rule::majority) {
    durable = true;
    begin(n, rule);
    run(500ms);
    submit(0, 1, "x");
    run(100ms);
    for (const auto& x : delivered)
      ASSERT_EQ(x.size(), 1u);
  }

  /// With the settings that `config` has now.
  void restart_all(const std::vector<std::size_t>& which) {
    for (const auto i : which)
      restart_with_state(i);
  }

  void cut_off(std::size_t who) {
    pass = [who](auto from, auto to, const auto&) {
      return from != who && to != who;
    };
  }
  void heal() {
    pass = [](auto, auto, const auto&) { return true; };
  }

  static bool has_ready(const msg::multicast_packet& x) {
    return std::ranges::any_of(x.parts, [](const auto& part) {
      return std::holds_alternative<msg::member_ready>(part);
    });
  }

  [[nodiscard]] std::size_t members(std::size_t who) const {
    const auto* x = machines[who]->configuration();
    return x ? x->members.size() : 0;
  }
};

// By the new rule it would be the primary alone, beside the others.
TEST_F(SettingsChange, IsNotInForceAtOneServerAlone) { // SPEC Q6
  form(3);
  config.rule = primary_rule::highest_id;
  restart_all({2});
  run(3s);
  EXPECT_FALSE(machines[2]->serving());
  EXPECT_EQ(losses[server_id{3}].back().why, primary_verdict::too_early);
  EXPECT_TRUE(machines[0]->serving());
  EXPECT_TRUE(machines[1]->serving());
  submit(0, 2, "y");
  run(50ms);
  EXPECT_EQ(safe.back(), 2u);
}

TEST_F(SettingsChange, IsInForceWhenAllHaveIt) { // SPEC Q6, Q10
  form(3);
  config.rule = primary_rule::highest_id;
  restart_all({2});
  run(3s);
  submit(0, 2, "y");
  run(50ms);
  restart_all({1});
  run(3s);
  for (const auto& x : machines)
    EXPECT_FALSE(x->serving());
  restart_all({0});
  run(3s);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(members(i), 3u);
    EXPECT_EQ(machines[i]->position().k, 2u);
    EXPECT_EQ(machines[i]->record().rules, rules_of(config));
    EXPECT_FALSE(machines[i]->record().next_rules);
  }
  cut_off(2);
  run(3s);
  EXPECT_TRUE(machines[2]->serving());
  EXPECT_FALSE(machines[0]->serving());
  EXPECT_FALSE(machines[1]->serving());
}

// Two have gone on by the former rule, and the third one has not heard of it.
TEST_F(SettingsChange, KeepsWhatWasDoneByTheFormerRule) { // SPEC Q4
  form(3);
  cut_off(2);
  run(3s);
  submit(0, 2, "y");
  run(50ms);
  ASSERT_EQ(safe.back(), 2u);
  config.rule = primary_rule::highest_id;
  heal();
  restart_all({0, 1, 2});
  run(4s);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(members(i), 3u);
    EXPECT_EQ(machines[i]->position().k, 2u);
  }
  EXPECT_EQ(replaced, (std::map<server_id, int>{{server_id{3}, 1}}));
}

TEST_F(SettingsChange, TakesInServers) { // SPEC Q5
  form(2);
  config.servers.push_back(server_id{3});
  stores.push_back(store_id{3});
  machines.push_back(nullptr);
  delivered.emplace_back();
  announced.emplace_back();
  serves.push_back(false);
  issued.push_back(0);
  done.push_back(0);
  restart(2, std::nullopt);
  restart_all({0, 1});
  run(4s);
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(members(i), 3u);
}

TEST_F(SettingsChange, LeavesServersOut) { // SPEC Q6
  form(3);
  cut_off(2); // It is stopped first.
  run(3s);
  EXPECT_EQ(members(1), 2u);
  config.servers.pop_back();
  restart_all({0});
  run(3s);
  EXPECT_FALSE(machines[0]->serving());
  restart_all({1});
  run(3s);
  EXPECT_EQ(members(0), 2u);
  EXPECT_EQ(members(1), 2u);
  EXPECT_FALSE(machines[2]->serving()); // It has the former settings.
}

// The former rule may want a server that the new settings do not have.
TEST_F(SettingsChange, NeedsAQuorumByTheFormerRule) { // SPEC Q6
  form(3, primary_rule::highest_id);
  config.rule = primary_rule::majority;
  config.servers.pop_back();
  restart_all({0, 1});
  run(4s);
  EXPECT_FALSE(machines[0]->serving());
  EXPECT_FALSE(machines[1]->serving());
  EXPECT_TRUE(machines[2]->serving());
  // Until an operator says so.
  perform(0, machines[0]->force_primary(now, false));
  run(1s);
  EXPECT_EQ(members(0), 2u);
  EXPECT_EQ(machines[0]->record().rules, rules_of(config));
  cut_off(1);
  run(3s);
  EXPECT_FALSE(machines[0]->serving());
}

// Only the leader has installed what was formed with the new settings: the
// others were ready for it, and go by the new ones when they hear of that.
TEST_F(SettingsChange, IsInForceWithWhoeverHasInstalledIt) { // SPEC Q4
  form(3);
  config.rule = primary_rule::highest_id;
  const auto former = machines[2]->record().known.id;
  pass = [&](auto from, auto to, const auto&) {
    const bool alone = machines[2]->record().known.id > former;
    return !alone || (from != 2 && to != 2);
  };
  restart_all({0, 1, 2});
  for (int i = 0; i < 400 && machines[2]->record().known.id == former; ++i)
    run(10ms);
  ASSERT_EQ(machines[2]->record().rules, rules_of(config));
  EXPECT_EQ(machines[0]->record().next_rules, rules_of(config));
  EXPECT_NE(machines[0]->record().rules, rules_of(config));
  run(3s);
  EXPECT_TRUE(machines[2]->serving());
  EXPECT_FALSE(machines[0]->serving());
  restart_all({0});
  run(3s);
  EXPECT_FALSE(machines[0]->serving());
  heal();
  run(3s);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(members(i), 3u);
    EXPECT_EQ(machines[i]->record().rules, rules_of(config));
    EXPECT_FALSE(machines[i]->record().next_rules);
  }
}

// Of a log of an older version nothing is known: it goes by what is configured.
TEST_F(SettingsChange, IsNoneForALogWithoutRules) { // SPEC Q10
  form(3);
  for (const std::size_t i : {0u, 1u, 2u}) {
    auto stored = disk_of(i);
    stored.record.rules.reset();
    restart(i, stored);
  }
  run(3s);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(members(i), 3u);
    EXPECT_EQ(machines[i]->record().rules, rules_of(config));
  }
}

} // namespace
} // namespace dfs::core
