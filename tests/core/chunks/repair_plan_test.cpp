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
  std::vector<server_index> probes;
  std::uint64_t serial = 1;
  unsigned releases = 0;
  bool keep_release = false; ///< The first answer is late.
  std::optional<effect_token> kept_release;
  instant changed{}; ///< The last time that somebody led.
  std::chrono::milliseconds longest{};
  bool writer = true; ///< Somebody wants to change it.

  Repair() {
    register_all();
    for (int i = 0; i < 100; ++i)
      step(false);
    write_file();
    lose_grant();
  }

  /// A master of that age, and a file that nobody changes.
  explicit Repair(int steps) : writer{false} {
    register_all();
    for (int i = 0; i < steps; ++i)
      step(false);
    write_file();
  }

  /// One that begins with a chunk, which all servers but the last have.
  explicit Repair(const chunk_row& inherited)
    : chunk{inherited.chunk},
      writer{false} {
    machine.load_file_row(inherited);
    register_all();
    for (auto& x : all) {
      if (&x == &all.back())
        break;
      x.holds = inherited.extent;
      EXPECT_TRUE(machine.report({x.card.store,
                                  x.card.boot,
                                  0,
                                  true,
                                  1,
                                  {{chunk, inherited.extent}},
                                  {}},
                                 now));
    }
  }

  void register_all() {
    for (std::uint8_t n = 0; n < count; ++n) {
      auto& x = all[n].card;
      x.store = store_id{n + 1u};
      x.boot = boot_id{n + 101u};
      x.name = "store-" + std::to_string(n);
      x.zone = x.name;
      x.data = *endpoint::parse("10.0.0." + std::to_string(n + 1) + ":7405");
      x.volumes = {{n + 1u, 1u << 30, 1u << 30, false, "/disk"}};
      EXPECT_TRUE(machine.register_server(x, now));
      EXPECT_TRUE(machine.report({x.store, x.boot, 0, true, 0, {}, {}}, now));
    }
  }

  void write_file() {
    const auto made = machine.allocate({1, 0, {}}, now);
    ASSERT_TRUE(made);
    grant = made->grants.at(0);
    chunk = grant.chunk;
    const auto at = extent(grant.version);
    ASSERT_TRUE(machine.adopt({{grant, at}}, {true}, now));
    for (const auto& x : grant.chain)
      of(x.store).holds = at;
    machine.keep({inode_id{5}, {{chunk, at}}, 3}, now);
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

  void perform(probe_server& x) {
    probes.push_back(x.server);
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
    if (writer)
      lose_grant();
    if (keep_release && !kept_release)
      kept_release = token;
    else
      answer_release(token, x);
  }

  void answer_release(effect_token token, const server& x) {
    machine.answered(
      token, server_reply{msg::lease_released{{chunk, *x.holds}, true}}, now);
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

  void kill(server& victim) {
    victim.alive = false;
    machine.link_lost(victim.card.store, victim.card.boot, now);
    answer_probe(victim, true);
  }

  void answer_probe(const server& x, bool refused) {
    machine.probed(static_cast<server_index>(&x - all.data()), x.card.boot,
                   refused, now);
    perform();
  }

  void kill_a_secondary() {
    kill(of(grant.chain.back().store));
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

// The answer comes when its client has another lease already, of the same
// server: a copy that began now would lack what is changed under that.
TEST_F(Repair, IsNotBegunByWhatWasGivenBackLongAgo) { // SPEC G3 G10
  keep_release = true;
  step(true);
  kill_a_secondary();
  for (int i = 0; i < 150 && !kept_release; ++i)
    step(true);
  ASSERT_TRUE(kept_release);
  ASSERT_FALSE(leads());
  for (int i = 0; i < 150 && !leads(); ++i)
    step(true);
  ASSERT_TRUE(leads());
  answer_release(*kept_release, of(grant.chain.front().store));
  perform();
  EXPECT_TRUE(copies.empty());
  EXPECT_NE(machine.state().leases.find(chunk), nullptr);
}

/// Not everybody who may have chunks of its predecessor has told yet.
struct RepairByAYoungMaster : Repair {
  RepairByAYoungMaster() : Repair{10} {
    EXPECT_FALSE(machine.state().gathered(now));
  }
};

// What was made in this term can only be where this master knows of it.
TEST_F(RepairByAYoungMaster, BeginsWhenADeathIsProven) { // SPEC G10
  kill(of(grant.chain.front().store));
  EXPECT_EQ(copies.size(), 1u);
  finish_copies();
  EXPECT_TRUE(repaired());
}

// It has given the chunk back: nobody asks to be made primary after it.
TEST_F(RepairByAYoungMaster, WaitsForNoHeirOfWhoIsAlive) { // SPEC G10
  ++serial; // More than its client told when it made the file.
  step(false);
  ASSERT_FALSE(machine.state().table.find(chunk)->has(chunk_entry::settled));
  kill(of(grant.chain.back().store));
  EXPECT_EQ(releases, 1u);
  EXPECT_EQ(copies.size(), 1u);
}

// Its link may be gone while its port still listens.
TEST_F(RepairByAYoungMaster, ProbesAtEachTick) { // SPEC G10
  auto& victim = of(grant.chain.front().store);
  victim.alive = false;
  machine.link_lost(victim.card.store, victim.card.boot, now);
  perform();
  ASSERT_EQ(probes.size(), 1u);
  answer_probe(victim, false);
  EXPECT_TRUE(copies.empty());
  step(false);
  EXPECT_EQ(probes.size(), 2u);
  answer_probe(victim, true);
  EXPECT_EQ(copies.size(), 1u);
}

/// A chunk of a former term, of which its servers have to tell.
struct RepairOfAnInheritance : Repair {
  RepairOfAnInheritance()
    : Repair{
      chunk_row{.chunk = chunk_id{7},
                .file = inode_id{5},
                .extent = {chunk_version{1}, mutation_serial{1}, 1'000, 1'000},
                .replication = 3,
                .intent = {},
                .set = {}}} {
    // nop
  }
};

TEST_F(RepairOfAnInheritance, BeginsWhenAllHaveTold) { // SPEC G10
  step(false);
  kill(all.front());
  while (!machine.state().gathered(now)) {
    EXPECT_TRUE(copies.empty());
    step(false);
  }
  EXPECT_EQ(copies.size(), 1u);
}

TEST_F(RepairOfAnInheritance,
       IsNotForgottenWhileSomebodyTellsAnew) { // SPEC G10
  while (!machine.state().gathered(now))
    step(false);
  const auto& last = all.back().card;
  ASSERT_TRUE(
    machine.report({last.store, last.boot, 0, false, 2, {}, {}}, now));
  ASSERT_FALSE(machine.state().gathered(now));
  kill(all.front());
  for (int i = 0; i < 5; ++i)
    step(false);
  EXPECT_TRUE(copies.empty());
  ASSERT_TRUE(machine.report({last.store, last.boot, 1, true, 2, {}, {}}, now));
  step(false);
  EXPECT_EQ(copies.size(), 1u);
}

} // namespace
} // namespace dfs::core
