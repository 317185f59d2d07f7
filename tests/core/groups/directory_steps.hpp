#pragma once

#include "core/groups/version_directory.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace dfs::core {

/// The directory step by step, with one group unless the test wants more, and
/// file servers that say what the test says.
struct DirectorySteps : testing::Test {
  static constexpr group_id group{0};

  instant now{std::chrono::hours{1}};
  master_term term;
  std::optional<version_directory> machine;
  std::map<store_id, msg::group_standing> stands; ///< In `group`.
  std::map<std::pair<store_id, group_id>, msg::group_standing> others;
  std::map<store_id, std::uint64_t> beats;
  std::vector<std::pair<store_id, msg::group_orders>> orders;
  std::vector<msg::group_set> logged;
  std::map<store_id, fileserver_row> rows;
  std::map<store_id, store_age> ages;
  std::map<std::uint64_t, std::uint64_t> stores; ///< Rows, as servers tell.
  std::map<std::uint64_t, std::uint64_t> lives;  ///< Of servers.
  std::vector<msg::rejoin_group> rejoins;        ///< Ordered.
  bool told_back = false; ///< By the last answer to a registration.
  std::map<version_note_line::kind, std::string> notes; ///< The last of each.

  void SetUp() override {
    begin(1);
  }
  void begin(std::uint64_t number) {
    version_directory_config config;
    config.rules[0] = rule;
    config.groups = groups;
    config.repair_parallel = repair_parallel;
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
      } else if (auto* note = std::get_if<version_note_line>(&x)) {
        notes[note->what] = std::move(note->text);
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
    for (std::uint64_t g = 0; g < groups; ++g)
      stand(x.store, group_id{g}).group = group_id{g};
    drain();
  }
  /// All of them live on for so long.
  void live(std::chrono::milliseconds time, std::vector<std::uint64_t> who) {
    for (const auto until = now + time; now < until;
         now += std::chrono::milliseconds{250}) {
      for (const auto i : who) {
        const store_id store{i};
        msg::fileserver_beat x;
        x.store = store;
        x.boot = boot(i);
        x.term = term;
        x.sequence = ++beats[store];
        for (std::uint64_t g = 0; g < groups && !untold.contains(store); ++g)
          x.groups.push_back(stand(store, group_id{g}));
        x.all_told = tells_all && !untold.contains(store);
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
    for (const auto& y : x.seal) {
      stand(to, y.group).sealed = true;
      said.sealed.push_back({y.group, y.epoch, y.by});
    }
    for (const auto& y : x.fill) {
      ++fills;
      fill_sources.insert(y.sources.begin(), y.sources.end());
      if (obeys_fills)
        stand(to, y.set.group).filled = y.set.epoch;
    }
    for (const auto& y : x.install) {
      if (!obeys_installs)
        continue;
      stand(to, y.set.group).installed = y.set.epoch;
      said.installed.push_back({y.set.group, y.set.epoch});
    }
    for (const auto& y : x.activate) {
      if (!obeys_activations)
        continue;
      auto& own = stand(to, y.group);
      own.epoch = y.epoch;
      own.sealed = own.quarantined = false;
      own.filled = {};
      said.activated.push_back({y.group, y.epoch});
    }
    for (const auto& y : x.lead) {
      stand(to, y.set.group).leads = y.ballot;
      ++takeovers;
      said.led.push_back({y.set.group, y.ballot});
    }
    drops += x.drop.size();
    rejoins.insert(rejoins.end(), x.rejoin.begin(), x.rejoin.end());
    if (obeys_rejoins)
      for (const auto& y : x.rejoin) {
        stand(to, y.group).quarantined
          = y.order == msg::rejoin_order::quarantine;
        said.rejoined.push_back({y.group, y.epoch, y.order});
      }
    news(to, std::move(said));
  }
  void news(store_id from, msg::group_news said) {
    said.store = from;
    said.boot = boot(from.value());
    machine->news(said, now);
    drain();
  }
  msg::group_standing& stand(store_id store, group_id which) {
    return which == group ? stands[store] : others[{store, which}];
  }
  /// Its control link breaks and its port of versions refuses.
  void kill(std::uint64_t i) {
    machine->link_lost(store_id{i}, boot(i), now);
    machine->probed(store_id{i}, boot(i), true, now);
    drain();
  }
  [[nodiscard]] const group_entry& entry(group_id which = group) const {
    return machine->groups().at(which);
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
  std::set<store_id> untold; ///< Have said nothing of any group yet.
  bool tells_all = true;     ///< The others: that there are no more groups.
  std::size_t drops = 0;     ///< Ordered.
  std::size_t takeovers = 0; ///< Likewise.
  std::size_t fills = 0;     ///< Likewise.
  std::set<store_id> fill_sources;
  bool obeys_fills = true;
  bool obeys_rejoins = true;
  bool obeys_installs = true;
  bool obeys_activations = true;
  // From the next `begin` on.
  msg::quorum_rule rule{3, 2, 2};
  std::uint64_t groups = 1;
  std::uint32_t repair_parallel = 8;
};

/// Its three servers are there, and one of them leads the group.
struct LedGroup : DirectorySteps {
  void SetUp() override {
    DirectorySteps::SetUp();
    for (const std::uint64_t i : {1, 2, 3})
      enrol(i);
    live(std::chrono::seconds{3}, {1, 2, 3});
    ASSERT_TRUE(entry().led);
  }
};

} // namespace dfs::core
