#pragma once

#include "core/chunks/keeper_machine.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dfs::core {

using namespace std::chrono_literals;

inline msg::chunk_state
state_of(std::uint64_t chunk, std::uint64_t version = 1) {
  return {chunk_id{chunk}, {chunk_version{version}, {}, 0, 0}};
}

inline led_page nothing_since(const ask_led& x) {
  return {{}, x.after, true};
}

// A machine, and what it wants done. Time passes where a test says so.
struct KeeperMachine : ::testing::Test {
  std::chrono::nanoseconds time{0};
  std::chrono::nanoseconds ahead{0}; ///< Of the wall clock.
  keeper_machine machine{{},
                         {store_id{1}, boot_id{2}, "chunk-1", "east",
                          *endpoint::parse("10.0.0.5:7403")},
                         {master_term{3}, 0, 0},
                         0,
                         now()};
  keeper_effects done; ///< All effects of the last step.

  [[nodiscard]] clock_pair now() const {
    return {boot_instant{1h + time}, 1'000'000h + time + ahead};
  }

  void step(keeper_effects effects) {
    done = std::move(effects);
    machine.check();
  }

  void wait(std::chrono::nanoseconds by) {
    time += by;
    step(machine.tick(now()));
  }

  template <class T>
  [[nodiscard]] std::optional<T> find() const {
    std::optional<T> found;
    for (const auto& x : done)
      if (const auto* y = std::get_if<T>(&x))
        found = *y;
    return found;
  }

  [[nodiscard]] bool noted(keeper_note::kind what) const {
    for (const auto& x : done)
      if (const auto* y = std::get_if<keeper_note>(&x); y && y->what == what)
        return true;
    return false;
  }

  // Up to the registration, which is not answered yet.
  send_registration begin() {
    wait(0s);
    EXPECT_TRUE(find<find_master>());
    step(machine.master_found({}, now()));
    auto asked = find<send_registration>();
    EXPECT_TRUE(asked);
    return asked.value_or(send_registration{});
  }

  keeper_talk talk = 0;

  // With a master of the term that was obeyed last; the list of replicas is
  // asked for.
  void enlist(std::uint64_t term = 3) {
    talk = begin().talk;
    step(machine.registered(talk, {master_term{term}, 500, 0, 60'000}, now()));
  }

  // And it has reported this; the next heartbeat waits for what is led.
  void report(std::vector<msg::chunk_state> chunks = {}) {
    const auto asked = find<list_replicas>();
    ASSERT_TRUE(asked);
    const auto led = find<ask_led>();
    step(
      machine.replicas_listed(asked->ticket, {std::move(chunks), {}}, now()));
    while (const auto page = find<send_page>())
      step(machine.page_answered(talk, page->what.page, now()));
    if (led)
      step(machine.led_told(led->ticket, nothing_since(*led), now()));
  }

  // The heartbeat that is due, with what is led told at once.
  std::optional<send_beat> beat() {
    if (const auto asked = find<ask_led>())
      step(machine.led_told(asked->ticket, nothing_since(*asked), now()));
    return find<send_beat>();
  }

  static msg::chunk_heartbeat_ack answer_to(const msg::chunk_heartbeat& x) {
    msg::chunk_heartbeat_ack y;
    y.term = x.term;
    y.boot = x.boot;
    y.sequence = x.sequence;
    y.node_lease_ms = 3'000;
    return y;
  }

  void answer(const send_beat& x) {
    step(machine.beat_answered(x.talk, answer_to(x.what), now()));
  }

  // Registered, all is reported and told, and the lease runs.
  void settle() {
    enlist();
    report();
    for (auto x = beat(); x; x = beat())
      answer(*x);
    ASSERT_TRUE(machine.status().reported);
    ASSERT_GT(machine.status().lease_until, now().boot);
  }

  // To the next heartbeat.
  send_beat next_beat() {
    for (int i = 0; i < 12; ++i) {
      wait(50ms);
      if (const auto x = beat())
        return *x;
    }
    ADD_FAILURE() << "no heartbeat";
    return {};
  }
};

} // namespace dfs::core
