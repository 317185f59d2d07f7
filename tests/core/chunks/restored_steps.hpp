#pragma once

#include "core/chunks/directory_machine.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace dfs::core::test {

using namespace std::chrono_literals;

inline constexpr master_term term{65'538};
inline constexpr chunk_id old_chunk{7};
inline constexpr chunk_id fresh_chunk{9};
inline constexpr chunk_version floor_of_it{1u << 24};

/// A master whose metadata were restored from a backup, while chunkservers have
/// what the lost one made of them (docs/protocols/chunks.md, "After a
/// restore").
struct RestoredMaster : ::testing::Test {
  instant now{1h};
  directory_machine machine{
    {.config = config(), .term = term, .restored_at = term, .seed = 7}, now};
  std::map<std::uint64_t, std::uint64_t> sequences;
  std::vector<ask_server> asked;
  std::vector<answer_lease> answers;
  std::vector<log_row> logged;
  bool confirmed = false;

  static directory_config config() {
    directory_config x;
    x.orphan_life = 1min;
    x.repair_delay = 24h;
    x.pending_life = 1min;
    return x;
  }

  // Three servers, and a chunk of a file, of version 3, in the backup.
  RestoredMaster() {
    for (std::uint64_t i = 1; i <= 3; ++i)
      machine.load_server_row({store_id{i}, name(i), name(i), data(i)});
    machine.load_file_row(
      {.chunk = old_chunk,
       .file = inode_id{9},
       .extent = {chunk_version{3}, mutation_serial{5}, 10, 10},
       .replication = 3});
  }

  static std::string name(std::uint64_t i) {
    return "store-" + std::to_string(i);
  }
  static endpoint data(std::uint64_t i) {
    return *endpoint::parse("10.0.0." + std::to_string(i) + ":7405");
  }

  void take() {
    for (auto& x : machine.take_effects()) {
      if (auto* order = std::get_if<ask_server>(&x))
        asked.push_back(*order);
      else if (auto* answer = std::get_if<answer_lease>(&x))
        answers.push_back(*answer);
      else if (auto* row = std::get_if<log_row>(&x))
        logged.push_back(*row);
      else if (std::holds_alternative<log_confirmed>(x))
        confirmed = true;
    }
    machine.check();
  }

  void enlist(std::uint64_t i, const std::vector<msg::chunk_state>& has) {
    msg::register_chunkserver x;
    x.store = store_id{i};
    x.boot = boot_id{i};
    x.name = x.zone = name(i);
    x.data = data(i);
    x.volumes = {{1, 1u << 30, 1u << 29, false, "/disk"}};
    ASSERT_TRUE(machine.register_server(x, now));
    sequences[i] = 0;
    ASSERT_TRUE(
      machine.report({store_id{i}, boot_id{i}, 0, true, 0, has, {}}, now));
    beat(i);
  }

  /// The next one of that server, with no news.
  msg::chunk_heartbeat heartbeat_of(std::uint64_t i) {
    msg::chunk_heartbeat x;
    x.store = store_id{i};
    x.boot = boot_id{i};
    x.term = term;
    x.sequence = ++sequences[i];
    x.heard = x.sequence - 1;
    x.volumes = {{1, 1u << 30, 1u << 29, false, "/disk"}};
    x.led_last = x.all_told = true;
    return x;
  }

  /// @param news What is new there.
  void beat(std::uint64_t i, std::vector<msg::chunk_state> news = {}) {
    auto x = heartbeat_of(i);
    x.arrived = std::move(news);
    EXPECT_TRUE(machine.heartbeat(x, now));
    take();
  }

  void pass(std::chrono::nanoseconds time) {
    for (const auto end = now + time; now < end;) {
      now += std::min<std::chrono::nanoseconds>(500ms, end - now);
      for (auto& [i, sequence] : sequences)
        beat(i);
      machine.tick(now);
      take();
    }
  }

  static msg::chunk_state
  state(chunk_id chunk, std::uint64_t version, std::uint64_t serial = 5) {
    return {chunk, {chunk_version{version}, mutation_serial{serial}, 10, 10}};
  }

  template <class Order>
  std::vector<Order> orders() const {
    std::vector<Order> found;
    for (const auto& x : asked)
      if (const auto* order = std::get_if<Order>(&x.order))
        found.push_back(*order);
    return found;
  }

  result<msg::file_layout> locate() {
    msg::file_layout layout;
    layout.chunks.push_back({.chunk = old_chunk});
    return machine.locate(layout, now);
  }

  chunk_version version() const {
    return chunk_version{machine.state().table.find(old_chunk)->version};
  }

  // A file whose only chunk was empty when the backup was made.
  void load_fresh() {
    machine.load_file_row({.chunk = fresh_chunk,
                           .file = inode_id{10},
                           .extent = {chunk_version{1}, {}, 0, 0},
                           .replication = 3,
                           .intent = {},
                           .set = {store_id{1}, store_id{2}, store_id{3}}});
  }

  server_index index(std::uint64_t i) const {
    return machine.state().servers.find(store_id{i}).value();
  }

  // An appender comes; up to where replicas are to be fenced.
  void ask_for_a_lease(chunk_id chunk = old_chunk) {
    machine.lease(1, {chunk, {}, {}}, now);
    take();
    pass(2s);
    while (!logged.empty()) {
      const auto token = logged.front().token;
      logged.erase(logged.begin());
      machine.logged(token, now);
      take();
    }
  }
};

} // namespace dfs::core::test
