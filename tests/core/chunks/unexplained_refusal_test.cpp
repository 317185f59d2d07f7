#include "core/chunks/master_steps.hpp"

// A server refuses a replica that a former master has revoked. Nobody knows why
// any more: perhaps because it lacks what was committed.

namespace dfs::core {
namespace {

using namespace test;

constexpr msg::chunk_extent less{chunk_version{2}, mutation_serial{7}, 700,
                                 700};

struct UnexplainedRefusal : Master {
  /// Three servers were known, and have the chunk.
  void begin(directory_config config = {}) {
    machine.emplace(
      directory_machine::options{config, master_term{2}, master_term{1}, 7},
      now);
    for (std::uint8_t n = 1; n <= 3; ++n)
      machine->load_server_row(
        {store_id{n}, "store-" + std::to_string(n), "zone",
         *endpoint::parse("10.0.0." + std::to_string(n) + ":7405")});
    // How far it is committed stands in no row.
    auto known = extent;
    known.serial = mutation_serial{5};
    known.length = known.padded_from = 500;
    load(known);
  }

  void wait(int halves = 60) {
    for (int i = 0; i < halves && asked.empty(); ++i)
      pass(500ms);
  }

  msg::chunk_report explain() {
    msg::check_chunks x;
    x.chunks.push_back(chunk);
    return machine->check_chunks(x, now)->chunks.at(0);
  }

  void forget(std::uint8_t n) {
    msg::forget_server x;
    x.server = "store-" + std::to_string(n);
    x.force = true;
    EXPECT_TRUE(machine->forget(x, now));
    perform();
  }

  std::string finding(std::string_view code) {
    const auto status = report_status(*machine, {}, now);
    for (const auto& x : status.findings)
      if (x.code == code)
        return x.text;
    return {};
  }
};

constexpr auto in_words = "store-2, store-3; bring them back, or forget them";

// Its disk had gone back; the master that noticed is gone, and so is everybody
// who has more.
TEST_F(UnexplainedRefusal, SettlesNothingAlone) { // SPEC G5
  begin();
  come(1);
  report(1, less, true);
  wait();
  EXPECT_EQ(orders<msg::fence_chunk>(), 0u);
  machine->lease(1, {chunk, {}, {}}, now);
  wait();
  EXPECT_EQ(orders<msg::fence_chunk>(), 0u);
  ASSERT_EQ(answers.size(), 1u);
  ASSERT_FALSE(answers[0].answer);
  EXPECT_EQ(answers[0].answer.error().code, ec::no_redundancy);
  EXPECT_NE(answers[0].answer.error().context.find(in_words), std::string::npos)
    << answers[0].answer.error().context;
  // One of them is back.
  enrol(2, extent);
  wait();
  ASSERT_EQ(orders<msg::fence_chunk>(), 2u);
  fence_at(1, less);
  fence_at(2);
  wait();
  EXPECT_EQ(asked_to_lead(), 2);
}

TEST_F(UnexplainedRefusal, IsToldToPeople) { // SPEC G10
  begin();
  come(1);
  report(1, less, true);
  wait();
  const auto told = explain();
  EXPECT_EQ(told.health, msg::chunk_health::unavailable);
  EXPECT_NE(told.repair.find("former master"), std::string::npos);
  EXPECT_NE(told.repair.find(in_words), std::string::npos) << told.repair;
  EXPECT_NE(finding("CHUNKS_UNAVAILABLE").find("chunk 7: a former master"),
            std::string::npos)
    << finding("CHUNKS_UNAVAILABLE");
}

// Nobody else has it any more.
TEST_F(UnexplainedRefusal, SettlesWhenTheOthersAreForgotten) { // SPEC G10
  begin();
  come(1);
  report(1, less, true);
  wait();
  ASSERT_TRUE(asked.empty());
  forget(2);
  wait(20);
  EXPECT_TRUE(asked.empty());
  forget(3);
  wait(20);
  ASSERT_EQ(orders<msg::fence_chunk>(), 1u);
  fence_at(1, less);
  wait();
  EXPECT_EQ(asked_to_lead(), 1);
}

// The row says that nothing was changed since: copies need no grant. But this
// replica is read by nobody before there is one.
TEST_F(UnexplainedRefusal, OfASettledChunkGetsANewVersion) { // SPEC G10
  begin();
  auto known = less;
  known.serial = mutation_serial{5};
  known.length = known.padded_from = 500;
  come(1);
  report(1, known, true);
  wait();
  ASSERT_TRUE(asked.empty());
  forget(2);
  forget(3);
  wait();
  EXPECT_EQ(orders<msg::fence_chunk>(), 1u);
}

// What was acknowledged is on two disks at least: both cannot have lost it.
TEST_F(UnexplainedRefusal, OfTwoServersIsEnough) { // SPEC G10
  begin();
  for (const std::uint8_t n : {1, 2}) {
    come(n);
    report(n, less, true);
  }
  wait();
  EXPECT_EQ(orders<msg::fence_chunk>(), 2u);
}

// The other one, which has everything, is here and does not answer.
TEST_F(UnexplainedRefusal, DoesNotGoOnWithoutAnotherThatHangs) { // SPEC G5
  directory_config config;
  config.replicas_min = 1;
  begin(config);
  come(1);
  come(2);
  report(1, less, true);
  report(2, extent);
  come(3);
  report(3, std::nullopt); // Everybody is here.
  wait();
  ASSERT_EQ(orders<msg::fence_chunk>(), 2u);
  fence_at(1, less);
  lose_fence();
  for (int i = 0; i < 10; ++i) {
    pass(500ms);
    EXPECT_EQ(asked_to_lead(), 0);
    for (const auto& x : asked)
      if (std::holds_alternative<msg::fence_chunk>(x.order))
        EXPECT_EQ(orders<msg::fence_chunk>(), 2u); // With the other one.
  }
}

// Its first list was made before the last changes came to it: that this master
// has revoked it says nothing of what it has now.
TEST_F(UnexplainedRefusal, IsNoneOfThisMaster) { // SPEC G10
  begin();
  auto early = less;
  early.serial = mutation_serial{4};
  early.length = early.padded_from = 400;
  enrol(1, early);
  beat(1);
  report(1, extent);
  report(1, extent, true); // It lists anew, and what it refuses.
  const auto& state = machine->state();
  const auto i = *state.servers.find(store_id{1});
  ASSERT_TRUE(state.refuses(chunk, i));
  EXPECT_FALSE(state.doubts(chunk, i));
  wait();
  EXPECT_EQ(orders<msg::fence_chunk>(), 1u);
}

// There never was another one.
TEST_F(UnexplainedRefusal, OfTheOnlyReplicaSettlesIt) { // SPEC G10
  begin();
  chunk_id alone{8};
  machine->load_file_row({.chunk = alone,
                          .file = inode_id{6},
                          .extent = extent,
                          .replication = 1,
                          .intent = {},
                          .set = {store_id{1}}});
  come(1);
  auto has = extent;
  has.serial = mutation_serial{11};
  msg::report_chunks x{store_id{1},    boot(1),        0,      true,
                       ++sequences[1], {{alone, has}}, {alone}};
  EXPECT_TRUE(machine->report(x, now));
  wait();
  EXPECT_EQ(orders<msg::fence_chunk>(), 1u);
}

} // namespace
} // namespace dfs::core
