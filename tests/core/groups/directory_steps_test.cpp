#include "core/groups/version_directory.hpp"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <vector>

// The directory step by step, with file servers that say what the test says.

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

constexpr group_id group{0};

struct DirectorySteps : testing::Test {
  instant now{std::chrono::hours{1}};
  master_term term;
  std::optional<version_directory> machine;
  std::map<store_id, msg::group_standing> stands;
  std::map<store_id, std::uint64_t> beats;
  std::vector<std::pair<store_id, msg::group_orders>> orders;
  std::vector<msg::group_set> logged;
  std::map<store_id, fileserver_row> rows;

  void SetUp() override {
    begin(1);
  }
  void begin(std::uint64_t number) {
    version_directory_config config;
    config.rules[0] = {3, 2, 2};
    config.groups = 1;
    term = master_term{number};
    machine.emplace(version_directory::options{config, term}, now);
    for (const auto& x : logged)
      machine->load(x);
    for (const auto& [store, row] : rows)
      machine->load(row);
    machine->begin(now);
    drain();
  }
  void drain() {
    for (auto& x : machine->take_effects()) {
      if (auto* send = std::get_if<send_orders>(&x)) {
        orders.emplace_back(send->to, std::move(send->what));
      } else if (auto* log = std::get_if<log_group>(&x)) {
        logged.push_back(log->set);
        machine->logged(log->token, now);
      } else if (auto* row = std::get_if<log_fileserver>(&x)) {
        rows[row->row.store] = row->row;
      }
    }
    machine->check();
  }
  void enrol(std::uint64_t i) {
    msg::register_fileserver x;
    x.store = store_id{i};
    x.boot = boot_id{i};
    x.member
      = {*ip_address::parse("10.0.0.1"), static_cast<std::uint16_t>(i), 1};
    x.data = {x.member.ip, static_cast<std::uint16_t>(7'000 + i)};
    ASSERT_TRUE(machine->register_server(x, now));
    stands[x.store].group = group;
    drain();
  }
  /// All of them live on for so long.
  void live(std::chrono::milliseconds time, std::vector<std::uint64_t> who) {
    for (const auto until = now + time; now < until; now += 250ms) {
      for (const auto i : who) {
        const store_id store{i};
        msg::fileserver_beat x;
        x.store = store;
        x.boot = boot_id{i};
        x.term = term;
        x.sequence = ++beats[store];
        x.groups = {stands[store]};
        x.all_told = true;
        ASSERT_TRUE(machine->beat(x, now));
      }
      machine->tick(now);
      drain();
      obey();
    }
  }
  /// Does what was ordered, as far as it is about sets.
  void obey() {
    while (!orders.empty()) {
      auto all = std::exchange(orders, {});
      for (const auto& [to, x] : all)
        obey(to, x);
    }
  }
  void obey(store_id to, const msg::group_orders& x) {
    msg::group_news said;
    auto& own = stands[to];
    for (const auto& y : x.seal) {
      own.sealed = true;
      said.sealed.push_back({group, y.epoch, y.by});
    }
    for (const auto& y : x.install) {
      own.installed = y.set.epoch;
      said.installed.push_back({group, y.set.epoch});
    }
    for (const auto& y : x.activate) {
      if (!obeys_activations)
        continue;
      own.epoch = y.epoch;
      own.sealed = own.quarantined = false;
      said.activated.push_back({group, y.epoch});
    }
    for (const auto& y : x.lead)
      said.led.push_back({group, y.ballot});
    if (obeys_rejoins)
      for (const auto& y : x.rejoin) {
        own.quarantined = y.order == msg::rejoin_order::quarantine;
        said.rejoined.push_back({group, y.epoch, y.order});
      }
    news(to, std::move(said));
  }
  void news(store_id from, msg::group_news said) {
    said.store = from;
    said.boot = boot_id{from.value()};
    machine->news(said, now);
    drain();
  }
  [[nodiscard]] const group_entry& entry() const {
    return machine->groups().at(group);
  }
  void activated(std::uint64_t i) {
    msg::group_news said;
    said.activated.push_back({group, entry().in_force.epoch});
    news(store_id{i}, std::move(said));
  }
  bool obeys_rejoins = true;
  bool obeys_activations = true;
};

TEST_F(DirectorySteps, WhoWasDeclaredFailedIsNotFitBecauseItWasActivated) {
  // SPEC V7
  for (const auto i : {1, 2, 3})
    enrol(static_cast<std::uint64_t>(i));
  live(5s, {1, 2, 3});
  ASSERT_TRUE(entry().led);
  live(15s, {1, 2});
  ASSERT_TRUE(machine->servers().at(store_id{3}).row.failed);
  obeys_rejoins = false;
  live(500ms, {1, 2, 3});
  ASSERT_FALSE(machine->fit(entry(), store_id{3}));
  activated(3);
  EXPECT_FALSE(machine->fit(entry(), store_id{3})) << "that came late";
  obeys_rejoins = true;
  live(3s, {1, 2, 3});
  EXPECT_TRUE(machine->fit(entry(), store_id{3})) << "it is refilled";
  EXPECT_FALSE(machine->servers().at(store_id{3}).row.failed);
}

TEST_F(DirectorySteps, WhoFailsWhileASetComesInForceIsRefilled) { // SPEC V7
  for (const auto i : {1, 2, 3})
    enrol(static_cast<std::uint64_t>(i));
  obeys_activations = false;
  live(2s, {1, 2, 3});
  ASSERT_FALSE(entry().in_force.servers.empty());
  ASSERT_FALSE(entry().ready);
  live(15s, {1, 2});
  ASSERT_TRUE(machine->servers().at(store_id{3}).row.failed);
  activated(3); // It said so before it fell silent.
  activated(1);
  ASSERT_TRUE(entry().ready);
  EXPECT_TRUE(machine->fit(entry(), store_id{1}));
  EXPECT_FALSE(machine->fit(entry(), store_id{3}));
}

} // namespace
} // namespace dfs::core
