#pragma once

#include "core/chunks/directory_machine.hpp"
#include "core/chunks/directory_report.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace dfs::core::test {

using namespace std::chrono_literals;

inline constexpr chunk_id chunk{7};
inline constexpr msg::chunk_extent extent{chunk_version{2}, mutation_serial{9},
                                          1'000, 1'000};

/// A master and what it wants done. Rows are durable at once.
struct Master : ::testing::Test {
  static directory_machine::options options(std::uint64_t term) {
    return {{}, master_term{term}, master_term{1}, 7};
  }

  instant now{};
  std::optional<directory_machine> machine{std::in_place, options(2), now};
  std::vector<ask_server> asked;
  std::vector<answer_lease> answers;
  std::vector<msg::file_growth> growth; ///< Told to the names.
  std::optional<chunk_row> row;         ///< The last.
  bool slow_log = false; ///< Rows are durable when the test says so.
  std::vector<effect_token> logging;
  std::set<std::uint8_t> servers;
  unsigned lives = 1; ///< Of all of them.
  std::map<std::uint8_t, std::uint64_t> sequences;
  std::map<std::uint8_t, std::uint64_t> last_heard;

  boot_id boot(std::uint8_t n) const {
    return boot_id{lives * 100u + n};
  }

  void load(const msg::chunk_extent& x) {
    machine->load_file_row({.chunk = chunk,
                            .file = inode_id{5},
                            .extent = x,
                            .replication = 3,
                            .intent = {},
                            .set = {store_id{1}, store_id{2}, store_id{3}}});
  }

  void come(std::uint8_t n) {
    servers.insert(n);
    sequences[n] = last_heard[n] = 0;
    msg::register_chunkserver card;
    card.store = store_id{n};
    card.boot = boot(n);
    card.name = "store-" + std::to_string(n);
    card.zone = card.name;
    card.data = *endpoint::parse("10.0.0." + std::to_string(n) + ":7405");
    card.volumes = {{n, 1u << 30, 1u << 30, false, "/disk"}};
    EXPECT_TRUE(machine->register_server(card, now));
    perform();
  }

  void enrol(std::uint8_t n, std::optional<msg::chunk_extent> has) {
    come(n);
    report(n, has);
  }

  /// @param refused The server shows it to nobody.
  void report(std::uint8_t n, std::optional<msg::chunk_extent> has,
              bool refused = false) {
    msg::report_chunks x{store_id{n}, boot(n), 0, true, ++sequences[n], {}, {}};
    if (has)
      x.chunks.push_back({chunk, *has});
    if (refused)
      x.refused.push_back(chunk);
    EXPECT_TRUE(machine->report(x, now));
    perform();
  }

  /// @param corrupt, lost What it tells besides.
  msg::chunk_heartbeat_ack beat(std::uint8_t n,
                                std::vector<chunk_id> corrupt = {},
                                std::vector<chunk_id> lost = {}) {
    msg::chunk_heartbeat x;
    x.store = store_id{n};
    x.boot = boot(n);
    x.term = machine->state().term;
    x.sequence = ++sequences[n];
    x.heard = std::exchange(last_heard[n], x.sequence);
    x.volumes = {{n, 1u << 30, 1u << 30, false, "/disk"}};
    x.led_last = true;
    x.corrupt = std::move(corrupt);
    x.lost = std::move(lost);
    auto y = machine->heartbeat(x, now);
    EXPECT_TRUE(y);
    perform();
    return y ? *y : msg::chunk_heartbeat_ack{};
  }

  void pass(std::chrono::milliseconds time) {
    now += time;
    for (const auto n : servers)
      beat(n);
    machine->tick(now);
    perform();
  }

  void perform() {
    for (auto effects = machine->take_effects(); !effects.empty();
         effects = machine->take_effects())
      for (auto& effect : effects)
        if (auto* ask = std::get_if<ask_server>(&effect))
          asked.push_back(std::move(*ask));
        else if (auto* answer = std::get_if<answer_lease>(&effect))
          answers.push_back(std::move(*answer));
        else if (auto* grown = std::get_if<tell_growth>(&effect))
          growth.insert(growth.end(), grown->event.files.begin(),
                        grown->event.files.end());
        else if (auto* log = std::get_if<log_row>(&effect)) {
          row = log->row;
          if (slow_log)
            logging.push_back(log->token);
          else
            machine->logged(log->token, now);
        }
    machine->check();
  }

  void finish_log() {
    for (const auto token : std::exchange(logging, {}))
      machine->logged(token, now);
    perform();
  }

  std::uint8_t number_of(const ask_server& x) const {
    return static_cast<std::uint8_t>(
      machine->state().servers.at(x.server).store.value());
  }

  template <class Order>
  std::size_t orders() const {
    return static_cast<std::size_t>(
      std::count_if(asked.begin(), asked.end(), [](const auto& x) {
        return std::holds_alternative<Order>(x.order);
      }));
  }

  /// Server `n` persists what its fence says, and answers.
  void fence_at(std::uint8_t n, msg::chunk_extent here = extent) {
    for (auto i = asked.begin(); i != asked.end(); ++i)
      if (const auto* order = std::get_if<msg::fence_chunk>(&i->order);
          order != nullptr && number_of(*i) == n) {
        here.version = order->version;
        const auto token = i->token;
        asked.erase(i);
        machine->answered(token, server_reply{msg::chunk_fenced{{chunk, here}}},
                          now);
        perform();
        return;
      }
    ADD_FAILURE() << "no fence for " << int{n};
  }

  /// The only fence that is not answered yet is not answered at all.
  void lose_fence() {
    ASSERT_EQ(asked.size(), 1u);
    const auto token = asked[0].token;
    asked.clear();
    machine->answered(token, fail(ec::timed_out), now);
    perform();
  }

  /// Who was asked to take the lease; 0: nobody was.
  std::uint8_t asked_to_lead() const {
    for (const auto& x : asked)
      if (std::holds_alternative<msg::take_lease>(x.order))
        return number_of(x);
    return 0;
  }

  /// The server that was asked to lead says that it reaches too few others.
  void refuse_to_lead() {
    for (auto i = asked.begin(); i != asked.end(); ++i)
      if (std::holds_alternative<msg::take_lease>(i->order)) {
        const auto token = i->token;
        asked.erase(i);
        machine->answered(token, fail(ec::no_redundancy), now);
        perform();
        return;
      }
    ADD_FAILURE() << "nobody was asked to lead";
  }

  /// The server that was asked takes the lease, or says who is behind.
  void take(std::vector<store_id> behind, msg::chunk_extent here = extent) {
    for (auto i = asked.begin(); i != asked.end(); ++i)
      if (const auto* order = std::get_if<msg::take_lease>(&i->order)) {
        here.version = order->grant.version;
        const auto token = i->token;
        asked.erase(i);
        machine->answered(
          token, server_reply{msg::lease_taken{{chunk, here}, behind}}, now);
        perform();
        return;
      }
    ADD_FAILURE() << "nobody was asked to lead";
  }
};

} // namespace dfs::core::test
