#include "core/chunks/directory_machine.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <variant>
#include <vector>

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

/// A directory, four servers that do what they are told, three of which have a
/// chunk that somebody changes all the time.
struct Repair : ::testing::Test {
  static constexpr std::size_t count = 4;

  struct server {
    msg::register_chunkserver card;
    std::uint64_t sequence = 0;
    std::uint64_t heard = 0;
    bool alive = true;
    std::optional<msg::chunk_extent> holds;
  };

  instant now{};
  std::array<server, count> all;
  directory_machine machine{{{}, master_term{1}, master_term{1}, 7}, now};
  msg::chunk_grant grant; ///< The newest.
  chunk_id chunk;
  asker_id asker = 0;
  std::vector<asker_id> asking;
  std::vector<ask_server> copies; ///< Ordered, and not answered.
  std::uint64_t serial = 1;
  unsigned releases = 0;
  instant changed{}; ///< The last time that somebody led.
  std::chrono::milliseconds longest{};

  Repair() {
    for (std::uint8_t n = 0; n < count; ++n) {
      auto& x = all[n].card;
      x.store = store_id{n + 1u};
      x.boot = boot_id{n + 101u};
      x.name = "store-" + std::to_string(n);
      x.zone = x.name;
      x.data = *endpoint::parse("10.0.0." + std::to_string(n + 1) + ":7405");
      x.volumes = {{n + 1u, 1u << 30, 1u << 30, false, "/disk"}};
      EXPECT_TRUE(machine.register_server(x, now));
      EXPECT_TRUE(machine.report({x.store, x.boot, 0, true, 0, {}}, now));
    }
    for (int i = 0; i < 100; ++i)
      step(false);
    write_file();
  }

  void write_file() {
    const auto made = machine.allocate({1, 0}, now);
    ASSERT_TRUE(made);
    grant = made->grants.at(0);
    chunk = grant.chunk;
    const auto at = extent(grant.version);
    ASSERT_TRUE(machine.adopt({{grant, at}}, {true}, now));
    for (const auto& x : grant.chain)
      of(x.store).holds = at;
    machine.keep({inode_id{5}, {{chunk, at}}, 3}, now);
    lose_grant();
    changed = now;
  }

  [[nodiscard]] msg::chunk_extent extent(chunk_version version) const {
    return {version, mutation_serial{serial}, 1'000, 1'000};
  }

  server& of(store_id id) {
    return all.at(id.value() - 1);
  }

  [[nodiscard]] bool leads() const {
    return !grant.chain.empty();
  }

  /// The client's primary does not take its changes any more.
  void lose_grant() {
    const auto version = grant.version;
    grant = {};
    asking.push_back(++asker);
    machine.lease(asker, {chunk, {}, version}, now);
  }

  /// 100 ms. @param write Somebody changes the chunk, or asks who leads it.
  void step(bool write) {
    now += 100ms;
    for (auto& x : all)
      if (x.alive)
        beat(x);
    if (write && leads()) {
      ++serial;
      for (const auto& x : grant.chain)
        of(x.store).holds = extent(grant.version);
      changed = now;
    }
    machine.tick(now);
    perform();
    longest = std::max(
      longest,
      std::chrono::duration_cast<std::chrono::milliseconds>(now - changed));
    machine.check();
  }

  void beat(server& x) {
    msg::chunk_heartbeat beat;
    beat.store = x.card.store;
    beat.boot = x.card.boot;
    beat.term = master_term{1};
    beat.sequence = ++x.sequence;
    beat.heard = x.heard;
    beat.volumes = x.card.volumes;
    if (leads() && &of(grant.chain.front().store) == &x)
      beat.led.push_back(
        {chunk, grant.epoch, extent(grant.version), true, false, false});
    beat.led_last = true;
    const auto answer = machine.heartbeat(beat, now);
    ASSERT_TRUE(answer);
    x.heard = answer->sequence;
    for (const auto& gone : answer->revoked)
      if (x.holds && x.holds->version < gone.extent.version)
        x.holds.reset();
  }

  void perform() {
    for (auto effects = machine.take_effects(); !effects.empty();
         effects = machine.take_effects())
      for (auto& effect : effects)
        std::visit([&](auto& x) { perform(x); }, effect);
  }

  void perform(log_row& x) {
    machine.logged(x.token, now);
  }

  void perform(answer_lease& x) {
    if (x.answer)
      grant = x.answer->grant;
    else
      machine.lease(x.asker, {chunk, {}, {}}, now);
  }

  void perform(ask_server& x) {
    auto& server = all.at(x.server);
    if (!server.alive)
      machine.answered(x.token, fail(ec::unavailable), now);
    else if (const auto* fence = std::get_if<msg::fence_chunk>(&x.order))
      answer_fence(x.token, server, *fence);
    else if (const auto* lease = std::get_if<msg::take_lease>(&x.order))
      machine.answered(
        x.token, server_reply{msg::lease_taken{{chunk, *server.holds}, {}}},
        now);
    else if (std::holds_alternative<msg::release_lease>(x.order))
      release(x.token, server);
    else if (std::holds_alternative<msg::copy_chunk>(x.order))
      copies.push_back(x);
  }

  template <class Effect>
  void perform(Effect&) {
    // nop
  }

  void
  answer_fence(effect_token token, server& x, const msg::fence_chunk& order) {
    if (!x.holds)
      return machine.answered(token, fail(ec::not_found), now);
    x.holds->version = order.version;
    machine.answered(token, server_reply{msg::chunk_fenced{{chunk, *x.holds}}},
                     now);
  }

  /// The client notices, and asks, before the answer is there.
  void release(effect_token token, server& x) {
    ++releases;
    lose_grant();
    machine.answered(token,
                     server_reply{msg::lease_released{{chunk, *x.holds}}}, now);
  }

  /// What the source holds when it is asked.
  void finish_copies() {
    for (const auto& x : std::exchange(copies, {})) {
      const auto& order = std::get<msg::copy_chunk>(x.order);
      const auto from = of(order.from.front().store).holds;
      if (!from || from->version != order.wanted.extent.version) {
        machine.answered(x.token, fail(ec::stale), now);
        continue;
      }
      all.at(x.server).holds = from;
      machine.answered(x.token, server_reply{msg::chunk_copied{{chunk, *from}}},
                       now);
    }
    perform();
  }

  void kill_a_secondary() {
    auto& victim = of(grant.chain.back().store);
    victim.alive = false;
    machine.link_lost(victim.card.store, victim.card.boot, now);
    machine.probed(static_cast<server_index>(&victim - all.data()),
                   victim.card.boot, true, now);
    lose_grant();
    perform();
  }

  [[nodiscard]] bool repaired() const {
    return machine.state().table.count(chunk_class::under) == 0;
  }
};

TEST_F(Repair, OfAChunkThatIsWrittenAllTheTimeComesToItsEnd) { // SPEC G10 G14
  for (int i = 0; i < 10; ++i)
    step(true);
  ASSERT_TRUE(leads());
  kill_a_secondary();
  step(true);
  ASSERT_EQ(grant.chain.size(), 2u);
  longest = {};
  // A copy takes two steps.
  for (int i = 0; i < 150 && !(repaired() && leads()); ++i) {
    const auto ready = !copies.empty();
    step(true);
    if (ready)
      finish_copies();
  }
  EXPECT_TRUE(repaired());
  EXPECT_EQ(grant.chain.size(), 3u);
  EXPECT_EQ(releases, 1u);
  EXPECT_LE(longest, 400ms);
}

TEST_F(Repair, LetsWritersGoOnIfACopyTakesTooLong) { // SPEC G10 G14
  step(true);
  kill_a_secondary();
  longest = {};
  for (int i = 0; i < 150; ++i)
    step(true);
  EXPECT_EQ(releases, 1u); // And not at each tick.
  EXPECT_LE(longest, 1'000ms);
  EXPECT_TRUE(leads());
  finish_copies(); // Overtaken.
  EXPECT_FALSE(repaired());
  for (int i = 0; i < 250 && !repaired(); ++i) {
    step(true);
    finish_copies();
  }
  EXPECT_TRUE(repaired());
  EXPECT_LE(releases, 3u);
}

} // namespace
} // namespace dfs::core
