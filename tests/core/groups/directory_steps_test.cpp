#include "core/groups/version_directory.hpp"
#include "core/versions/group_placement.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>
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
  std::map<store_id, store_age> ages;
  std::map<std::uint64_t, std::uint64_t> stores; ///< Rows, as servers tell.
  std::map<std::uint64_t, std::uint64_t> lives;  ///< Of servers.
  std::vector<msg::rejoin_group> rejoins;        ///< Ordered.
  bool told_back = false; ///< By the last answer to a registration.

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
    for (const auto& [store, row] : ages)
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
      } else if (auto* gone = std::get_if<remove_fileserver>(&x)) {
        rows.erase(gone->store);
        ages.erase(gone->store);
      } else if (auto* age = std::get_if<log_store_age>(&x)) {
        ages[age->row.store] = age->row;
      }
    }
    machine->check();
  }
  boot_id boot(std::uint64_t i) {
    return boot_id{i + 100 * lives[i]};
  }
  void enrol(std::uint64_t i) {
    msg::register_fileserver x;
    x.store = store_id{i};
    x.boot = boot(i);
    x.member
      = {*ip_address::parse("10.0.0.1"), static_cast<std::uint16_t>(i), 1};
    x.data = {x.member.ip, static_cast<std::uint16_t>(7'000 + i)};
    x.rows = stores[i];
    const auto answer = machine->register_server(x, now);
    ASSERT_TRUE(answer);
    told_back = answer->went_back;
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
        x.boot = boot(i);
        x.term = term;
        x.sequence = ++beats[store];
        x.groups = {stands[store]};
        x.all_told = true;
        x.full = full.contains(store);
        x.rows = stores[i];
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
    for (const auto& y : x.lead) {
      own.leads = y.ballot;
      ++takeovers;
      said.led.push_back({group, y.ballot});
    }
    drops += x.drop.size();
    rejoins.insert(rejoins.end(), x.rejoin.begin(), x.rejoin.end());
    if (obeys_rejoins)
      for (const auto& y : x.rejoin) {
        own.quarantined = y.order == msg::rejoin_order::quarantine;
        said.rejoined.push_back({group, y.epoch, y.order});
      }
    news(to, std::move(said));
  }
  void news(store_id from, msg::group_news said) {
    said.store = from;
    said.boot = boot(from.value());
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
  [[nodiscard]] std::uint64_t primary() const {
    return entry().primary.value();
  }
  std::set<store_id> full;   ///< Say so.
  std::size_t drops = 0;     ///< Ordered.
  std::size_t takeovers = 0; ///< Likewise.
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

// Puts go on where others have room; nothing moves to and fro. SPEC V2, O3
TEST_F(DirectorySteps, LeadsLeaveAServerWithoutRoom) {
  for (const std::uint64_t i : {1, 2, 3})
    enrol(i);
  live(10s, {1, 2, 3});
  const auto first = primary();
  ASSERT_NE(first, 0u);
  full.insert(store_id{first});
  live(1s, {1, 2, 3});
  const auto second = primary();
  EXPECT_NE(second, first);
  EXPECT_TRUE(entry().led);
  // It comes and goes, as removals make room and puts use it up.
  const auto before = takeovers;
  for (int i = 0; i < 10; ++i) {
    full.erase(store_id{first});
    live(3s, {1, 2, 3});
    full.insert(store_id{first});
    live(3s, {1, 2, 3});
  }
  EXPECT_EQ(takeovers, before);
  // The other one dies: the third leads, not the full one.
  std::vector<std::uint64_t> rest;
  for (const std::uint64_t i : {1, 2, 3})
    if (i != second)
      rest.push_back(i);
  live(4s, rest);
  const auto third = primary();
  EXPECT_TRUE(third != 0 && third != first && third != second) << third;
  // Nobody has room: it is led all the same, and by whom it was.
  for (const std::uint64_t i : {1, 2, 3})
    full.insert(store_id{i});
  live(3s, rest);
  EXPECT_EQ(primary(), third);
}

TEST_F(DirectorySteps, WhoHasHadRoomForAWhileLeadsAgain) {
  for (const std::uint64_t i : {1, 2, 3})
    enrol(i);
  for (const std::uint64_t i : {1, 2})
    full.insert(store_id{i});
  live(10s, {1, 2, 3});
  ASSERT_EQ(primary(), 3u);
  full = {store_id{3}};
  live(5s, {1, 2, 3});
  EXPECT_EQ(primary(), 3u) << "too soon";
  live(8s, {1, 2, 3});
  EXPECT_NE(primary(), 3u);
}

// Under puts a copy is always on its way to somebody. SPEC V6
TEST_F(DirectorySteps, ABusyGroupMovesToWhoHasABetterRight) {
  std::vector<placement_candidate> all;
  for (const std::uint64_t i : {1, 2, 3, 4})
    all.push_back({store_id{i}, {}});
  const auto best = choose_group_servers(group, all, 3);
  std::vector<std::uint64_t> who; // All but the best.
  for (const auto& x : all)
    if (x.store != best.front())
      who.push_back(x.store.value());
  for (const auto i : who)
    enrol(i);
  live(5s, who);
  ASSERT_TRUE(entry().led);
  enrol(best.front().value());
  const auto busy = [&](std::chrono::milliseconds time, bool lasting) {
    for (std::size_t beat = 0; beat < static_cast<std::size_t>(time / 250ms);
         ++beat) {
      for (std::size_t i = 0; i < who.size(); ++i)
        stands[store_id{who[i]}].missing
          = lasting && i == 0 ? 1 : (beat + i) % 3;
      live(250ms, {1, 2, 3, 4});
    }
  };
  busy(20s, true);
  EXPECT_FALSE(of_set(entry().in_force, best.front())) << "one lacks something";
  busy(20s, false);
  EXPECT_TRUE(of_set(entry().in_force, best.front()));
}

// What was last told is not what is. SPEC V7
TEST_F(DirectorySteps, NobodyDropsAGroupThatASilentServerCountsFor) {
  for (const std::uint64_t i : {1, 2, 3})
    enrol(i);
  live(3s, {1, 2, 3});
  ASSERT_TRUE(entry().led);
  enrol(4); // Has something of an older epoch.
  stands[store_id{4}].epoch = group_epoch{1};
  live(2s, {1, 2, 4}); // One of the set is silent, and not yet declared failed.
  drops = 0;
  stands[store_id{4}].files = 1;
  live(3s, {1, 2, 4});
  EXPECT_EQ(drops, 0u);
  live(2s, {1, 2, 3, 4});
  EXPECT_GT(drops, 0u) << "all have everything, and are there";
}

TEST_F(DirectorySteps, AFileServerIsForgottenWhenNoGroupCountsOnIt) { // S9
  for (const auto i : {1, 2, 3, 4})
    enrol(static_cast<std::uint64_t>(i));
  live(3s, {1, 2, 3, 4});
  ASSERT_TRUE(entry().ready);
  const auto gone = entry().in_force.servers.front();
  std::vector<std::uint64_t> left;
  for (const auto i : {1, 2, 3, 4})
    if (store_id{static_cast<std::uint64_t>(i)} != gone)
      left.push_back(static_cast<std::uint64_t>(i));
  const auto forget = [&](const std::string& who) {
    const auto said = machine->forget({who}, now);
    drain();
    return said ? std::optional<ec>{} : said.error().code;
  };
  const auto id = fmt::format("{:016x}", gone.value());
  EXPECT_EQ(forget("nobody"), ec::not_found);
  EXPECT_EQ(forget(id), ec::exists);
  live(4s, left);
  EXPECT_EQ(forget(id), ec::not_empty) << "its group counts on it yet";
  live(15s, left);
  ASSERT_FALSE(of_set(entry().in_force, gone));
  EXPECT_TRUE(rows.contains(gone));
  EXPECT_EQ(forget(id), std::nullopt);
  EXPECT_FALSE(rows.contains(gone));
  EXPECT_FALSE(machine->servers().contains(gone));
  EXPECT_TRUE(machine->repairs().empty());
  EXPECT_EQ(forget(id), ec::not_found);
  live(3s, left);
  EXPECT_TRUE(machine->whole(entry()));
  begin(2);
  EXPECT_FALSE(machine->servers().contains(gone));
  for (const auto i : {1, 2, 3, 4})
    enrol(static_cast<std::uint64_t>(i)); // It, too, all the same.
  live(3s, {1, 2, 3, 4});
  EXPECT_TRUE(machine->servers().contains(gone));
}

// Its promises and acceptances may be gone: it counts when it is refilled, and
// keeps to every ballot that was ever given.
TEST_F(DirectorySteps, AStoreThatWentBackIsRefilled) { // SPEC V7, G12
  for (const std::uint64_t i : {1, 2, 3}) {
    stores[i] = 100;
    enrol(i);
  }
  EXPECT_FALSE(told_back);
  stores[3] = 200;
  live(3s, {1, 2, 3});
  ASSERT_TRUE(entry().led);
  EXPECT_EQ(ages.at(store_id{3}).rows, 200u);
  stores[3] = 199;
  enrol(3);
  EXPECT_FALSE(told_back) << "what was told in one life came late";
  ++lives[3];
  beats[store_id{3}] = 0;
  obeys_rejoins = false;
  enrol(3);
  EXPECT_TRUE(told_back);
  EXPECT_FALSE(machine->fit(entry(), store_id{3}));
  EXPECT_TRUE(rows.at(store_id{3}).failed);
  live(60s, {1, 3}); // It is not taken back as it is.
  for (const auto& x : rejoins)
    EXPECT_NE(x.order, msg::rejoin_order::take_back);
  // Nor by the next master, whatever was written meanwhile.
  stores[3] = 1'000;
  begin(2);
  for (const std::uint64_t i : {1, 2, 3})
    enrol(i);
  EXPECT_TRUE(told_back);
  obeys_rejoins = true;
  rejoins.clear();
  live(5s, {1, 2, 3});
  ASSERT_TRUE(machine->fit(entry(), store_id{3}));
  ASSERT_FALSE(rejoins.empty());
  EXPECT_EQ(rejoins.back().order, msg::rejoin_order::refill);
  EXPECT_GE(rejoins.back().floor, entry().ballot);
  EXPECT_FALSE(rows.at(store_id{3}).failed);
  enrol(3);
  EXPECT_FALSE(told_back);
}

} // namespace
} // namespace dfs::core
