#include "core/chunks/master_steps.hpp"

// Every chunk is judged, in portions that leave the master time for others.

namespace dfs::core {
namespace {

using RepairSweep = test::Master;

TEST_F(RepairSweep, GoesOnWhereThePortionEnded) { // SPEC G10
  const std::uint64_t chunks = 120'000;           // More than two portions.
  for (std::uint64_t i = 1; i <= chunks; ++i)
    machine->load_file_row({.chunk = chunk_id{i},
                            .file = inode_id{5},
                            .extent = test::extent,
                            .replication = 3});
  const auto unjudged
    = [&] { return machine->state().table.count(chunk_class::unjudged); };
  ASSERT_EQ(unjudged(), chunks);
  for (int i = 0; i < 20 && unjudged() != 0; ++i) {
    now += std::chrono::milliseconds{500};
    machine->tick(now);
    (void) machine->take_effects();
  }
  EXPECT_EQ(unjudged(), 0u);
}

// A master of ten million chunks would judge them again and again.
TEST_F(RepairSweep, EndsWhenAllAreJudged) { // SPEC G10
  const auto load = [&](std::uint64_t i) {
    machine->load_file_row({.chunk = chunk_id{i},
                            .file = inode_id{5},
                            .extent = test::extent,
                            .replication = 3});
  };
  const auto tick = [&] {
    now += std::chrono::milliseconds{500};
    machine->tick(now);
    (void) machine->take_effects();
  };
  const auto unjudged
    = [&] { return machine->state().table.count(chunk_class::unjudged); };
  load(1);
  for (int i = 0; i < 20; ++i)
    tick();
  ASSERT_EQ(unjudged(), 0u);
  load(2); // Of which nobody tells: only a sweep would find it.
  for (int i = 0; i < 20; ++i)
    tick();
  EXPECT_EQ(unjudged(), 1u);
}

} // namespace
} // namespace dfs::core
