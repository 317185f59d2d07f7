#include "core/chunks/directory_machine.hpp"

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
        {card.store, card.boot, 0, true, 0, {{chunk, extent}}}, now));
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

} // namespace
} // namespace dfs::core
