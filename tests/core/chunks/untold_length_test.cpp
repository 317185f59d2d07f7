#include "core/chunks/master_steps.hpp"

// What was appended before a primary ended, without a word to the master.

namespace dfs::core::test {
namespace {

struct UntoldLength : Master {
  static constexpr msg::chunk_extent known{chunk_version{2}, mutation_serial{5},
                                           500, 500};

  UntoldLength() {
    load(known);
    for (const std::uint8_t n : {1, 2, 3})
      enrol(n, extent);
  }

  /// Until somebody is asked to lead, or for so long.
  void fence_all(std::chrono::milliseconds within) {
    for (const auto until = now + within;
         now < until && orders<msg::fence_chunk>() < 3;)
      pass(100ms);
    ASSERT_EQ(orders<msg::fence_chunk>(), 3u) << "nobody settles the chunk";
    for (const std::uint8_t n : {1, 2, 3})
      fence_at(n);
  }

  void expect_told(chunk_version version) const {
    ASSERT_FALSE(growth.empty());
    const auto& [file, state, growing] = growth.back();
    EXPECT_EQ(file, inode_id{5});
    EXPECT_EQ(state.chunk, chunk);
    EXPECT_EQ(state.extent.version, version);
    EXPECT_EQ(state.extent.serial, extent.serial);
    EXPECT_EQ(state.extent.length, extent.length);
  }
};

// All have ended and are back, every replica is complete, and nobody reads.
TEST_F(UntoldLength, IsFoundWithoutAReader) { // SPEC S9
  ASSERT_NO_FATAL_FAILURE(fence_all(5s));
  take({});
  ASSERT_NO_FATAL_FAILURE(expect_told(chunk_version{3}));
  EXPECT_FALSE(growth.back().growing);
  for (int n = 0; n < 600; ++n)
    pass(200ms);
  EXPECT_TRUE(asked.empty()) << "one grant is enough";
}

// A former master's lease may run: its primary says so with a heartbeat.
TEST_F(UntoldLength, IsNotAskedForWhileAPrimaryMayLead) { // SPEC G6
  msg::chunk_heartbeat beat;
  beat.store = store_id{1};
  beat.boot = boot(1);
  beat.term = machine->state().term;
  beat.volumes = {{1, 1u << 30, 1u << 30, false, "/disk"}};
  for (int n = 0; n < 100; ++n) {
    now += 200ms;
    for (const std::uint8_t i : {2, 3})
      this->beat(i);
    beat.sequence = ++sequences[1];
    EXPECT_TRUE(machine->heartbeat(beat, now));
    machine->tick(now);
    perform();
    ASSERT_EQ(orders<msg::fence_chunk>(), 0u);
  }
}

} // namespace
} // namespace dfs::core::test
