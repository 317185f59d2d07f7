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

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

constexpr chunk_id chunk{7};
constexpr msg::chunk_extent extent{chunk_version{2}, mutation_serial{9}, 1'000,
                                   1'000};

/// A master and what it wants done. Rows are durable at once.
struct Master : ::testing::Test {
  static directory_machine::options options(std::uint64_t term) {
    return {{}, master_term{term}, master_term{1}, 7};
  }

  instant now{};
  std::optional<directory_machine> machine{std::in_place, options(2), now};
  std::vector<ask_server> asked;
  std::vector<answer_lease> answers;
  std::optional<chunk_row> row; ///< The last.
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

  void report(std::uint8_t n, std::optional<msg::chunk_extent> has) {
    msg::report_chunks x{store_id{n}, boot(n), 0, true, 0, {}};
    if (has)
      x.chunks.push_back({chunk, *has});
    EXPECT_TRUE(machine->report(x, now));
    perform();
  }

  msg::chunk_heartbeat_ack beat(std::uint8_t n) {
    msg::chunk_heartbeat x;
    x.store = store_id{n};
    x.boot = boot(n);
    x.term = machine->state().term;
    x.sequence = ++sequences[n];
    x.heard = std::exchange(last_heard[n], x.sequence);
    x.volumes = {{n, 1u << 30, 1u << 30, false, "/disk"}};
    x.led_last = true;
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
        else if (auto* log = std::get_if<log_row>(&effect)) {
          row = log->row;
          machine->logged(log->token, now);
        }
    machine->check();
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

  /// The server that was asked takes the lease, or says who is behind.
  void take(std::vector<store_id> behind) {
    for (auto i = asked.begin(); i != asked.end(); ++i)
      if (const auto* order = std::get_if<msg::take_lease>(&i->order)) {
        auto here = extent;
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

/// Two of the three that have a chunk are here, the third comes back.
struct Return : Master {
  Return() {
    load(extent);
    enrol(1, extent);
    enrol(2, extent);
    for (int i = 0; i < 12; ++i)
      pass(500ms);
    come(3);
    machine->lease(1, {chunk, {}, {}}, now);
    perform();
    EXPECT_EQ(orders<msg::fence_chunk>(), 0u);
  }
};

// Left out, its copy would be old, and have to be made anew.
TEST_F(Return, IsWaitedForByANewGrant) { // SPEC G10
  pass(500ms);
  EXPECT_EQ(orders<msg::fence_chunk>(), 0u);
  report(3, extent);
  EXPECT_EQ(orders<msg::fence_chunk>(), 3u);
}

TEST_F(Return, IsNotWaitedForLong) { // SPEC G10
  pass(500ms);
  pass(500ms);
  EXPECT_EQ(orders<msg::fence_chunk>(), 2u);
}

// What it has will be old in a moment: nobody is told that all is well.
TEST_F(Return, IsNoFullCopyWhileAGrantGoesOnWithoutIt) { // SPEC G10, O3
  pass(500ms);
  pass(500ms);
  report(3, extent);
  pass(500ms);
  pass(500ms);
  EXPECT_TRUE(machine->state().servers.serves(2, now));
  EXPECT_EQ(report_status(*machine, {}, now).under_replicated, 1u);
  fence_at(1);
  fence_at(2);
  take({});
  EXPECT_EQ(answers.size(), 1u);
  EXPECT_EQ(report_status(*machine, {}, now).under_replicated, 1u);
}

/// Three servers have a chunk that nobody leads.
struct GrantMachine : Master {
  GrantMachine() {
    load(extent);
    for (std::uint8_t n = 1; n <= 3; ++n)
      enrol(n, extent);
    for (int i = 0; i < 12; ++i)
      pass(500ms);
  }

  /// The third is told that the chunk is revoked below the version to which it
  /// is being fenced, and says that it heard only after it was fenced.
  void fence_who_is_revoked() {
    machine->lease(1, {chunk, {}, {}}, now);
    perform();
    ASSERT_EQ(orders<msg::fence_chunk>(), 3u);
    report(3, extent);
    const auto told = beat(3);
    ASSERT_EQ(told.revoked.size(), 1u);
    EXPECT_EQ(told.revoked[0].extent.version, chunk_version{3});
  }
};

// That the former life did not answer is no reason to be impatient.
TEST_F(Master, GivesANewLifeItsTimeToBeFenced) { // SPEC G10
  load(extent);
  for (std::uint8_t n = 1; n <= 3; ++n)
    enrol(n, extent);
  for (int i = 0; i < 12; ++i)
    pass(500ms);
  for (std::uint8_t n = 1; n <= 3; ++n) {
    machine->link_lost(store_id{n}, boot(n), now);
    machine->probed(*machine->state().servers.find(store_id{n}), boot(n), true,
                    now);
  }
  machine->lease(1, {chunk, {store_id{2}, store_id{3}}, {}}, now);
  perform();
  ++lives;
  servers.clear();
  for (std::uint8_t n = 1; n <= 2; ++n)
    enrol(n, extent);
  pass(500ms);
  const auto& config = machine->state().config;
  EXPECT_EQ(orders<msg::fence_chunk>(), 2u);
  for (const auto& x : asked)
    if (std::holds_alternative<msg::fence_chunk>(x.order))
      EXPECT_EQ(x.within, config.fence_timeout);
}

// It has the version of the attempt, and serves it: what it heard was about
// those below. So the next attempt, without it, has to wait for it again.
TEST_F(GrantMachine, WaitsForWhoWasFencedBeforeItSaidWhatItHeard) { // SPEC I1
  fence_who_is_revoked();
  fence_at(3);
  beat(3);
  fence_at(1);
  fence_at(2);
  take({store_id{3}}); // The third cannot be brought level.
  fence_at(1);
  fence_at(2);
  EXPECT_EQ(orders<msg::take_lease>(), 0u)
    << "somebody leads, and the third may serve what it has";
  const auto told = beat(3);
  ASSERT_EQ(told.revoked.size(), 1u);
  EXPECT_EQ(told.revoked[0].extent.version, chunk_version{4});
  beat(3);
  take({});
  ASSERT_EQ(answers.size(), 1u);
  ASSERT_TRUE(answers[0].answer);
  EXPECT_EQ(answers[0].answer->grant.version, chunk_version{4});
  EXPECT_EQ(answers[0].answer->grant.chain.size(), 2u);
}

// Its fence may be on its way yet: then it has the version, and serves it.
TEST_F(GrantMachine, WaitsForWhoHeardBeforeItsFenceFailed) { // SPEC I1
  fence_who_is_revoked();
  beat(3);
  fence_at(1);
  fence_at(2);
  lose_fence();
  EXPECT_EQ(orders<msg::fence_chunk>(), 0u)
    << "the next attempt began, and the third may serve what it has";
  const auto told = beat(3);
  ASSERT_EQ(told.revoked.size(), 1u);
  EXPECT_EQ(told.revoked[0].extent.version, chunk_version{4});
  beat(3);
  fence_at(1);
  fence_at(2);
  take({});
  ASSERT_EQ(answers.size(), 1u);
  ASSERT_TRUE(answers[0].answer);
  EXPECT_EQ(answers[0].answer->grant.version, chunk_version{4});
}

// What it heard when it dropped out is nothing any more once it is asked again.
TEST_F(GrantMachine, WaitsForWhoDroppedOutBefore) { // SPEC I1
  machine->lease(1, {chunk, {}, {}}, now);
  perform();
  fence_at(1);
  fence_at(2);
  lose_fence();
  beat(3); // Is told …
  beat(3); // … and says so: the second attempt begins.
  fence_at(1);
  fence_at(2);
  take({store_id{2}});
  EXPECT_EQ(orders<msg::fence_chunk>(), 0u) << "one is too few";
  pass(500ms);
  ASSERT_EQ(orders<msg::fence_chunk>(), 3u);
  fence_at(1);
  fence_at(2);
  lose_fence();
  EXPECT_EQ(orders<msg::fence_chunk>(), 0u)
    << "the next attempt began, and the third may serve what it has";
}

/// A chunk of which the master knows no change. Of its set only the first
/// server is there; others have never had it.
struct FreshChunk : Master {
  static constexpr msg::chunk_extent nothing{chunk_version{1}, {}, 0, 0};

  FreshChunk() {
    load(nothing);
    auto here = extent;
    here.version = chunk_version{1};
    enrol(1, here);
    enrol(4, {});
    for (int i = 0; i < 12; ++i)
      pass(500ms);
    machine->lease(1, {chunk, {}, {}}, now);
    perform();
  }

  /// The first server is gone for good.
  void lose_first() {
    servers.erase(1);
    machine->link_lost(store_id{1}, boot_id{101}, now);
    lose_fence();
    for (int i = 0; i < 9; ++i)
      pass(500ms);
  }
};

// Another one that was told to make it has nothing of what was acknowledged.
TEST_F(FreshChunk, IsNotMadeAnewWithoutTheOneThatMayHaveIt) { // SPEC I2
  ASSERT_EQ(orders<msg::fence_chunk>(), 2u) << "a second place is found";
  auto made = nothing;
  fence_at(4, made);
  lose_first();
  enrol(5, {});
  for (int i = 0; i < 3; ++i)
    pass(500ms);
  EXPECT_EQ(orders<msg::fence_chunk>(), 0u);
  made.version = chunk_version{2};
  report(4, made);
  for (int i = 0; i < 3; ++i)
    pass(500ms);
  EXPECT_EQ(orders<msg::fence_chunk>(), 0u);
  const auto places = machine->locate({.chunks = {{.chunk = chunk}}}, now);
  ASSERT_TRUE(places);
  for (const auto& x : places->chunks.at(0).replicas)
    EXPECT_NE(x.store, store_id{4}) << "a reader would find nothing there";
}

TEST_F(FreshChunk, IsNotMadeAnewByTheNextMasterEither) { // SPEC I2
  fence_at(4, nothing);
  lose_first();
  ASSERT_TRUE(row);
  machine.emplace(options(3), now);
  load(nothing);
  machine->load_version_row(*row);
  servers.clear();
  auto made = nothing;
  made.version = chunk_version{2};
  enrol(4, made);
  enrol(5, {});
  asked.clear();
  for (int i = 0; i < 12; ++i)
    pass(500ms);
  machine->lease(2, {chunk, {}, {}}, now);
  pass(500ms);
  EXPECT_EQ(orders<msg::fence_chunk>(), 0u);
  auto here = extent;
  here.version = chunk_version{1};
  enrol(1, here);
  pass(500ms);
  EXPECT_GE(orders<msg::fence_chunk>(), 2u) << "now it can be";
}

} // namespace
} // namespace dfs::core
