#pragma once

#include "core/multicast/multicast_machine.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace dfs::core {

/// Servers 1 … n over a network that loses what it is told to; in memory mode,
/// or with disks that take no time, or hang.
class multicast_machines : public testing::Test {
protected:
  using part = msg::multicast_part;

  void begin(std::size_t n, primary_rule rule = primary_rule::majority) {
    config.durable = durable;
    config.rule = rule;
    for (std::uint64_t i = 1; i <= n; ++i)
      config.servers.push_back(server_id{i});
    for (std::uint64_t i = 1; i <= n; ++i) {
      stores.push_back(store_id{i});
      machines.push_back(std::make_unique<multicast_machine>(
        config, msg::group_member{server_id{i}, store_id{i}, life_id{1}},
        std::nullopt, now));
      delivered.emplace_back();
      announced.emplace_back();
      serves.push_back(false);
      issued.push_back(0);
      done.push_back(0);
    }
    for (std::size_t i = 0; i < n; ++i)
      perform(i, machines[i]->start(now));
  }

  void perform(std::size_t who, multicast_effects effects) {
    for (auto& x : effects) {
      if (auto* send = std::get_if<send_multicast>(&x)) {
        auto bytes = packet_header_bytes;
        for (const auto& y : send->packet.parts)
          bytes += bytes_of(y);
        EXPECT_LE(bytes, msg::multicast_packet_bytes_max);
        for (const auto to : send->to)
          if (pass(who, to.value() - 1, send->packet))
            network.emplace_back(to.value() - 1, send->packet);
      } else if (auto* payload = std::get_if<deliver_payload>(&x)) {
        delivered[who].push_back(payload->payload);
        if (payload->token)
          safe.push_back(*payload->token);
      } else if (std::holds_alternative<configuration_installed>(x)) {
        announced[who].push_back(delivered[who].size());
        serves[who] = true;
      } else if (std::holds_alternative<primary_regained>(x)) {
        serves[who] = true;
      } else if (const auto* lost = std::get_if<primary_lost>(&x)) {
        serves[who] = false;
        losses[server_id{who + 1}].push_back(*lost);
      } else if (auto* ended = std::get_if<submit_ended>(&x)) {
        EXPECT_EQ(ended->outcome, submit_outcome::refused);
        refused.push_back(ended->token);
      } else if (auto* wanted = std::get_if<take_snapshot>(&x)) {
        EXPECT_EQ(wanted->ticket, ++tickets[server_id{who + 1}]);
        ++wanted_states;
        if (gives)
          perform(who,
                  machines[who]->snapshot_taken(wanted->ticket, "state", now));
      } else if (std::holds_alternative<replace_state>(x)) {
        ++replaced[server_id{who + 1}];
      } else if (std::holds_alternative<log_went_back>(x)) {
        ++went_back[server_id{who + 1}];
      }
      if (const auto token = token_of(x))
        issued[who] = token;
    }
  }

  static std::uint64_t token_of(const multicast_effect& x) {
    if (const auto* y = std::get_if<append_items>(&x))
      return y->token;
    if (const auto* y = std::get_if<store_record>(&x))
      return y->token;
    const auto* y = std::get_if<replace_state>(&x);
    return y ? y->token : 0;
  }

  void run(std::chrono::microseconds lasts) {
    for (const auto end = now + lasts; now < end;
         now += std::chrono::microseconds{100}) {
      for (auto left = network.size(); left > 0; --left) {
        auto [to, packet] = std::move(network.front());
        network.pop_front();
        perform(to, machines[to]->on_packet(packet, now));
      }
      for (std::size_t i = 0; i < machines.size(); ++i) {
        if (now >= *machines[i]->next_deadline())
          perform(i, machines[i]->tick(now));
        if (durable && issued[i] > done[i] && !hung.contains(i)) {
          done[i] = issued[i];
          perform(i, machines[i]->stored(done[i], now));
        }
        machines[i]->check();
        EXPECT_TRUE(!serves[i] || machines[i]->serving());
      }
    }
  }

  // What is final is its service's state.
  [[nodiscard]] stored_group disk_of(std::size_t who) const {
    stored_group stored;
    stored.record = machines[who]->record();
    stored.position = machines[who]->position();
    return stored;
  }

  void restart(std::size_t who, std::optional<stored_group> stored) {
    issued[who] = done[who] = 0;
    tickets[server_id{who + 1}] = 0;
    serves[who] = false;
    machines[who] = std::make_unique<multicast_machine>(
      config,
      msg::group_member{server_id{who + 1}, stores[who],
                        life_id{1 + ++restarts}},
      std::move(stored), now);
    perform(who, machines[who]->start(now));
  }

  void replace_disk(std::size_t who) {
    stores[who] = store_id{stores[who].value() + 100};
    restart(who, std::nullopt);
  }

  // As after a crash with its disk.
  void restart_with_state(std::size_t who) {
    restart(who, disk_of(who));
  }

  void submit(std::size_t who, submit_token token, std::string payload) {
    perform(who, machines[who]->submit(token, std::move(payload), now));
  }

  multicast_config config;
  bool durable = false;              ///< Set before `begin`.
  std::set<std::size_t> hung;        ///< Whose disk hangs.
  std::vector<std::uint64_t> issued; ///< Tokens, by server.
  std::vector<std::uint64_t> done;
  instant now{std::chrono::seconds{1}};
  std::vector<std::unique_ptr<multicast_machine>> machines;
  std::deque<std::pair<std::size_t, msg::multicast_packet>> network;
  std::vector<std::vector<std::string>> delivered;
  /// How much was delivered when a configuration was told of.
  std::vector<std::vector<std::size_t>> announced;
  std::vector<bool> serves; ///< As its service knows.
  std::vector<store_id> stores;
  std::vector<submit_token> safe;
  std::vector<submit_token> refused;
  std::map<server_id, int> replaced; ///< States, by whose.
  std::map<server_id, int> went_back;
  std::map<server_id, std::uint64_t> tickets; ///< Of the last state wanted.
  bool gives = true;     ///< … which it is given at once.
  int wanted_states = 0; ///< Of all.
  std::map<server_id, std::vector<primary_lost>> losses; ///< As told.
  std::uint64_t restarts = 0;
  std::function<bool(std::size_t, std::size_t, const msg::multicast_packet&)>
    pass = [](auto, auto, const auto&) { return true; };
};

} // namespace dfs::core
