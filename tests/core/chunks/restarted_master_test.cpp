#include "core/chunks/directory_machine.hpp"
#include "core/chunks/directory_report.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <variant>
#include <vector>

namespace dfs::core {
namespace {

using namespace std::chrono_literals;

constexpr chunk_id chunk{7};
constexpr lease_epoch former{(std::uint64_t{1} << 40) + 5};

/// The second master of a cluster. Three servers have a chunk; the first leads
/// it since the days of the former master.
struct RestartedMaster : ::testing::Test {
  instant now{};
  directory_machine machine{{{}, master_term{2}, master_term{1}, 7}, now};
  msg::chunk_extent extent{chunk_version{2}, mutation_serial{9}, 1'000, 1'000};
  std::vector<answer_lease> answers;

  RestartedMaster() {
    machine.load_file_row({.chunk = chunk,
                           .file = inode_id{5},
                           .extent = extent,
                           .replication = 3,
                           .intent = {},
                           .set = {store_id{1}, store_id{2}, store_id{3}}});
    for (std::uint8_t n = 1; n <= 3; ++n) {
      msg::register_chunkserver card;
      card.store = store_id{n};
      card.boot = boot_id{n + 100u};
      card.name = "store-" + std::to_string(n);
      card.zone = card.name;
      card.data = *endpoint::parse("10.0.0." + std::to_string(n) + ":7405");
      card.volumes = {{n, 1u << 30, 1u << 30, false, "/disk"}};
      EXPECT_TRUE(machine.register_server(card, now));
      EXPECT_TRUE(machine.report(
        {card.store, card.boot, 0, true, 0, {{chunk, extent}}, {}}, now));
    }
  }

  void beat(bool leads) {
    msg::chunk_heartbeat beat;
    beat.store = store_id{1};
    beat.boot = boot_id{101};
    beat.term = master_term{2};
    beat.sequence = 1;
    beat.volumes = {{1, 1u << 30, 1u << 30, false, "/disk"}};
    if (leads)
      beat.led.push_back({chunk, former, extent, true, false, false});
    beat.led_last = true;
    EXPECT_TRUE(machine.heartbeat(beat, now));
  }

  void take() {
    for (auto& effect : machine.take_effects())
      if (auto* x = std::get_if<answer_lease>(&effect))
        answers.push_back(std::move(*x));
  }
};

// A client does one thing after another: the second question comes before the
// next tick of the master.
TEST_F(RestartedMaster,
       AnswersWhoeverAsksAfterAPrimaryToldOfItself) { // SPEC G3
  machine.lease(1, {chunk, {}, {}}, now);
  take();
  EXPECT_TRUE(answers.empty()) << "nobody may be made primary yet";
  beat(true);
  take();
  ASSERT_EQ(answers.size(), 1u);
  ASSERT_TRUE(answers[0].answer);
  EXPECT_EQ(answers[0].answer->grant.epoch, former);
  machine.check();
  machine.lease(2, {chunk, {}, {}}, now);
  take();
  ASSERT_EQ(answers.size(), 2u) << "the second question is lost";
  EXPECT_EQ(answers[1].asker, 2u);
  ASSERT_TRUE(answers[1].answer);
  EXPECT_EQ(answers[1].answer->grant.epoch, former);
}

// A client writes under grants of the former master. Servers tell of a chunk
// when they make it, empty, and not again.
TEST_F(RestartedMaster, TakesAFileThatWasWrittenAfterTheLists) { // SPEC G3, S1
  constexpr chunk_id fresh{99};
  msg::written_chunk x;
  x.grant.chunk = fresh;
  x.grant.version = chunk_version{1};
  x.grant.term = master_term{1};
  x.extent = {chunk_version{1}, mutation_serial{1}, 100, 100};
  for (std::uint64_t n = 1; n <= 3; ++n) {
    msg::chunk_heartbeat beat;
    beat.store = store_id{n};
    beat.boot = boot_id{n + 100};
    beat.term = master_term{2};
    beat.sequence = 1;
    beat.volumes = {{n, 1u << 30, 1u << 30, false, "/disk"}};
    beat.led_last = true;
    // The third one was fenced for a grant that nobody got.
    beat.arrived = {{fresh, {chunk_version{n == 3 ? 2u : 1u}, {}, 0, 0}}};
    EXPECT_TRUE(machine.heartbeat(beat, now));
    x.grant.chain.push_back(
      {store_id{n}, *endpoint::parse("10.0.0." + std::to_string(n) + ":7405")});
  }
  EXPECT_TRUE(machine.adopt({x}, {true}, now));
  EXPECT_EQ(machine.state().table.holders(fresh).size(), 2u)
    << "what was fenced has nothing";
  machine.check();
}

/// A master that was restarted while a server is away, which alone has a chunk.
struct ServerAway : ::testing::Test {
  instant now{};
  directory_machine machine{{{}, master_term{2}, master_term{1}, 7}, now};
  static constexpr store_id here{1};
  static constexpr store_id away{2};
  const server_row row{away, "store-2", "zone-2",
                       *endpoint::parse("10.0.0.2:7405")};
  const msg::chunk_extent extent{chunk_version{2}, mutation_serial{9}, 1'000,
                                 1'000};
  std::vector<server_row> logged;
  std::vector<store_id> removed;

  ServerAway() {
    machine.load_server_row(row);
    machine.load_file_row({.chunk = chunk,
                           .file = inode_id{5},
                           .extent = extent,
                           .replication = 1,
                           .intent = {},
                           .set = {away}});
  }

  void enrol(const server_row& x, std::vector<msg::chunk_state> has) {
    msg::register_chunkserver card;
    card.store = x.store;
    card.boot = boot_id{x.store.value() + 100};
    card.name = x.name;
    card.zone = x.zone;
    card.data = x.data;
    card.volumes = {{1, 1u << 30, 1u << 30, false, "/disk"}};
    ASSERT_TRUE(machine.register_server(card, now));
    ASSERT_TRUE(machine.report(
      {card.store, card.boot, 0, true, 0, std::move(has), {}}, now));
  }

  /// Time passes; who is here goes on telling so.
  void pass(std::chrono::seconds time) {
    const auto end = now + time;
    for (; now < end; now += 500ms) {
      msg::chunk_heartbeat beat;
      beat.store = here;
      beat.boot = boot_id{101};
      beat.term = master_term{2};
      beat.sequence = ++sequence;
      beat.led_last = true;
      ASSERT_TRUE(machine.heartbeat(beat, now));
      machine.tick(now);
      take();
    }
  }

  void take() {
    for (auto& effect : machine.take_effects()) {
      EXPECT_FALSE(std::holds_alternative<probe_server>(effect))
        << "nothing is known of its life, so nothing proves its death";
      if (const auto* x = std::get_if<log_server>(&effect))
        logged.push_back(x->row);
      if (const auto* x = std::get_if<remove_server>(&effect))
        removed.push_back(x->store);
    }
  }

  [[nodiscard]] msg::chunk_health health() const {
    return machine.check_chunks({{chunk}, {}}, now)->chunks.at(0).health;
  }

  std::uint64_t sequence = 0;
};

TEST_F(ServerAway, MissesAServerThatAFormerMasterKnew) { // SPEC G6
  enrol({here, "store-1", "zone-1", *endpoint::parse("10.0.0.1:7405")}, {});
  EXPECT_EQ(machine.forget({"store-2", true}, now).error().code, ec::exists)
    << "its lease may run";
  pass(20s);
  ASSERT_EQ(logged.size(), 1u) << "who is known is not written again";
  EXPECT_EQ(logged[0].store, here);
  EXPECT_EQ(health(), msg::chunk_health::unavailable);
  const auto status = report_status(machine, {}, now);
  ASSERT_EQ(status.servers.size(), 2u);
  EXPECT_EQ(status.servers[1].name, "store-2");
  EXPECT_FALSE(status.servers[1].serving);
  enrol(row, {{chunk, extent}});
  pass(3s);
  EXPECT_EQ(logged.size(), 1u);
  EXPECT_EQ(
    machine.check_chunks({{chunk}, {}}, now)->chunks.at(0).replicas[0].store,
    away);
  machine.check();
}

TEST_F(ServerAway, ForgetsAServerForGood) { // SPEC G6
  enrol({here, "store-1", "zone-1", *endpoint::parse("10.0.0.1:7405")}, {});
  pass(20s);
  // What nobody has told of may be there.
  const auto refused = machine.forget({"store-2", false}, now);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ec::not_empty);
  const auto gone = machine.forget({"store-2", true}, now);
  ASSERT_TRUE(gone);
  EXPECT_EQ(gone->lost, 1u);
  pass(20s);
  EXPECT_EQ(removed, std::vector{away});
  EXPECT_EQ(health(), msg::chunk_health::lost);
  EXPECT_EQ(report_status(machine, {}, now).servers.size(), 1u);
  // Should it come back all the same.
  enrol(row, {{chunk, extent}});
  take();
  EXPECT_EQ(logged.back(), row);
  machine.check();
}

TEST_F(ServerAway, KeepsTheNewAddressOfAServer) {
  auto moved = row;
  moved.data = *endpoint::parse("10.0.0.9:7405");
  now += node_lease; // A copy of it may be what has come.
  enrol(moved, {});
  take();
  EXPECT_EQ(logged, std::vector{moved});
}

/// A file that was empty when its chunk became part of it, appended to since;
/// of three servers that were to have the chunk the third has lost it.
struct Appended : ::testing::Test {
  instant now{};
  const msg::chunk_extent nothing{chunk_version{1}, {}, 0, 0};
  const msg::chunk_extent extent{chunk_version{1}, mutation_serial{9}, 1'000,
                                 1'000};
  const chunk_row of_file{.chunk = chunk,
                          .file = inode_id{5},
                          .extent = nothing,
                          .replication = 3,
                          .intent = {},
                          .set = {store_id{1}, store_id{2}, store_id{3}}};
  std::vector<chunk_row> logged;
  std::uint64_t sequence = 0;

  void enrol(directory_machine& machine, std::uint8_t n, bool has) {
    msg::register_chunkserver card;
    card.store = store_id{n};
    card.boot = boot_id{n + 100u};
    card.name = "store-" + std::to_string(n);
    card.zone = card.name;
    card.data = *endpoint::parse("10.0.0." + std::to_string(n) + ":7405");
    card.volumes = {{n, 1u << 30, 1u << 30, false, "/disk"}};
    ASSERT_TRUE(machine.register_server(card, now));
    std::vector<msg::chunk_state> listed;
    if (has)
      listed.push_back({chunk, extent});
    ASSERT_TRUE(
      machine.report({card.store, card.boot, 0, true, 0, listed, {}}, now));
  }

  void beat(directory_machine& machine, std::uint8_t n, master_term term,
            const std::vector<msg::led_chunk>& leads = {},
            const std::vector<msg::chunk_state>& news = {}) {
    msg::chunk_heartbeat beat;
    beat.store = store_id{n};
    beat.boot = boot_id{n + 100u};
    beat.term = term;
    beat.sequence = ++sequence;
    beat.led = leads;
    beat.arrived = news;
    beat.led_last = true;
    beat.all_told = true;
    ASSERT_TRUE(machine.heartbeat(beat, now));
  }

  /// Time passes; all three go on telling that they are here.
  void pass(directory_machine& machine, master_term term) {
    const auto end = now + 20s;
    for (; now < end; now += 500ms) {
      for (std::uint8_t n = 1; n <= 3; ++n)
        beat(machine, n, term);
      machine.tick(now);
      take(machine);
    }
  }

  void take(directory_machine& machine) {
    for (const auto& effect : machine.take_effects())
      if (const auto* x = std::get_if<log_row>(&effect))
        logged.push_back(x->row);
  }
};

TEST_F(Appended, IsKnownToTheMasterAfterTheNext) { // SPEC G1, G10
  directory_machine second{{{}, master_term{2}, master_term{1}, 7}, now};
  second.load_file_row(of_file);
  for (std::uint8_t n = 1; n <= 3; ++n)
    enrol(second, n, true);
  beat(second, 1, master_term{2},
       {{chunk, former, extent, true, false, false}});
  take(second);
  ASSERT_EQ(logged.size(), 1u);
  EXPECT_EQ(logged[0].extent, extent);
  beat(second, 1, master_term{2},
       {{chunk, former, extent, true, false, false}});
  take(second);
  EXPECT_EQ(logged.size(), 1u) << "once is enough";

  directory_machine third{{{}, master_term{3}, master_term{1}, 7}, now};
  third.load_file_row(of_file);
  third.load_version_row(logged[0]);
  for (std::uint8_t n = 1; n <= 3; ++n)
    enrol(third, n, n < 3);
  pass(third, master_term{3});
  const auto found = third.check_chunks({{chunk}, {}}, now)->chunks.at(0);
  EXPECT_EQ(found.replicas.size(), 2u) << "believed to be where it is not";
  EXPECT_EQ(found.health, msg::chunk_health::under);
  EXPECT_EQ(logged.size(), 1u);
  third.check();
}

// The others tell that they have made it, empty, after their primary has told
// what it committed since.
TEST_F(Appended, IsAtAllWhoMadeItUnderItsGrant) { // SPEC G3, G10
  directory_machine second{{{}, master_term{2}, master_term{1}, 7}, now};
  second.load_file_row(of_file);
  for (std::uint8_t n = 1; n <= 3; ++n)
    enrol(second, n, false);
  beat(second, 1, master_term{2}, {{chunk, former, extent, true, false, false}},
       {{chunk, extent}});
  for (std::uint8_t n = 2; n <= 3; ++n)
    beat(second, n, master_term{2}, {}, {{chunk, nothing}});
  EXPECT_EQ(second.state().table.holders(chunk).size(), 3u);
  EXPECT_TRUE(second.state().table.behind(chunk).empty());
  second.check();
}

TEST_F(Appended, IsLedByNobodyAndLookedInto) { // SPEC G1, G10
  directory_machine second{{{}, master_term{2}, master_term{1}, 7}, now};
  second.load_file_row(of_file);
  for (std::uint8_t n = 1; n <= 3; ++n)
    enrol(second, n, n < 3);
  pass(second, master_term{2});
  ASSERT_FALSE(logged.empty()) << "nobody will ever know how far it goes";
  EXPECT_EQ(logged[0].intent, chunk_version{2});
  second.check();
}

} // namespace
} // namespace dfs::core
